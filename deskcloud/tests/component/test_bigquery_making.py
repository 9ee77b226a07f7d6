"""Load jobs write the rows before they enter the table into DuckLake's catalog. So other requests need not wait."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

SCHEMA = [bigquery.SchemaField("n", "INT64", "REQUIRED"), bigquery.SchemaField("words", "STRING", "REPEATED")]


@pytest.fixture
def dataset(bigquery_client):
    name = "making"
    bigquery_client.create_dataset(name)
    yield name
    bigquery_client.delete_dataset(name, delete_contents=True)


def load(client, table, text='{"n": 1, "words": ["a", "b"]}\n{"n": 2}\n', **options):
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=SCHEMA, **options)
    return client.load_table_from_file(io.BytesIO(text.encode()), table, job_config=config).result()


def rows(client, sql):
    return [tuple(row.values()) for row in client.query_and_wait(sql)]


def test_a_loaded_table_can_be_read_changed_replaced_and_dropped(bigquery_client, dataset):
    table = f"{dataset}.t"
    job = load(bigquery_client, table)
    assert (job.output_rows, job.output_bytes) == (2, 32)
    assert [(one.name, one.mode) for one in bigquery_client.get_table(table).schema] == [
        ("n", "REQUIRED"),
        ("words", "REPEATED"),
    ]
    load(bigquery_client, table)
    assert rows(bigquery_client, f"SELECT SUM(n), SUM(ARRAY_LENGTH(words)) FROM {table}") == [(6, 4)]  # noqa: S608
    bigquery_client.query_and_wait(f"UPDATE {table} SET n = 7 WHERE n = 1")  # noqa: S608
    bigquery_client.query_and_wait(f"ALTER TABLE {table} ADD COLUMN more STRING")
    assert rows(bigquery_client, f"SELECT n, more FROM {table} ORDER BY n") == [(2, None)] * 2 + [(7, None)] * 2  # noqa: S608
    with pytest.raises(BadRequest, match="null"):
        bigquery_client.query_and_wait(f"INSERT INTO {table} (n) VALUES (NULL)")  # noqa: S608
    load(bigquery_client, table, write_disposition="WRITE_TRUNCATE")
    assert rows(bigquery_client, f"SELECT n FROM {table} ORDER BY n") == [(1,), (2,)]  # noqa: S608
    bigquery_client.delete_table(table)
    load(bigquery_client, table)
    assert rows(bigquery_client, f"SELECT COUNT(*) FROM {table}") == [(2,)]  # noqa: S608


def test_a_requested_table_has_no_rows_and_can_be_filled_changed_and_asked_for_nulls(bigquery_client, dataset):
    table = f"{dataset}.t"
    bigquery_client.create_table(bigquery.Table(f"{bigquery_client.project}.{table}", SCHEMA))
    summary = f"SELECT COUNT(*), COUNTIF(n IS NULL), MIN(n), MAX(n), SUM(ARRAY_LENGTH(words)) FROM {table}"  # noqa: S608
    assert rows(bigquery_client, summary) == [(0, 0, None, None, None)]
    bigquery_client.query_and_wait(f"ALTER TABLE {table} ALTER COLUMN n DROP NOT NULL")
    bigquery_client.query_and_wait(f"INSERT INTO {table} VALUES (2, ['a']), (NULL, NULL), (1, [])")  # noqa: S608
    assert rows(bigquery_client, summary) == [(3, 1, 1, 2, 1)]
    bigquery_client.query_and_wait(f"ALTER TABLE {table} ADD COLUMN more STRING")
    bigquery_client.query_and_wait(f"INSERT INTO {table} (n, more) VALUES (3, 'x')")  # noqa: S608
    assert rows(bigquery_client, f"SELECT n, more FROM {table} WHERE more IS NOT NULL OR n < 2 ORDER BY n") == [  # noqa: S608
        (1, None),
        (3, "x"),
    ]
    bigquery_client.query_and_wait(f"DELETE FROM {table} WHERE TRUE")  # noqa: S608
    assert rows(bigquery_client, summary) == [(0, 0, None, None, None)]


def test_a_load_without_rows_creates_the_table(bigquery_client, dataset):
    load(bigquery_client, f"{dataset}.t", text="")
    assert rows(bigquery_client, f"SELECT COUNT(*) FROM {dataset}.t") == [(0,)]  # noqa: S608
    load(bigquery_client, f"{dataset}.t")
    assert rows(bigquery_client, f"SELECT COUNT(*) FROM {dataset}.t") == [(2,)]  # noqa: S608


@pytest.mark.parametrize("option", ["expiration_timestamp='x'", "labels=[1]"])
def test_a_table_with_invalid_options_is_neither_created_nor_replaced(bigquery_client, dataset, option):
    table = f"{dataset}.optional"
    with pytest.raises(BadRequest):
        bigquery_client.query_and_wait(f"CREATE TABLE {table} (n INT64) OPTIONS({option})")
    bigquery_client.query_and_wait(f"CREATE TABLE {table} AS SELECT 1 AS n")
    with pytest.raises(BadRequest):
        bigquery_client.query_and_wait(f"CREATE OR REPLACE TABLE {table} OPTIONS({option}) AS SELECT 2 AS n")
    assert rows(bigquery_client, f"SELECT n FROM {table}") == [(1,)]  # noqa: S608


def test_a_load_that_is_refused_leaves_no_table(bigquery_client, dataset):
    with pytest.raises(BadRequest):
        load(bigquery_client, f"{dataset}.t", text='{"words": ["a"]}\n')
    assert list(bigquery_client.list_tables(dataset)) == []
    assert [one.project_id for one in bigquery_client.list_projects()] == [bigquery_client.project]


def test_loads_and_statements_that_create_tables_at_the_same_time_lose_no_table(bigquery_client, dataset):
    def make(number):
        table = f"{dataset}.t{number:02}"
        if number % 3:
            load(bigquery_client, table)
        else:
            bigquery_client.query_and_wait(f"CREATE TABLE {table} AS SELECT n FROM UNNEST([1, 2]) AS n")  # noqa: S608
        return rows(bigquery_client, f"SELECT COUNT(*) FROM {table}")  # noqa: S608

    with ThreadPoolExecutor(4) as executor:
        assert list(executor.map(make, range(24))) == [[(2,)]] * 24
    found = rows(bigquery_client, f"SELECT _TABLE_SUFFIX, SUM(n) FROM `{dataset}.t*` GROUP BY 1 ORDER BY 1")  # noqa: S608
    assert found == [(f"{number:02}", 3) for number in range(24)]


def test_concurrent_creations_of_one_table_all_add_their_rows(bigquery_client, dataset):
    schema = [bigquery.SchemaField("n", "INT64"), bigquery.SchemaField("words", "STRING", "REPEATED")]

    def declare(name):
        bigquery_client.query_and_wait(f"CREATE TABLE IF NOT EXISTS {name} (n INT64, words ARRAY<STRING>)")

    def insert(name):
        bigquery_client.create_table(bigquery.Table(f"{bigquery_client.project}.{name}", schema), exists_ok=True)

    def append(name):
        config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=schema)
        bigquery_client.load_table_from_json([{"n": 1}], name, job_config=config).result()

    def query(name):
        table = f"{bigquery_client.project}.{name}"
        config = bigquery.QueryJobConfig(destination=table, write_disposition="WRITE_APPEND")
        bigquery_client.query("SELECT 1 AS n, ['a'] AS words", job_config=config).result()

    for number in range(6):
        name = f"{dataset}.at_once_{number}"
        with ThreadPoolExecutor(5) as executor:
            for made in [executor.submit(make, name) for make in (append, declare, append, insert, query)]:
                made.result()
        assert rows(bigquery_client, f"SELECT SUM(n) FROM {name}") == [(3,)]  # noqa: S608
