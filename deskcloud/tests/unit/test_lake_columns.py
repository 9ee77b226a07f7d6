"""The rows of DuckLake's catalog that describe a table's columns."""

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from local_bigquery.engine import types
from local_bigquery.errors import BigQueryError
from local_bigquery.models import TableFieldSchema

from deskcloud.bigquery.emulator import lake_columns, launch
from deskcloud.bigquery.emulator.place import EXTENSIONS

SCALARS = sorted({"INTEGER", *types.TO_DUCKDB} - {"INT64", "FLOAT64", "BOOL", "BIGDECIMAL"})


def schema(*fields):
    return [TableFieldSchema.model_validate(field) for field in fields]


FIELDS = schema(
    *({"name": f"a {kind}", "type": kind} for kind in SCALARS),
    {"name": "required", "type": "STRING", "mode": "REQUIRED"},
    {"name": "words", "type": "STRING", "mode": "REPEATED"},
    {"name": "days", "type": "RANGE", "rangeElementType": {"type": "DATE"}},
    {
        "name": "hits",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [
            {"name": "n", "type": "INTEGER"},
            {"name": 'a "name"', "type": "RECORD", "fields": [{"name": "x", "type": "FLOAT", "mode": "REPEATED"}]},
        ],
    },
)


@pytest.fixture
def lake(tmp_path):
    with duckdb.connect() as connection:
        [(version,)] = connection.execute("SELECT version()").fetchall()
        for name in EXTENSIONS:
            connection.execute(f"LOAD '{launch.extension(name, version)}'")
        connection.execute(f"ATTACH 'ducklake::memory:' AS lake (DATA_PATH '{tmp_path}')")
        yield connection


def written(lake: DuckDBPyConnection, fields):
    """Create a table with DuckDB's SQL. Return the rows about its columns that DuckLake writes into the catalog."""
    lake.execute(f"CREATE TABLE lake.t ({', '.join(map(types.column, fields))})")
    found = lake.execute(
        "SELECT column_id, column_name, column_type, nulls_allowed, parent_column "
        "FROM __ducklake_metadata_lake.ducklake_column ORDER BY column_order"
    )
    return [lake_columns.Row(*row) for row in found.fetchall()]


def test_the_rows_of_a_tables_columns_are_the_rows_that_ducklake_writes(lake):
    assert lake_columns.rows(FIELDS) == written(lake, FIELDS)


def test_the_columns_that_are_read_from_the_rows_are_the_columns_that_duckdb_describes(lake):
    rows = written(lake, FIELDS)
    described = lake.sql("SELECT * FROM lake.t")
    columns = zip(described.columns, described.types, strict=True)
    assert lake_columns.fields(rows) == [types.field(name, kind, name == "required") for name, kind in columns]


def test_a_struct_without_fields_and_an_unknown_type_are_refused():
    with pytest.raises(BigQueryError, match="Field s is type RECORD but has no schema"):
        lake_columns.rows(schema({"name": "s", "type": "RECORD"}))
    with pytest.raises(BigQueryError, match="Unsupported field type: TEXT"):
        lake_columns.rows(schema({"name": "t", "type": "TEXT"}))
