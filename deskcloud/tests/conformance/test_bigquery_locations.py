"""The location and the SQL dialect of a job. A client may omit both, but BigQuery obeys a value that is set."""
# ruff: noqa: S608 - the statements contain only constants of this file

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery

from desk.bigquery import PROJECT

HERE, THERE = "of_the_us", "of_the_eu"


@pytest.fixture(scope="module", autouse=True)
def datasets(bigquery_client):
    for name, location in ((HERE, "US"), (THERE, "EU")):
        dataset = bigquery.Dataset(f"{PROJECT}.{name}")
        dataset.location = location
        bigquery_client.create_dataset(dataset)
        bigquery_client.query_and_wait(f"CREATE TABLE {name}.t_1 AS SELECT 1 AS a")
    yield
    for name in (HERE, THERE):
        bigquery_client.delete_dataset(name, delete_contents=True)


@pytest.mark.parametrize(
    ("dataset", "location"), [(HERE, None), (HERE, "US"), (HERE, "us"), (THERE, None), (THERE, "EU")]
)
def test_a_job_reads_and_writes_where_its_datasets_are(bigquery_client, dataset, location):
    rows = bigquery_client.query_and_wait(f"SELECT a FROM {dataset}.t_1", location=location)
    assert [row.a for row in rows] == [1]
    job = bigquery_client.query(f"CREATE OR REPLACE TABLE {dataset}.made AS SELECT 1 AS a", location=location)
    job.result()
    assert bigquery_client.get_job(job.job_id, location=location).state == "DONE"
    source, copy = (f"{PROJECT}.{dataset}.{name}" for name in ("t_1", f"copy_{location}"))
    bigquery_client.copy_table(source, copy, location=location).result()


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT * FROM {THERE}.t_1",
        f"SELECT * FROM `{THERE}.t_*`",
        f"SELECT (SELECT MAX(a) FROM {THERE}.t_1)",
        f"INSERT INTO {THERE}.t_1 VALUES (2)",
        f"CREATE TABLE {THERE}.new AS SELECT 1 AS a",
        f"CREATE MODEL {THERE}.m OPTIONS(model_type='LOGISTIC_REG') AS SELECT a AS label, a FROM {THERE}.t_1",
        f"DECLARE x INT64; SET x = (SELECT MAX(a) FROM {THERE}.t_1)",
    ],
)
def test_a_statement_does_not_find_a_dataset_in_another_location(bigquery_client, text):
    with pytest.raises(NotFound, match=f"Not found: Dataset {PROJECT}:{THERE} was not found in location US"):
        bigquery_client.query_and_wait(text, location="US")
    with pytest.raises(NotFound, match=f"{THERE} was not found in location europe-west3"):
        bigquery_client.query(text, location="europe-west3").result()


def test_all_datasets_of_a_job_must_be_in_its_location(bigquery_client):
    source, target = (f"{PROJECT}.{name}.t_1" for name in (HERE, THERE))
    default = bigquery.QueryJobConfig(default_dataset=f"{PROJECT}.{THERE}")
    for begin in (
        lambda: bigquery_client.copy_table(source, target, location="US"),
        lambda: bigquery_client.extract_table(target, "gs://nothing/x", location="US"),
        lambda: bigquery_client.load_table_from_uri("gs://nothing/x", target, location="US"),
        lambda: bigquery_client.query("SELECT 1", default, location="US"),
        lambda: bigquery_client.query("SELECT 1", default, location="US", api_method="QUERY"),
    ):
        with pytest.raises(NotFound, match=f"Dataset {PROJECT}:{THERE} was not found in location US"):
            begin().result()


@pytest.mark.parametrize("statement", ["CREATE SCHEMA moved OPTIONS(location='{}')", "CREATE SCHEMA moved"])
def test_a_dataset_that_is_recreated_in_another_location_is_found_there(bigquery_client, statement):
    for location, other in (("US", "EU"), ("EU", "US")):
        bigquery_client.query_and_wait(statement.format(location), location=None if "{}" in statement else location)
        bigquery_client.query_and_wait("CREATE TABLE moved.t AS SELECT 1 AS a", location=location)
        with pytest.raises(NotFound, match=f"moved was not found in location {other}"):
            bigquery_client.query_and_wait("SELECT * FROM moved.t", location=other)
        bigquery_client.delete_dataset("moved", delete_contents=True)


@pytest.mark.parametrize(
    "text", ["SELECT 1", "CREATE MODEL of_the_us.m OPTIONS(model_type='LOGISTIC_REG') AS SELECT 1 AS x"]
)
def test_an_unknown_location_is_refused(bigquery_client, text):
    for ask in (bigquery_client.query, bigquery_client.query_and_wait):
        with pytest.raises(BadRequest, match="Location mars does not support this operation") as refused:
            ask(text, location="mars")
        assert refused.value.errors[0]["reason"] == "invalid"


def test_legacy_sql_is_refused_by_name(bigquery_client):
    legacy = bigquery.QueryJobConfig(use_legacy_sql=True)
    for ask in (bigquery_client.query, bigquery_client.query_and_wait):
        with pytest.raises(BadRequest, match="Legacy SQL is not supported by the local BigQuery") as refused:
            ask("SELECT 1", job_config=legacy)
        assert refused.value.errors[0]["reason"] == "invalidQuery"
    table = bigquery.Table(f"{PROJECT}.{HERE}.view")
    table.view_query, table.view_use_legacy_sql = "SELECT 1 AS a", True
    with pytest.raises(BadRequest, match="Legacy SQL is not supported"):
        bigquery_client.create_table(table)


def test_a_first_line_that_names_another_dialect_than_the_job_is_refused(bigquery_client):
    with pytest.raises(BadRequest, match="specifies use_legacy_sql:true, while API options specify:false"):
        bigquery_client.query_and_wait("#legacySQL\nSELECT 1")
    with pytest.raises(BadRequest, match="specifies use_legacy_sql:false, while API options specify:true"):
        bigquery_client.query("#standardSQL\nSELECT 1", bigquery.QueryJobConfig(use_legacy_sql=True))
    assert list(bigquery_client.query_and_wait("#standardSQL\nSELECT 1 AS a")) != []
    assert list(bigquery_client.query_and_wait("#legacySQL is another dialect\nSELECT 1 AS a")) != []
