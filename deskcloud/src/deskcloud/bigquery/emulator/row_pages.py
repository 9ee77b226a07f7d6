"""Read a page of a table's rows with one statement. local-bigquery plans this statement twice, and counts all rows."""

import duckdb
from local_bigquery.engine import results, types
from local_bigquery.engine.database import quote

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Replace local-bigquery's function. Call this function before the modules that use it."""
    patching.replace(results, "page", page, "each page is planned twice, and all rows are counted")


def page(
    cursor: duckdb.DuckDBPyConnection,
    source: str,
    limit: int | None = None,
    start: int = 0,
    fields: list[str] | None = None,
    int64_timestamps: bool = True,
) -> results.Page:
    """Return a page of rows in the API's format.

    `source` is a table or a subquery with `rowid`. `limit` is the number of rows on the page, and `start` the number of
    rows before the page. `fields` are the names of the wanted columns, in lower case, or None for all columns.
    """
    size = results.DEFAULT_PAGE_SIZE if limit is None else limit
    relation = cursor.sql(f"SELECT * FROM {source} LIMIT 0")  # noqa: S608 - quoted
    columns = [
        (name, kind)
        for name, kind in zip(relation.columns, relation.types, strict=True)
        if not fields or name.casefold() in fields
    ]
    projection = ", ".join(quote(name) for name, _ in columns) or "NULL"
    rows = f"SELECT {projection} FROM {source} ORDER BY rowid LIMIT {size} OFFSET {start}"  # noqa: S608 - quoted
    found = cursor.execute(f"SELECT {types.row(columns, int64_timestamps)} FROM ({rows})").fetchall()  # noqa: S608
    end = start + len(found)
    is_last = len(found) < size and (found or not start)
    total = end if is_last else _count(cursor, source)
    return results.Page([row for (row,) in found], total, str(end) if end < total else None)


def _count(cursor: duckdb.DuckDBPyConnection, source: str) -> int:
    [(count,)] = cursor.execute(f"SELECT count(*) FROM {source}").fetchall()  # noqa: S608 - quoted
    return int(count)
