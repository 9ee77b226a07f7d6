"""The local BigQuery reads objects from the local Cloud Storage, and writes objects to it."""

# ruff: noqa: S608 - the statements come only from the tests of this file

import json

import pytest
from google.api_core import exceptions
from google.cloud import bigquery


@pytest.fixture(scope="module")
def dataset(bigquery_client):
    bigquery_client.create_dataset("files")
    bigquery_client.query(
        "CREATE TABLE files.t AS SELECT i, MOD(i, 2) AS label FROM UNNEST(GENERATE_ARRAY(1, 100)) i"
    ).result()
    yield "files"
    bigquery_client.delete_dataset("files", delete_contents=True)


def test_an_object_is_loaded(bigquery_client, dataset, bucket):
    bucket.blob("in/rows.json").upload_from_string("\n".join(json.dumps({"a": i}) for i in range(7)))
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", autodetect=True)
    uri = f"gs://{bucket.name}/in/*.json"
    bigquery_client.load_table_from_uri(uri, f"{dataset}.loaded", job_config=config).result()
    assert bigquery_client.get_table(f"{dataset}.loaded").num_rows == 7


def test_export_data_writes_an_object_with_a_generation(bigquery_client, dataset, bucket):
    text = f"EXPORT DATA OPTIONS(uri='gs://{bucket.name}/out/*.csv', format='CSV', header=true"
    query = f" AS SELECT i FROM {dataset}.t WHERE i <= @n ORDER BY i"
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("n", "INT64", 2)])
    bigquery_client.query(f"{text}){query}", job_config=config).result()
    (blob,) = bucket.list_blobs(prefix="out/")
    assert blob.generation
    assert blob.download_as_text().split() == ["i", "1", "2"]
    with pytest.raises(exceptions.BadRequest, match="not empty"):
        bigquery_client.query(f"{text}){query}", job_config=config).result()
    bigquery_client.query(f"{text}, overwrite=true){query}", job_config=config).result()
    assert bucket.get_blob(blob.name).generation > blob.generation


def test_an_extract_job_writes_objects(bigquery_client, dataset, bucket):
    bigquery_client.extract_table(f"{dataset}.t", f"gs://{bucket.name}/t-*.csv").result()
    (blob,) = bucket.list_blobs()
    assert len(blob.download_as_text().splitlines()) == 101


@pytest.fixture(scope="module")
def model(bigquery_client, dataset):
    text = (
        "CREATE MODEL files.m OPTIONS(model_type='BOOSTED_TREE_CLASSIFIER', max_iterations=2) AS SELECT * FROM files.t"
    )
    bigquery_client.query(text).result()
    return bigquery.ModelReference.from_string(f"{bigquery_client.project}.files.m")


def test_export_model_writes_what_bigquery_writes(bigquery_client, model, bucket):
    bigquery_client.query(f"EXPORT MODEL files.m OPTIONS(URI='gs://{bucket.name}/m/')").result()
    assert "m/model.bst" in {blob.name for blob in bucket.list_blobs()}


def test_an_extract_job_exports_a_model(bigquery_client, model, bucket):
    config = bigquery.ExtractJobConfig(destination_format="ML_XGBOOST_BOOSTER")
    uri = f"gs://{bucket.name}/e"
    bigquery_client.extract_table(model, uri, source_type="Model", job_config=config).result()
    assert "e/model.bst" in {blob.name for blob in bucket.list_blobs()}


def test_a_missing_bucket_is_an_error_of_the_job(bigquery_client, model):
    with pytest.raises(exceptions.NotFound, match="gs://no-such-bucket"):
        bigquery_client.query("EXPORT MODEL files.m OPTIONS(URI='gs://no-such-bucket/m')").result()
