"""Each project is a lake of DuckLake's: a file PROJECT.ducklake with the metadata, and a folder PROJECT with the rows.

DuckLake notes the folder's whole path when it makes a lake, and refuses the lake anywhere else. Its files are noted by
their paths within, so a state that was copied or moved is whole: the folder is always the one beside the metadata.
"""

import re
from pathlib import Path

import duckdb
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs.storage import literal
from local_bigquery.settings import settings

from deskcloud.bigquery.emulator import patching

# By https://cloud.google.com/resource-manager/docs/creating-managing-projects, and with the domain that old ones have.
_PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def add() -> None:
    """Have projects attached so; before the first connection is made."""
    patching.replace(database, "_attach", _attach, "projects are refused once their folder was moved or copied")


def _attach(connection: duckdb.DuckDBPyConnection, project: str) -> None:
    """Attach a project's lake, and make it where there is none."""
    # A project's name becomes a file's.
    if not _PROJECT.fullmatch(project):
        raise BigQueryError("invalid", f"Invalid project ID {project!r}")
    file = settings.data_dir / f"{project}.ducklake"
    if not file.exists():
        with duckdb.connect() as scratch:
            scratch.execute(_statement(file, "fresh"))
    connection.execute(_statement(file, project))
    database._attached.add(project)  # noqa: SLF001 - there is no public name for it


def _statement(file: Path, name: str) -> str:
    lake, rows = literal(f"ducklake:{file}"), literal(f"{file.with_suffix('')}/")
    options = f"DATA_PATH {rows}, OVERRIDE_DATA_PATH TRUE, DATA_INLINING_ROW_LIMIT 0"
    return f"ATTACH IF NOT EXISTS {lake} AS {database.quote(name)} ({options})"
