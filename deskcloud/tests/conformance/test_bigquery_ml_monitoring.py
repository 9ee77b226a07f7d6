"""BigQuery ML's monitoring functions on the local BigQuery, with Google's own client."""

# ruff: noqa: S608 - the statements come only from the tests of this file

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

VISITS = """
CREATE TABLE monitoring.visits AS
SELECT
  DATE_ADD(DATE '2026-01-01', INTERVAL DIV(i, 100) DAY) AS day,
  MOD(i * 7919, 1000) / 1000 + DIV(i, 500) AS seconds,
  ['red', 'green', 'blue'][OFFSET(MOD(i, 3))] AS colour,
  MOD(i, 2) AS label
FROM UNNEST(GENERATE_ARRAY(0, 999)) AS i
"""
DESCRIBED = [
    ("name", "STRING", "NULLABLE"),
    ("num_rows", "INTEGER", "NULLABLE"),
    ("num_nulls", "INTEGER", "NULLABLE"),
    ("num_zeros", "INTEGER", "NULLABLE"),
    ("min", "STRING", "NULLABLE"),
    ("max", "STRING", "NULLABLE"),
    ("mean", "FLOAT", "NULLABLE"),
    ("stddev", "FLOAT", "NULLABLE"),
    ("median", "FLOAT", "NULLABLE"),
    ("quantiles", "FLOAT", "REPEATED"),
    ("unique", "INTEGER", "NULLABLE"),
    ("avg_string_length", "FLOAT", "NULLABLE"),
    ("num_values", "INTEGER", "NULLABLE"),
    ("top_values", "RECORD", "REPEATED"),
    ("min_array_length", "INTEGER", "NULLABLE"),
    ("max_array_length", "INTEGER", "NULLABLE"),
    ("avg_array_length", "FLOAT", "NULLABLE"),
    ("total_array_length", "INTEGER", "NULLABLE"),
    ("array_length_quantiles", "INTEGER", "REPEATED"),
    ("dimension", "INTEGER", "NULLABLE"),
]
REPORT = [
    ("input", "STRING", "NULLABLE"),
    ("metric", "STRING", "NULLABLE"),
    ("threshold", "FLOAT", "NULLABLE"),
    ("value", "FLOAT", "NULLABLE"),
    ("is_anomaly", "BOOLEAN", "NULLABLE"),
]
EARLIER = "(SELECT seconds, colour FROM monitoring.visits WHERE day < '2026-01-06')"
LATER = "(SELECT * FROM monitoring.visits WHERE day >= '2026-01-06')"
CALLS = [
    ("ML.DESCRIBE_DATA(TABLE monitoring.visits, STRUCT(5 AS num_quantiles, 3 AS top_k))", DESCRIBED),
    ("ML.DESCRIBE_DATA(TABLE monitoring.visits)", DESCRIBED),
    (f"ML.VALIDATE_DATA_DRIFT({EARLIER}, {LATER}, STRUCT([('seconds', 0.9)] AS thresholds))", REPORT),
    ("ML.VALIDATE_DATA_DRIFT(TABLE monitoring.visits, TABLE monitoring.visits)", REPORT),
    (f"ML.VALIDATE_DATA_SKEW(MODEL monitoring.model, {LATER}, STRUCT())", REPORT),
]


@pytest.fixture(scope="module")
def run(bigquery_client):
    def run(text, *parameters, **settings):
        config = bigquery.QueryJobConfig(query_parameters=parameters, **settings)
        return [dict(row) for row in bigquery_client.query(text, job_config=config).result()]

    bigquery_client.create_dataset("monitoring")
    run(VISITS)
    run("""
        CREATE MODEL monitoring.model
        OPTIONS(model_type='LOGISTIC_REG', labels=['label'], data_split_method='NO_SPLIT') AS
        SELECT seconds, colour, label FROM monitoring.visits WHERE day < '2026-01-06'""")
    yield run
    bigquery_client.delete_dataset("monitoring", delete_contents=True)


@pytest.mark.parametrize(("call", "columns"), CALLS)
def test_a_call_has_the_documented_columns_in_a_run_and_in_a_dry_run(run, bigquery_client, call, columns):
    for is_dry_run in (False, True):
        config = bigquery.QueryJobConfig(dry_run=is_dry_run)
        job = bigquery_client.query(f"SELECT * FROM {call}", job_config=config)
        schema = job.schema if is_dry_run else job.result().schema
        assert [(field.name, field.field_type, field.mode) for field in schema] == columns
        if not is_dry_run:
            assert job.result().total_rows > 0


def test_ml_describe_data_describes_a_table(run):
    rows = run("SELECT * FROM ML.DESCRIBE_DATA(TABLE monitoring.visits, STRUCT(4 AS num_quantiles, 2 AS top_k))")

    colour, day, label, seconds = rows
    assert [row["name"] for row in rows] == ["colour", "day", "label", "seconds"]
    assert (day["min"], day["max"], day["unique"]) == ("2026-01-01", "2026-01-10", 10)
    assert colour["top_values"] == [{"value": "red", "count": 334}, {"value": "green", "count": 333}]
    assert (label["num_zeros"], label["mean"], label["stddev"]) == (500, 0.5, 0.5)
    assert seconds["quantiles"] == [0, 0.501, 0.999, 1.496, 1.998]


def test_ml_validate_data_drift_compares_two_periods_inside_a_larger_query(run):
    [row] = run(
        """
        WITH later AS (SELECT * FROM monitoring.visits WHERE day >= @from),
             report AS (
               SELECT * FROM ML.VALIDATE_DATA_DRIFT(
                 (SELECT seconds, colour FROM monitoring.visits WHERE day < @from),
                 TABLE later,
                 STRUCT(@least AS numerical_default_threshold, 'L_INFTY' AS categorical_metric_type)))
        SELECT
          STRING_AGG(input ORDER BY input) AS compared,
          ARRAY_AGG(IF(is_anomaly, input, NULL) IGNORE NULLS) AS drifted
        FROM report""",
        bigquery.ScalarQueryParameter("from", "DATE", "2026-01-06"),
        bigquery.ScalarQueryParameter("least", "FLOAT64", 0.5),
    )
    assert row == {"compared": "colour,seconds", "drifted": ["seconds"]}


def test_a_model_remembers_what_it_was_trained_on(run):
    own = {row["input"]: row for row in run(f"SELECT * FROM ML.VALIDATE_DATA_SKEW(MODEL monitoring.model, {EARLIER})")}
    new = {row["input"]: row for row in run(f"SELECT * FROM ML.VALIDATE_DATA_SKEW(MODEL monitoring.model, {LATER})")}

    assert list(own) == list(new) == ["colour", "seconds"]
    assert own["seconds"]["value"] == pytest.approx(0, abs=1e-12)
    assert new["seconds"] == {
        "input": "seconds",
        "metric": "JENSEN_SHANNON_DIVERGENCE",
        "threshold": 0.3,
        "value": 1.0,
        "is_anomaly": True,
    }


def test_the_result_of_a_monitoring_function_can_be_stored_in_a_table(run):
    run(f"CREATE TABLE monitoring.report AS SELECT CURRENT_DATE() AS day, * FROM {CALLS[2][0]}")
    assert run("SELECT input, threshold FROM monitoring.report ORDER BY input") == [
        {"input": "colour", "threshold": 0.3},
        {"input": "seconds", "threshold": 0.9},
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("ML.DESCRIBE_DATA()", "ML.DESCRIBE_DATA needs rows: TABLE name or \\(query\\) as first argument"),
        ("ML.DESCRIBE_DATA(TABLE monitoring.visits, TABLE monitoring.visits)", "takes one TABLE name or"),
        ("ML.DESCRIBE_DATA(TABLE monitoring.visits, STRUCT(1 AS top))", "Option top of ML.DESCRIBE_DATA"),
        (
            "ML.DESCRIBE_DATA(TABLE monitoring.visits, STRUCT(0 AS top_k))",
            "TOP_K must be an INT64 from 1 to 10000; got 0",
        ),
        ("ML.VALIDATE_DATA_DRIFT(TABLE monitoring.visits)", "needs two inputs, each as TABLE name"),
        (
            "ML.VALIDATE_DATA_DRIFT(TABLE monitoring.visits, (SELECT 1), STRUCT(), MODEL monitoring.model)",
            "The visualization link of ML.VALIDATE_DATA_DRIFT.*MODEL.* is not supported by the local BigQuery",
        ),
        ("ML.VALIDATE_DATA_SKEW(TABLE monitoring.visits)", "the first argument must be MODEL"),
        ("ML.VALIDATE_DATA_SKEW(MODEL monitoring.model)", "ML.VALIDATE_DATA_SKEW needs rows"),
        (
            "ML.VALIDATE_DATA_SKEW(MODEL monitoring.model, (SELECT 1 AS a), STRUCT(10 AS num_histogram_buckets))",
            "Option num_histogram_buckets of ML.VALIDATE_DATA_SKEW",
        ),
        (
            "ML.VALIDATE_DATA_SKEW(MODEL monitoring.model, (SELECT 1), STRUCT(TRUE AS enable_visualization_link))",
            "The visualization link of ML.VALIDATE_DATA_SKEW.* is not supported by the local BigQuery",
        ),
        ("ML.TFDV_DESCRIBE(TABLE monitoring.visits)", "ML.TFDV_DESCRIBE, .*; use ML.DESCRIBE_DATA, is not supported"),
    ],
)
def test_an_error_names_the_wrong_argument(run, call, message):
    with pytest.raises(exceptions.BadRequest, match=message):
        run(f"SELECT * FROM {call}")


def test_a_scalar_function_on_protocol_buffers_is_refused_by_name(run):
    with pytest.raises(
        exceptions.BadRequest, match=r"ML\.TFDV_VALIDATE, .* use ML.VALIDATE_DATA_DRIFT, is not supported"
    ):
        run("SELECT ML.TFDV_VALIDATE(JSON '{}', JSON '{}', 'DRIFT')")


def test_skew_of_a_matrix_factorization_is_refused(run):
    run("""
        CREATE MODEL monitoring.factors OPTIONS(model_type='MATRIX_FACTORIZATION', num_factors=2) AS
        SELECT CAST(MOD(i, 7) AS STRING) AS user, CAST(MOD(i, 5) AS STRING) AS item, 1.0 * MOD(i, 3) AS rating
        FROM UNNEST(GENERATE_ARRAY(0, 34)) AS i""")
    with pytest.raises(exceptions.BadRequest, match=r"ML\.VALIDATE_DATA_SKEW is not supported for model"):
        run("SELECT * FROM ML.VALIDATE_DATA_SKEW(MODEL monitoring.factors, TABLE monitoring.visits)")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("JSON '{}'", "Column 'x' holds JSON, for which BigQuery computes no statistics"),
        ("ST_GEOGPOINT(1, 2)", "The GEOGRAPHY column x"),
        ("INTERVAL 1 DAY", "The INTERVAL column x"),
        ("[STRUCT('a' AS a)]", "Column 'x' is an ARRAY<STRUCT<STRING>>"),
    ],
)
def test_a_type_without_statistics_is_refused(run, column, message):
    with pytest.raises(exceptions.BadRequest, match=message):
        run(f"SELECT * FROM ML.DESCRIBE_DATA((SELECT {column} AS x))")
