"""The resource of a BigQuery job says to which table the job wrote.

BigQuery writes the results of queries to a hidden dataset, and clients can use the tables of this dataset.
"""

import pytest
from google.cloud import bigquery


@pytest.fixture(scope="module")
def dataset(bigquery_client):
    yield bigquery_client.create_dataset("destinations").dataset_id
    bigquery_client.delete_dataset("destinations", delete_contents=True)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE OR REPLACE TABLE {table} AS SELECT 1 AS a",
        "INSERT INTO {table} VALUES (2)",
        "UPDATE {table} SET a = 3 WHERE a = 2",
        "MERGE {table} AS t USING (SELECT 4 AS a) AS s ON t.a = s.a WHEN NOT MATCHED THEN INSERT ROW",
        "DELETE FROM {table} WHERE a = 4",
    ],
)
def test_the_job_of_a_statement_that_writes_names_the_table_and_returns_no_rows(bigquery_client, dataset, statement):
    table = f"{dataset}.written"
    bigquery_client.query_and_wait(f"CREATE TABLE IF NOT EXISTS {table} AS SELECT 1 AS a")
    job = bigquery_client.query(statement.format(table=table))
    assert list(job.result()) == []
    told = bigquery_client.get_job(job.job_id).destination
    assert (told.dataset_id, told.table_id) == (dataset, "written")


def test_the_job_of_a_script_names_no_destination_table(bigquery_client):
    job = bigquery_client.query("CREATE TEMP TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (2)")
    job.result()
    assert job.destination is None


def test_tables_in_the_hidden_dataset_of_query_results_expire_after_a_day(bigquery_client):
    query = bigquery_client.query("SELECT 1 AS a")
    query.result()
    reference = bigquery.DatasetReference(query.destination.project, query.destination.dataset_id)
    table = reference.table("loaded")
    bigquery_client.load_table_from_json([{"a": 2}, {"a": 3}], table).result()
    told = bigquery_client.get_table(table)
    assert (told.num_rows, (told.expires - told.created).days) == (2, 1)
    text = f"SELECT SUM(l.a + r.a) AS s FROM `{table}` AS l, `{query.destination}` AS r"  # noqa: S608
    assert [row.s for row in bigquery_client.query_and_wait(text)] == [7]
    assert [row.a for row in bigquery_client.list_rows(query.destination)] == [1]
    bigquery_client.delete_table(table)
    assert reference.dataset_id not in {one.dataset_id for one in bigquery_client.list_datasets()}
