"""Restrict DuckDB to the folders of the local cloud and to installed extensions, without access to the network.

The restriction applies to all SQL that reaches DuckDB, even if no rule of the emulator foresees the SQL. Before a
statement reaches DuckDB, the module `sql_reach.py` refuses what BigQuery does not have, with BigQuery's messages.

This module also finds the files of loads and exports. Clients load `gs://` objects from the folder of the buckets. The
gateway exports to files that it names `scratch:NAME`.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import extract, load, storage
from local_bigquery.settings import settings

from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.place import EXTENSIONS, SCRATCH

_SCRATCH_FILE = re.compile(r"scratch:([0-9a-f]{32}\.(?:arrow|shard))")


def scratch() -> Path:
    """Return the folder in which the gateway and the emulator exchange files."""
    return Path(os.environ[SCRATCH])


def add() -> None:
    """Restrict the files of loads, exports and DuckDB. Call this function before a connection is opened."""
    # The extensions come from pip, like this code, so the signatures of the extensions need no check.
    patching.wrap(duckdb, "connect", _connected, "the check of the extensions' signatures takes 1.5 s")
    for module in (storage, load):
        patching.replace(module, "paths", _paths, "loads read any file and address")
    for module in (storage, extract):
        patching.replace(module, "written", _written, "exports write to any file and address")


def close(connection: duckdb.DuckDBPyConnection) -> None:
    """Load all extensions. Then disable access to the network and to all files outside the local cloud's folders."""
    for name in EXTENSIONS:
        connection.execute(f"LOAD {name}")
    folders = [settings.data_dir, scratch(), *([settings.gcs_local_root] if settings.gcs_local_root else [])]
    allowed = ", ".join(storage.literal(f"{folder.absolute()}/") for folder in folders)
    for statement in (
        f"SET allowed_directories = [{allowed}]",
        "SET enable_external_access = false",
        # Python variables must not be visible as tables.
        "SET python_enable_replacements = false",
        "SET allow_community_extensions = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)


def _connected(connect: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    config = {"allow_unsigned_extensions": "true"} | named.pop("config", {})
    return connect(*arguments, config=config, **named)


def _paths(_: duckdb.DuckDBPyConnection, uri: str) -> list[str]:
    """Return the files that match a load's source URI.

    Raises:
        BigQueryError: the URI is not a gs:// URI, or a file is outside the folder of the buckets.
    """
    root = settings.gcs_local_root
    if not uri.startswith("gs://") or root is None:
        raise BigQueryError("invalid", f"Source URI must be a Google Cloud Storage location: {uri}")
    found = storage._matches(uri)  # noqa: SLF001 - no public name exists
    within = os.path.realpath(root) + os.sep
    if not all(os.path.realpath(file).startswith(within) for file in found):
        raise BigQueryError("notFound", f"Not found: URI {uri}")
    return list(found)


@contextlib.contextmanager
def _written(uri: str) -> Iterator[str]:
    """Yield the path of the scratch file that an export writes. Only the gateway knows the names of scratch files.

    Raises:
        BigQueryError: the URI is not the name of a scratch file, e.g. a gs:// URI inside EXECUTE IMMEDIATE.
    """
    if uri.startswith("gs://"):
        raise BigQueryError(
            "invalidQuery", f"EXPORT DATA inside EXECUTE IMMEDIATE or a procedure is not supported: {uri}"
        )
    if not (name := _SCRATCH_FILE.fullmatch(uri)):
        raise BigQueryError("invalidQuery", f"Invalid value for option 'uri': {uri}; it must begin with gs://")
    yield str(scratch() / name[1])
