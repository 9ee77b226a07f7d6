"""An invalid statement or request is refused at once, as the caller's error.

The local BigQuery must not answer with an internal error, because clients would retry the request.
"""

# ruff: noqa: S608 - the names in the statements come only from the tests

import time

import httpx
import pytest

from desk.bigquery import PROJECT

DATASET = "refusals"
MODEL = f"{DATASET}.m"
NEW = f"CREATE MODEL {DATASET}.new OPTIONS(model_type='LOGISTIC_REG', input_label_cols=['y']"
STATEMENTS = [
    f"EXPORT MODEL {MODEL} OPTIONS(uri='gs://none/m')",
    f"EXPORT MODEL {MODEL}",
    f"ALTER MODEL {MODEL} SET OPTIONS(labels=1)",
    f"ALTER MODEL {MODEL} SET OPTIONS(expiration_timestamp='x')",
    f"{NEW}) AS SELECT INTERVAL 1 DAY AS i, 1 AS y",
    f"{NEW}, max_iterations='a') AS SELECT 1 AS x, 1 AS y",
    f"{NEW}, class_weights=[STRUCT('a', 1)]) AS SELECT 1 AS x, 1 AS y",
    f"CREATE MODEL {DATASET}.`` OPTIONS(model_type='LOGISTIC_REG') AS SELECT 1 AS x",
    f"CREATE MODEL {DATASET}.`a/b` OPTIONS(model_type='LOGISTIC_REG') AS SELECT 1 AS x",
    f"SELECT * FROM ML.PREDICT(MODEL {MODEL}, (SELECT [1] AS x))",
    f"SELECT * FROM ML.EXPLAIN_PREDICT(MODEL {MODEL}, (SELECT 1 AS x), STRUCT('a' AS top_k_features))",
    f"SELECT * FROM ML.ROC_CURVE(MODEL {MODEL}, (SELECT 1 AS x, 1 AS y), ['a'])",
    "SELECT 'unclosed",
    "SELECT `unclosed",
    f"SELECT {'(' * 3000}1{')' * 3000}",
    "BREAK",
    "LEAVE x",
    "EXECUTE IMMEDIATE",
    "EXECUTE IMMEDIATE 1",
    f"CREATE TABLE {DATASET}.t (x INT64) OPTIONS(expiration_timestamp='x')",
    f"CREATE TABLE {DATASET}.t (x INT64) OPTIONS(labels=[1])",
    f"LOAD DATA INTO {DATASET}.t FROM FILES(format='CSV', uris=['gs://none/x'])",
]
TABLE = {"projectId": PROJECT, "datasetId": DATASET, "tableId": "t"}
CONFIGURATIONS = [
    ({}, "invalid"),
    (
        {
            "load": {
                "destinationTable": TABLE,
                "sourceUris": ["none"],
                "schema": {"fields": [{"name": "a", "type": "INT64"}]},
            }
        },
        "invalid",
    ),
    ({"query": {"query": f"EXPORT MODEL {MODEL} OPTIONS(uri='x')", "useLegacySql": False}}, "invalid"),
    ({"extract": {"sourceModel": {"projectId": PROJECT, "datasetId": DATASET, "modelId": "m"}}}, "invalid"),
    ({"extract": {"sourceTable": TABLE, "destinationUris": ["gs://none/x"]}}, "notFound"),
    ({"copy": {"sourceTable": TABLE}}, "invalid"),
    (
        {"query": {"query": "SELECT @p", "queryParameters": [{"name": "p", "parameterType": {"type": "ARRAY"}}]}},
        "invalidQuery",
    ),
]


@pytest.fixture(scope="module")
def http(bigquery_client, bigquery_url):
    """An HTTP client whose base URL is that of the project. The dataset DATASET has a model with a TIMESTAMP input."""
    bigquery_client.create_dataset(DATASET)
    bigquery_client.query_and_wait(
        f"CREATE MODEL {MODEL} OPTIONS(model_type='LOGISTIC_REG', input_label_cols=['y'], "
        "data_split_method='NO_SPLIT') AS SELECT TIMESTAMP_SECONDS(x) AS ts, MOD(x, 5) AS x, MOD(x, 2) AS y "
        "FROM UNNEST(GENERATE_ARRAY(1, 50)) AS x"
    )
    with httpx.Client(base_url=f"{bigquery_url}/bigquery/v2/projects/{PROJECT}") as client:
        yield client


def reason(answer):
    return answer.json()["error"]["errors"][0]["reason"]


def outcome(http, configuration):
    """Submit a job that must fail when it is submitted or when it runs. Return the reason in the error."""
    answer = http.post("/jobs", json={"configuration": configuration})
    if answer.is_error:
        assert answer.status_code < 500, answer.text
        return reason(answer)
    job = answer.json()
    deadline = time.monotonic() + 30
    while job["status"]["state"] != "DONE" and time.monotonic() < deadline:
        job = http.get(f"/jobs/{job['jobReference']['jobId']}").json()
    return job["status"]["errorResult"]["reason"]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: text[:60])
def test_a_statement_is_refused_at_once(http, statement):
    query = {"query": statement, "useLegacySql": False}
    answer = http.post("/queries", json=query)
    assert (answer.status_code, reason(answer)) == (400, "invalidQuery")
    assert outcome(http, {"query": query}) == "invalidQuery"
    # A dry run makes fewer checks, so it may succeed.
    assert not http.post("/queries", json=query | {"dryRun": True}).is_server_error


@pytest.mark.parametrize(("configuration", "why"), CONFIGURATIONS, ids=str)
def test_a_job_with_a_wrong_configuration_is_refused_at_once(http, configuration, why):
    assert outcome(http, configuration) == why


@pytest.mark.parametrize("job_id", ["a b", "é", "a/b", "x" * 1025])
def test_a_job_id_has_letters_digits_underscores_and_dashes(http, job_id):
    reference = {"projectId": PROJECT, "jobId": job_id}
    for text in ("SELECT 1", f"SELECT * FROM ML.WEIGHTS(MODEL {MODEL})"):
        configuration = {"query": {"query": text, "useLegacySql": False}}
        answer = http.post("/jobs", json={"jobReference": reference, "configuration": configuration})
        assert (answer.status_code, reason(answer)) == (400, "invalid")
