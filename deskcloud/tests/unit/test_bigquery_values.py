"""The rules by which load jobs and streaming inserts accept a value for the type of a column."""

# ruff: noqa: S608 - the names in the statements come only from the tests

import contextlib
from decimal import Decimal

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from local_bigquery.engine import types
from local_bigquery.errors import BigQueryError
from local_bigquery.models import Table, TableFieldSchema

from deskcloud.bigquery.emulator import launch, partitions
from deskcloud.bigquery.emulator.storable import Kind, row_check, text_check

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.text("0123456789+-.eE:/ TZ_naftrueyo", max_size=24) | st.text(max_size=8)
KINDS = ["INTEGER", "FLOAT", "NUMERIC", "BOOLEAN", "DATE", "TIME", "DATETIME", "TIMESTAMP"]


@pytest.fixture(scope="module")
def cursor():
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{launch.extension('icu', f'v{duckdb.__version__}')}'; SET TimeZone = 'UTC'")
        yield connection


def field(kind, mode="NULLABLE", fields=None, name="a"):
    return TableFieldSchema.model_validate({"name": name, "type": kind, "mode": mode, "fields": fields})


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXTS)
# Python's strip() counts the character \x1f, a separator, as white space, but the database's trim() does not.
@example(text="0\x1f")
def test_the_database_can_read_each_text_that_is_accepted_for_a_type(cursor, kind, text):
    if text_check(field(kind))(text):
        cast = f"TRY_CAST(trim($1) AS {types.duckdb_type(field(kind))})"
        assert cursor.execute(f"SELECT {cast} IS NOT NULL", [text]).fetchall() == [(True,)], text


@given(value=JSON)
def test_an_integer_is_stored_unchanged_or_refused(cursor, value):
    faults = row_check([field("INTEGER")])({"a": value})
    if value is not None and not faults:
        [(stored,)] = cursor.execute("SELECT TRY_CAST(trim($1) AS BIGINT)", [str(value)]).fetchall()
        assert stored == int(Decimal(str(value).strip()))
    assert all(fault.kind is Kind.WRONG for fault in faults)


@given(rows=st.lists(JSON, max_size=3), kind=st.sampled_from([*KINDS, "STRING", "BYTES", "JSON", "GEOGRAPHY"]))
def test_any_json_value_is_accepted_or_refused(rows, kind):
    inner = [field(kind, "REQUIRED", name="b").dump()]
    check = row_check([field(kind, "REPEATED"), field("RECORD", fields=inner, name="r")])
    for row in rows:
        assert isinstance(check(row), list)
        assert isinstance(check({"a": row, "r": row}), list)


@given(
    partition=st.text("0123456789_ULN-$'\"", max_size=12) | st.text(max_size=6),
    kind=st.sampled_from(["HOUR", "DAY", "MONTH", "YEAR"]),
)
def test_a_partition_s_id_is_a_time_that_the_database_reads_or_refused(cursor, partition, kind):
    reference = {"projectId": "p", "datasetId": "d", "tableId": "t"}
    table = Table.model_validate({"tableReference": reference, "timePartitioning": {"type": kind}})
    with contextlib.suppress(BigQueryError):
        found = partitions.of(table, partition)
        cursor.execute(f"SELECT {found.condition}, {found.time or 1} FROM (SELECT now() AS _PARTITIONTIME)")
