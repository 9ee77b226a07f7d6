"""Read a page of a table's rows with one statement. local-bigquery plans this statement twice, and counts all rows."""

import duckdb
from duckdb.sqltypes import DuckDBPyType
from local_bigquery.engine import results, types

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Replace local-bigquery's function `results.page` by `page`."""
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
    rows = f"SELECT * FROM {source} ORDER BY rowid LIMIT {size} OFFSET {start}"  # noqa: S608 - quoted
    found, _ = formatted(cursor, rows, fields, int64_timestamps=int64_timestamps)
    end = start + len(found)
    is_last = len(found) < size and (found or not start)
    total = end if is_last else _count(cursor, source)
    return results.Page(found, total, str(end) if end < total else None)


def formatted(
    cursor: duckdb.DuckDBPyConnection, query: str, fields: list[str] | None, *, int64_timestamps: bool
) -> tuple[list[str], list[tuple[str, DuckDBPyType]]]:
    """Run a query without parameters. Return its rows in the API's format, and the names and types of its columns.

    `fields` is as in `page`.
    """
    relation = cursor.sql(query)
    columns = [
        (name, kind)
        for name, kind in zip(relation.columns, relation.types, strict=True)
        if not fields or name.casefold() in fields
    ]
    rows = cursor.execute(f"SELECT {types.row(columns, int64_timestamps)} FROM ({query})").fetchall()  # noqa: S608
    return [row for (row,) in rows], columns


def _count(cursor: duckdb.DuckDBPyConnection, source: str) -> int:
    [(count,)] = cursor.execute(f"SELECT count(*) FROM {source}").fetchall()  # noqa: S608 - quoted
    return int(count)
