"""Find the columns of a query's result without running the query.

If a query has parameters, DuckDB's Python package runs the whole query as soon as it creates the query's relation. So
local-bigquery would run each such query twice: once for the types of its columns, and once for its rows.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import duckdb
from duckdb.sqltypes import DuckDBPyType


class Description(NamedTuple):
    """The names and the types of a result's columns. The names need not be unique."""

    columns: list[str]
    types: list[DuckDBPyType]


def of_query(cursor: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any] | None = None) -> Description:
    """Return the columns of the result of the query `text`, which is in DuckDB's SQL.

    Raises:
        duckdb.Error: the query is wrong.
    """
    found = cursor.execute(f"DESCRIBE {text}", parameters).fetchall()
    try:
        kinds = [kind(row[1]) for row in found]
    except duckdb.InvalidInputException:
        # DESCRIBE writes types in SQL. SQL cannot express the type of a struct whose fields have no names.
        kinds = cursor.sql(f"SELECT * FROM ({text}) LIMIT 0", params=parameters).types  # noqa: S608 - translated
    return Description([row[0] for row in found], kinds)


class Describing:
    """A cursor for dry runs: it describes a query with parameters instead of running it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def sql(self, text: str, params: dict[str, Any] | None = None) -> Description | duckdb.DuckDBPyRelation:
        """Return the columns of a query. Without parameters, return DuckDB's relation, whose creation runs nothing."""
        return of_query(self._cursor, text, params) if params else self._cursor.sql(text)


@lru_cache(1000)
def kind(text: str) -> DuckDBPyType:
    """Return the type with this name in DuckDB's SQL."""
    return duckdb.type(text)
