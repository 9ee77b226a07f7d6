"""The local BigQuery with Google's own client."""

# ruff: noqa: S608 - the statements come only from the tests of this file

import io
import json

import pytest
from google.api_core import exceptions
from google.cloud import bigquery


@pytest.fixture(scope="module")
def dataset(bigquery_client):
    bigquery_client.create_dataset("conformance", exists_ok=True)
    yield "conformance"
    bigquery_client.delete_dataset("conformance", delete_contents=True)


def test_a_query_with_parameters_answers_its_rows(bigquery_client):
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("x", "INT64", 41)])
    rows = bigquery_client.query("SELECT @x + 1 AS y, 'ML.PREDICT' AS s", job_config=config).result()
    assert [dict(row) for row in rows] == [{"y": 42, "s": "ML.PREDICT"}]


@pytest.mark.parametrize("kind", ["STRING", "BYTES"])
def test_a_null_separator_is_refused_as_by_google(bigquery_client, kind):
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("separator", kind, None)])
    statement = f"SELECT STRING_AGG(x, @separator) FROM UNNEST([CAST('a' AS {kind})]) AS x"
    with pytest.raises(exceptions.BadRequest, match="Illegal NULL separator in STRING_AGG"):
        bigquery_client.query_and_wait(statement, job_config=config)


def test_a_file_is_loaded_through_an_upload(bigquery_client, dataset):
    lines = "\n".join(json.dumps({"i": i}) for i in range(1000)).encode()
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", autodetect=True)
    bigquery_client.load_table_from_file(io.BytesIO(lines), f"{dataset}.loaded", job_config=config).result()
    assert bigquery_client.get_table(f"{dataset}.loaded").num_rows == 1000


def test_a_missing_table_raises_googles_not_found(bigquery_client, dataset):
    with pytest.raises(exceptions.NotFound, match="was not found"):
        bigquery_client.query(f"SELECT * FROM {dataset}.nowhere").result()


def test_a_wildcard_table_keeps_equal_rows(bigquery_client, dataset):
    for day in (1, 2):
        bigquery_client.query(f"CREATE TABLE {dataset}.same_{day} AS SELECT 'a' AS x FROM UNNEST([1, 2, 3])").result()
    rows = bigquery_client.query(f"SELECT x, COUNT(*) AS n FROM `{dataset}.same_*` GROUP BY x").result()
    assert [dict(row) for row in rows] == [{"x": "a", "n": 6}]


def test_a_column_stays_required_and_a_dropped_table_is_gone(bigquery_client, dataset):
    schema = [bigquery.SchemaField("a", "INT64", mode="REQUIRED"), bigquery.SchemaField("b", "STRING")]
    bigquery_client.create_table(bigquery.Table(f"{bigquery_client.project}.{dataset}.strict", schema=schema))
    made = bigquery_client.get_table(f"{dataset}.strict")
    assert [(field.name, field.mode) for field in made.schema] == [("a", "REQUIRED"), ("b", "NULLABLE")]
    bigquery_client.delete_table(f"{dataset}.strict")
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_table(f"{dataset}.strict")
