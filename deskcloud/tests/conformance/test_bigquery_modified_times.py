"""The field `modified` of a table is the time of the last change of the table's rows or metadata."""

import pytest
from google.cloud import bigquery


@pytest.fixture
def table(bigquery_client):
    dataset = bigquery_client.create_dataset("modified_times").dataset_id
    path = f"{bigquery_client.project}.{dataset}.changed"
    bigquery_client.create_table(bigquery.Table(path, [bigquery.SchemaField("a", "INT64")]))
    yield path
    bigquery_client.delete_dataset(dataset, delete_contents=True)


def statement(text):
    return lambda client, table: client.query_and_wait(text.format(table=table))


def load(client, table):
    client.load_table_from_json([{"a": 5}], table).result()


def stream(client, table):
    assert client.insert_rows_json(table, [{"a": 6}]) == []


def append_a_result(client, table):
    config = bigquery.QueryJobConfig(destination=table, write_disposition="WRITE_APPEND")
    client.query("SELECT 7 AS a", job_config=config).result()


def copy_into(client, table):
    client.query_and_wait(f"CREATE TABLE {table}_source AS SELECT 8 AS a")
    config = bigquery.CopyJobConfig(write_disposition="WRITE_APPEND")
    client.copy_table(f"{table}_source", table, job_config=config).result()


CHANGES = {
    "insert": statement("INSERT INTO {table} (a) VALUES (1)"),
    "update": statement("UPDATE {table} SET a = 3 WHERE TRUE"),
    "merge": statement("MERGE {table} AS t USING (SELECT 4 AS a) AS s ON FALSE WHEN NOT MATCHED THEN INSERT ROW"),
    "delete": statement("DELETE {table} WHERE TRUE"),
    "truncate": statement("TRUNCATE TABLE {table}"),
    "load": load,
    "stream": stream,
    "result": append_a_result,
    "copy": copy_into,
}


def times(client, table):
    found = client.get_table(table)
    query = f"SELECT last_modified_time AS t FROM {found.dataset_id}.__TABLES__ WHERE table_id = '{found.table_id}'"  # noqa: S608
    [listed] = client.query_and_wait(query)
    assert listed.t == round(found.modified.timestamp() * 1000)
    return found.created, found.modified


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_rows_sets_the_time_and_leaves_the_time_of_creation(bigquery_client, table, change):
    created, before = times(bigquery_client, table)
    change(bigquery_client, table)
    assert times(bigquery_client, table)[0] == created
    assert times(bigquery_client, table)[1] > before


def test_reading_leaves_the_time(bigquery_client, table):
    before = times(bigquery_client, table)
    bigquery_client.query_and_wait(f"SELECT * FROM {table}")  # noqa: S608 - the statement contains only our own names
    assert list(bigquery_client.list_rows(table)) == []
    assert times(bigquery_client, table) == before
