"""`table$20240517` names one partition, wherever BigQuery accepts such a name."""

# ruff: noqa: S608 - the names in the statements come only from the tests

import datetime as dt

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField, TimePartitioning

from desk.bigquery import PROJECT

DATASET = "partitions"
PATH = f"{PROJECT}.{DATASET}"


@pytest.fixture(scope="module")
def client(bigquery_client):
    bigquery_client.create_dataset(DATASET)
    return bigquery_client


def ask(client, query, **config):
    rows = client.query(query, job_config=bigquery.QueryJobConfig(**config)).result()
    return [tuple(row.values()) for row in rows]


def by_ingestion(client, name, kind="DAY"):
    """Create a table that is partitioned by ingestion time, and return its path."""
    table = bigquery.Table(f"{PATH}.{name}", schema=[SchemaField("a", "INT64")])
    table.time_partitioning = TimePartitioning(kind)
    client.create_table(table)
    return f"{PATH}.{name}"


@pytest.fixture
def days(client):
    """Create a table that is partitioned by a column of days, with rows on two days and one row whose day is NULL.

    Return the table's path.
    """
    client.query_and_wait(f"CREATE OR REPLACE TABLE {DATASET}.days (d DATE, k STRING) PARTITION BY d")
    client.query_and_wait(f"INSERT {DATASET}.days VALUES ('2024-01-01', 'a'), ('2024-01-02', 'b'), (NULL, 'c')")
    return f"{PATH}.days"


def test_a_query_and_a_load_job_replace_one_partition(client, days):
    truncate = {"write_disposition": "WRITE_TRUNCATE"}
    ask(client, "SELECT DATE '2024-01-02' AS d, 'B' AS k", destination=f"{days}$20240102", **truncate)
    fields = [SchemaField("d", "DATE"), SchemaField("k", "STRING")]
    config = bigquery.LoadJobConfig(schema=fields, **truncate)
    client.load_table_from_json([{"d": "2024-01-01", "k": "A"}], f"{days}$20240101", job_config=config).result()
    ask(client, "SELECT CAST(NULL AS DATE) AS d, 'C' AS k", destination=f"{days}$__NULL__", **truncate)
    assert ask(client, f"SELECT k FROM {DATASET}.days ORDER BY k") == [("A",), ("B",), ("C",)]
    with pytest.raises(BadRequest, match="belong to different partitions rather than destination partition 20240102"):
        ask(client, "SELECT DATE '2024-01-03' AS d, 'x' AS k", destination=f"{days}$20240102", **truncate)
    with pytest.raises(Conflict, match=r"days\$20240102"):
        ask(client, "SELECT DATE '2024-01-02' AS d, 'x' AS k", destination=f"{days}$20240102")
    assert [table.table_id for table in client.list_tables(DATASET) if "$" in table.table_id] == []


def test_one_partition_is_read_copied_and_deleted(client, days):
    assert client.get_table(f"{days}$20240101").num_rows == 1
    fields = [SchemaField("k", "STRING")]
    for partition, keys in (("20240102", ["b"]), ("__NULL__", ["c"]), ("__UNPARTITIONED__", []), ("20250101", [])):
        assert [row.k for row in client.list_rows(f"{days}${partition}", selected_fields=fields)] == keys
    replace = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
    client.copy_table(f"{days}$20240102", f"{PATH}.one", job_config=replace).result()
    assert ask(client, f"SELECT k FROM {DATASET}.one") == [("b",)]
    client.copy_table(f"{PATH}.one", f"{days}$20240102", job_config=replace).result()
    client.delete_table(f"{days}$20240101")
    assert ask(client, f"SELECT k FROM {DATASET}.days ORDER BY k") == [("b",), ("c",)]


def test_a_table_partitioned_by_ingestion_time_has_the_pseudo_columns(client):
    made = by_ingestion(client, "ingested")
    assert client.insert_rows_json(f"{made}$20240517", [{"a": 1}]) == []
    ask(client, "SELECT 2 AS a", destination=f"{made}$20240518")
    ask(client, "SELECT 3 AS a", destination=f"{PATH}.by_job$20240518")
    client.copy_table(made, f"{PATH}.copied").result()
    for name, rows in (("ingested", [(1, 17), (2, 18)]), ("copied", [(1, 17), (2, 18)]), ("by_job", [(3, 18)])):
        found = ask(client, f"SELECT a, _PARTITIONDATE FROM {DATASET}.{name} ORDER BY a")
        assert found == [(a, dt.date(2024, 5, day)) for a, day in rows]
        assert ask(client, f"SELECT * FROM {DATASET}.{name} ORDER BY a") == [(a,) for a, _ in rows]
    ask(client, "SELECT 4 AS a", destination=made, write_disposition="WRITE_TRUNCATE")
    today = ask(client, f"SELECT a, _PARTITIONDATE = CURRENT_DATE() FROM {DATASET}.ingested")
    assert today == [(4, True)]
    with pytest.raises(BadRequest, match="_PARTITION"):
        ask(client, "SELECT _PARTITIONDATE FROM (SELECT 1 AS a)")


@pytest.mark.parametrize(
    ("kind", "partition", "begin"),
    [
        ("HOUR", "2024051703", dt.datetime(2024, 5, 17, 3, tzinfo=dt.UTC)),
        ("MONTH", "202405", dt.datetime(2024, 5, 1, tzinfo=dt.UTC)),
        ("YEAR", "2024", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    ],
)
def test_partitions_may_be_hours_months_and_years(client, kind, partition, begin):
    made = by_ingestion(client, f"by_{kind.lower()}", kind)
    client.insert_rows_json(f"{made}${partition}", [{"a": 1}])
    assert ask(client, f"SELECT _PARTITIONTIME FROM `{made}`") == [(begin,)]
    with pytest.raises(BadRequest, match=f"Invalid time partition id 20240517: for partitions by {kind}"):
        client.insert_rows_json(f"{made}$20240517", [{"a": 1}])


def test_a_new_row_is_in_the_hour_in_which_it_came(client):
    client.query_and_wait(f"CREATE TABLE {DATASET}.hours (a INT64) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)")
    client.query_and_wait(f"INSERT {DATASET}.hours (a) VALUES (1)")
    age = f"SELECT TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), _PARTITIONTIME, SECOND) < 3660 FROM {DATASET}.hours"
    assert ask(client, age) == [(True,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM `{}.days$20240101`",
        "INSERT `{}.days$20240101` (k) VALUES ('x')",
        "CREATE TABLE `{}.days$20240101` (k STRING)",
        "CREATE TABLE `{}.days$20240101` AS SELECT 1 AS k",
        "ALTER TABLE `{}.days` RENAME TO `days$20240101`",
        "DROP TABLE `{}.days$20240101`",
    ],
)
def test_a_statement_that_names_a_partition_is_refused_with_the_name(client, days, statement):
    with pytest.raises(BadRequest, match=r"days\$20240101"):
        client.query_and_wait(statement.format(DATASET))


def test_an_invalid_partition_id_is_refused_by_name(client, days):
    client.query_and_wait(f"CREATE OR REPLACE TABLE {DATASET}.plain AS SELECT 1 AS a")
    for name, told in (
        ("plain$20240101", "not partitioned"),
        ("days$2024", "Invalid time partition id 2024"),
        ("days$20240230", "Invalid time partition id 20240230"),
        ("days$", "Invalid time partition id"),
        ("days$__UNPARTITIONED__", "cannot be written to"),
        ("unknown$nonsense", "Invalid time partition id nonsense"),
    ):
        with pytest.raises(BadRequest, match=told):
            ask(client, "SELECT 1 AS a", destination=f"{PATH}.{name}", write_disposition="WRITE_TRUNCATE")
    with pytest.raises(BadRequest, match=r"column based partitioning table .*days\$20240101 is disallowed"):
        client.insert_rows_json(f"{days}$20240101", [{"k": "x"}])
    with pytest.raises(BadRequest, match="Invalid table ID"):
        client.create_table(bigquery.Table(f"{PATH}.made$20240101", schema=[SchemaField("a", "INT64")]))
    with pytest.raises(NotFound):
        client.get_table(f"{PATH}.unknown$20240101")
