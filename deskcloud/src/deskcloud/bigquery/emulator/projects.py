"""Attach projects. Each project is a DuckLake: a file PROJECT.ducklake with metadata and a folder PROJECT with rows.

DuckLake stores the folder's absolute path when it creates a lake, and refuses to open the lake if the folder has moved.
The paths of the files in the folder are relative. This module always passes the folder beside the file with the
metadata, so the state folder can be moved or copied.
"""

import re
from pathlib import Path

import duckdb
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs.storage import literal
from local_bigquery.settings import settings

from deskcloud.bigquery.emulator import patching

# Source: https://cloud.google.com/resource-manager/docs/creating-managing-projects. Old ids begin with a domain, as in
# example.com:name.
_PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def add() -> None:
    """Replace the function with which local-bigquery attaches a project. Call this before a connection is opened."""
    patching.replace(database, "_attach", _attach, "projects are refused after their folder was moved or copied")


def _attach(connection: duckdb.DuckDBPyConnection, project: str) -> None:
    """Attach a project's lake. Create the lake if it does not exist."""
    # This check is needed because the project's id becomes a file name.
    if not _PROJECT.fullmatch(project):
        raise BigQueryError("invalid", f"Invalid project ID {project!r}")
    file = settings.data_dir / f"{project}.ducklake"
    if not file.exists():
        with duckdb.connect() as scratch:
            scratch.execute(_statement(file, "fresh"))
    connection.execute(_statement(file, project))
    database._attached.add(project)  # noqa: SLF001 - no public name exists


def _statement(file: Path, name: str) -> str:
    lake, rows = literal(f"ducklake:{file}"), literal(f"{file.with_suffix('')}/")
    options = f"DATA_PATH {rows}, OVERRIDE_DATA_PATH TRUE, DATA_INLINING_ROW_LIMIT 0"
    return f"ATTACH IF NOT EXISTS {lake} AS {database.quote(name)} ({options})"
