"""Statements and requests to the local BigQuery reach only tables and objects of Cloud Storage.

Statements and requests never reach other files or servers.
"""

import itertools
from pathlib import Path

import pytest
import yaml
from google.api_core.exceptions import BadRequest, Forbidden, GoogleAPICallError, NotFound
from google.cloud import bigquery
from local_bigquery.sql import dialect

from deskcloud.bigquery.emulator import sql_reach

ATTEMPTS = yaml.safe_load(Path(__file__).with_name("bigquery_reach.yaml").read_text())


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """Return a folder outside the local cloud that contains a file."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "x.csv").write_text("secret\n1\n")
    return folder


@pytest.fixture(scope="module")
def client(bigquery_client):
    bigquery_client.create_dataset("reach", exists_ok=True)
    bigquery_client.query_and_wait("CREATE OR REPLACE TABLE reach.t AS SELECT 1 AS a")
    yield bigquery_client
    bigquery_client.delete_dataset("reach", delete_contents=True)


def refusal(client, statement, config=None):
    """Run a statement. Return its error, or None if it succeeds."""
    try:
        job = client.query(statement, config, retry=None, job_retry=None)
        job.result(retry=None)
    except GoogleAPICallError as error:
        return error
    return None


@pytest.mark.parametrize("group", ATTEMPTS)
def test_sql_reaches_nothing_outside(client, outside, group):
    wrong = []
    for attempt in ATTEMPTS[group]:
        statement, named = attempt if isinstance(attempt, list) else (attempt, None)
        statement = statement.replace("$OUTSIDE", str(outside))
        error = refusal(client, statement)
        expected = {"missing": NotFound, "foreign": Forbidden}.get(group, BadRequest)
        said = error.errors[0]["message"] if error else "it ran"
        if not isinstance(error, expected) or (named and named.replace("$OUTSIDE", str(outside)) not in said):
            wrong.append(f"{statement}: {said}")
    assert not wrong, "\n".join(wrong)
    assert [file.name for file in outside.iterdir()] == ["x.csv"]
    assert (outside / "x.csv").read_text() == "secret\n1\n"


def test_a_statement_that_reaches_outside_is_refused_in_a_dry_run_and_with_a_default_dataset(client):
    for statement, config in itertools.product(
        ("SELECT * FROM read_csv('/x.csv')", "SELECT * FROM `/etc/passwd`", "SELECT getenv('HOME')"),
        (bigquery.QueryJobConfig(dry_run=True), bigquery.QueryJobConfig(default_dataset=f"{client.project}.reach")),
    ):
        assert isinstance(refusal(client, statement, config), BadRequest), statement


@pytest.mark.parametrize("uri", ["file://{}/x.csv", "{}/x.csv", "http://127.0.0.1:9/x.csv", "s3://bucket/x.csv"])
def test_loads_from_and_extracts_to_places_outside_cloud_storage_are_refused(client, outside, uri):
    place = uri.format(outside)
    for job in (
        lambda: client.load_table_from_uri(place, "reach.loaded", retry=None),
        lambda: client.load_table_from_uri(["gs://bucket/x.csv", place], "reach.loaded", retry=None),
        lambda: client.extract_table("reach.t", place, retry=None),
    ):
        with pytest.raises(BadRequest, match="must be a Google Cloud Storage location") as refused:
            job().result(retry=None)
        assert place in refused.value.message
    assert [file.name for file in outside.iterdir()] == ["x.csv"]


def test_no_path_of_a_load_leads_out_of_the_folder_of_the_buckets(client, bucket, outside):
    climbing = "../" * 12
    for uri in (f"gs://{bucket.name}/{climbing}{str(outside)[1:]}/x.csv", f"gs://{climbing}{str(outside)[1:]}/x.csv"):
        with pytest.raises(NotFound):
            client.load_table_from_uri(uri, "reach.loaded", retry=None).result(retry=None)


def test_a_load_follows_no_symbolic_link_out_of_the_folder_of_the_buckets(client, storage, bucket, outside):
    bucket.blob("within.csv").upload_from_string("a\n1\n")
    (within,) = storage.root.rglob("within.csv")
    within.with_name("link.csv").symlink_to(outside / "x.csv")
    with pytest.raises(NotFound, match=r"link\.csv"):
        client.load_table_from_uri(f"gs://{bucket.name}/link.csv", "reach.loaded", retry=None).result(retry=None)


def test_external_tables_are_refused(client, outside):
    external = bigquery.ExternalConfig("CSV")
    external.source_uris = [f"file://{outside}/x.csv"]
    table = bigquery.Table(f"{client.project}.reach.external")
    table.external_data_configuration = external
    with pytest.raises(BadRequest, match="external table"):
        client.create_table(table, retry=None)
    config = bigquery.QueryJobConfig(table_definitions={"e": external})
    assert "external table e" in str(refusal(client, "SELECT * FROM e", config))


def test_routines_views_and_policies_created_over_rest_obey_the_same_rules(client):
    path = f"/projects/{client.project}/datasets/reach"
    reference = {"projectId": client.project, "datasetId": "reach"}
    routine = {
        "routineReference": {**reference, "routineId": "r"},
        "routineType": "SCALAR_FUNCTION",
        "definitionBody": "getenv('HOME')",
    }
    view = {
        "tableReference": {**reference, "tableId": "v"},
        "view": {"query": "SELECT * FROM read_text('/etc/passwd')"},
    }
    policy = {"rowAccessPolicyReference": {"policyId": "p"}, "filterPredicate": "getenv('x') = 'y'", "grantees": []}
    for place, body, unknown in (
        ("routines", routine, "getenv"),
        ("tables", view, "read_text"),
        ("tables/t/rowAccessPolicies", policy, "getenv"),
    ):
        with pytest.raises(BadRequest, match=f"not found: {unknown}"):
            client._connection.api_request("POST", f"{path}/{place}", data=body)  # noqa: SLF001 - Google's client has no public method for raw requests


def test_user_defined_functions_and_tables_are_found_by_name(client):
    client.query_and_wait("CREATE OR REPLACE FUNCTION reach.twice(x INT64) AS (2 * x)")
    client.query_and_wait("CREATE OR REPLACE TABLE FUNCTION reach.above(x INT64) AS SELECT a FROM reach.t WHERE a > x")
    default = bigquery.QueryJobConfig(default_dataset=f"{client.project}.reach")
    for statement, config in (
        (f"SELECT reach.twice(1) + `{client.project}.reach.twice`(0)", None),
        ("SELECT twice(1)", default),
        ("SELECT 2 * COUNT(*) FROM reach.above(0)", None),
        ("CREATE TEMP FUNCTION thrice(x INT64) AS (3 * x); SELECT thrice(1) - 1", None),
        ("CREATE TEMP FUNCTION js(x INT64) RETURNS INT64 LANGUAGE js AS 'return 2'; SELECT js(1)", None),
        ("CREATE TEMP TABLE mine AS SELECT 2 AS b; SELECT b FROM mine", None),
        ("WITH `a` AS (SELECT 2 AS b) SELECT b FROM a", None),
    ):
        assert [list(row) for row in client.query_and_wait(statement, job_config=config)] == [[2]], statement


def test_every_function_that_the_emulator_defines_for_users_may_be_called():
    known = sql_reach.FUNCTIONS
    assert {name.upper() for name in dialect.MACROS if not name.startswith("_")} <= known
    assert not {"READ_TEXT", "READ_CSV", "GETENV", "GLOB", "CURRENT_SETTING", "QUERY", "ST_READ", "COLUMNS"} & known
