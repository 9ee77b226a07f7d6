"""DuckLake's own metadata of a project, which answers in a fraction of the time that DuckDB's catalog takes."""

from local_bigquery.engine import database

_VERSION = "select max(schema_version) from {metadata}.ducklake_snapshot"


def metadata(project: str) -> str:
    """Return the quoted name of the database that holds it."""
    return str(database.quote(f"__ducklake_metadata_{project}"))


def version(project: str) -> int:
    """Return a number that changes with every table or view that is made, changed or dropped."""
    [(found,)] = database.fetch(_VERSION.format(metadata=metadata(project)))
    return int(found)
