"""BigQuery ML on the local BigQuery, with Google's own client."""

# ruff: noqa: S608 - the statements come only from the tests of this file

import datetime as dt
import uuid

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

BOOSTED = "OPTIONS(model_type='BOOSTED_TREE_CLASSIFIER', input_label_cols=['label'], max_iterations=3)"
LOGISTIC = "OPTIONS(model_type='LOGISTIC_REG', labels=['label'])"
VISITS = """
CREATE TABLE ml.visits AS
SELECT
  i AS id,
  MOD(i * 7919, 1000) / 1000 AS time_on_site,
  MOD(i, 13) AS pageviews,
  ['red', 'green', 'blue'][OFFSET(MOD(i, 3))] AS colour,
  IF(MOD(i * 7919, 1000) / 1000 + MOD(i, 13) / 13 + MOD(i * 31, 17) / 17 > 1.5, 1, 0) AS label
FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS i
"""


@pytest.fixture(scope="module")
def run(bigquery_client):
    """Run a statement in dataset `ml` and return its rows as dictionaries."""

    def run(text, *parameters, **settings):
        config = bigquery.QueryJobConfig(query_parameters=parameters, **settings)
        return [dict(row) for row in bigquery_client.query(text, job_config=config).result()]

    bigquery_client.create_dataset("ml")
    run(VISITS)
    run(f"CREATE MODEL ml.trees {BOOSTED} AS SELECT * EXCEPT (id) FROM ml.visits")
    run(f"CREATE MODEL ml.linear {LOGISTIC} AS SELECT time_on_site, pageviews, label FROM ml.visits")
    yield run
    bigquery_client.delete_dataset("ml", delete_contents=True)


def fails(run, text, message, *parameters, error=exceptions.BadRequest):
    with pytest.raises(error, match=message):
        run(text, *parameters)


def test_create_model_is_a_job_of_googles_shape(run, bigquery_client):
    text = f"CREATE OR REPLACE MODEL `ml.again` # a comment\n{LOGISTIC} AS SELECT time_on_site, label FROM ml.visits"
    for operation in ("CREATE", "REPLACE"):
        job = bigquery_client.query(text)
        job.result()
        assert job.ddl_operation_performed == operation
        assert job.statement_type == "CREATE_MODEL"
        assert job.ddl_target_table.table_id == "again"
        assert bigquery_client.get_job(job.job_id).query == text


def test_predict_keeps_every_row_and_its_columns(run):
    rows = run("SELECT * FROM ML.PREDICT(MODEL ml.trees, TABLE ml.visits) ORDER BY id")
    assert list(rows[0]) == [
        "predicted_label",
        "predicted_label_probs",
        "id",
        "time_on_site",
        "pageviews",
        "colour",
        "label",
    ]
    assert [row["id"] for row in rows] == list(range(1, 1001))
    assert all(row["time_on_site"] == row["id"] * 7919 % 1000 / 1000 for row in rows)
    assert [p["label"] for p in rows[0]["predicted_label_probs"]] == [1, 0]


def test_the_probabilities_of_predictions_are_unnested_to_columns(run):
    rows = "(SELECT * EXCEPT (label) FROM ml.visits WHERE id = 1)"
    predicted = f"ML.PREDICT(MODEL ml.trees, {rows}), UNNEST(predicted_label_probs)"
    [row] = run(f"SELECT predicted_label, label, prob FROM {predicted} WHERE label = predicted_label")
    assert row["label"] == row["predicted_label"]
    assert row["prob"] >= 0.5
    assert list(run(f"SELECT id, p.* FROM {predicted} AS p")[0]) == ["id", "label", "prob"]
    assert list(run(f"SELECT * FROM {predicted}")[0])[-3:] == ["colour", "label", "prob"]


def test_positional_parameters_keep_their_places(run):
    values = [10, 3, 1, "z"]
    kinds = ["INT64", "INT64", "INT64", "STRING"]
    rows = run(
        """SELECT id + ? AS k, ? AS n, z FROM ML.PREDICT(
             MODEL ml.trees, (SELECT *, ? AS z FROM ml.visits WHERE id <= ?)) ORDER BY id""",
        *(bigquery.ScalarQueryParameter(None, kinds[i], values[i]) for i in (0, 1, 3, 2)),
    )
    assert rows == [{"k": 11, "n": 3, "z": "z"}]


def test_a_scripts_variables_are_no_columns_of_predictions(run):
    rows = run(
        "declare wanted array<int64> default [1, 3]; "
        "select id, id in unnest(wanted) as is_wanted "
        "from ml.predict(model ml.trees, (select * from ml.visits where id <= 2)) order by id"
    )
    assert rows == [{"id": 1, "is_wanted": True}, {"id": 2, "is_wanted": False}]


def test_named_parameters_reach_the_rows_and_the_options(run):
    rows = run(
        "select count(*) n, countif(predicted_label = 1) c "
        "from ml.predict(model ml.trees, (select * from ml.visits where id < @n), struct(@t as threshold))",
        bigquery.ScalarQueryParameter("n", "INT64", 5),
        bigquery.ScalarQueryParameter("t", "FLOAT64", 0.0),
    )
    assert rows == [{"n": 4, "c": 4}]


def test_the_inner_query_sees_the_ctes_around_it(run):
    rows = run("""
        WITH few AS (SELECT * FROM ml.visits WHERE id <= 9),
             scored AS (SELECT * FROM ML.PREDICT(MODEL ml.trees, TABLE few))
        SELECT COUNT(*) AS n, (
          WITH fewer AS (SELECT * FROM few WHERE id <= 4)
          SELECT COUNT(*) FROM ML.PREDICT(MODEL `ml`.`linear`, (SELECT * FROM fewer)) AS p JOIN scored USING (id)
        ) AS m FROM scored""")
    assert rows == [{"n": 9, "m": 4}]


def test_calls_of_bigquery_ml_can_be_nested(run):
    (nested,) = run("""
        SELECT roc_auc FROM ML.EVALUATE(MODEL ml.linear, (
          SELECT time_on_site, pageviews, label FROM ML.PREDICT(MODEL ml.trees, TABLE ml.visits)))""")
    (plain,) = run("SELECT roc_auc FROM ML.EVALUATE(MODEL ml.linear, TABLE ml.visits)")
    assert nested == plain


def test_predictions_go_into_tables(run):
    run("CREATE TABLE ml.scores AS SELECT id, predicted_label FROM ML.PREDICT(MODEL ml.trees, TABLE ml.visits)")
    run("INSERT INTO ml.scores SELECT id + 1000, 7 FROM ML.PREDICT(MODEL ml.trees, (SELECT * FROM ml.visits))")
    run("""MERGE ml.scores t USING (
             SELECT id FROM ML.PREDICT(MODEL ml.trees, (SELECT * FROM ml.visits WHERE id <= 5))) s
           ON t.id = s.id WHEN MATCHED THEN UPDATE SET predicted_label = 9""")
    assert run("SELECT COUNT(*) n, COUNTIF(predicted_label = 9) nines FROM ml.scores") == [{"n": 2000, "nines": 5}]


@pytest.mark.parametrize(
    ("call", "first"),
    [
        ("ML.EVALUATE(MODEL ml.trees)", "precision"),
        ("ML.EVALUATE(MODEL ml.trees, TABLE ml.visits, STRUCT(0.55 AS threshold))", "precision"),
        ("ML.ROC_CURVE(MODEL ml.trees, TABLE ml.visits, GENERATE_ARRAY(0.4, 0.6, 0.1))", "threshold"),
        ("ML.CONFUSION_MATRIX(MODEL ml.trees, (SELECT * FROM ml.visits))", "expected_label"),
        ("ML.WEIGHTS(MODEL ml.linear, STRUCT(TRUE AS standardize))", "processed_input"),
        ("ML.TRAINING_INFO(MODEL ml.trees)", "training_run"),
        ("ML.FEATURE_INFO(MODEL ml.trees)", "input"),
        ("ML.FEATURE_IMPORTANCE(MODEL ml.trees)", "feature"),
        ("ML.EXPLAIN_PREDICT(MODEL ml.trees, TABLE ml.visits, STRUCT(2 AS top_k_features))", "predicted_label"),
    ],
)
def test_each_bigquery_ml_function_can_be_used_as_a_table(run, call, first):
    rows = run(f"SELECT * FROM {call}")
    assert rows
    assert next(iter(rows[0])) == first


def test_every_type_passes_through_predict_unchanged(run, bigquery_client):
    run("""
        CREATE TABLE ml.types AS SELECT
          0.5 AS time_on_site, 3 AS pageviews, 's' AS s, TRUE AS b, DATE '2020-01-01' AS d,
          TIMESTAMP '2020-01-01' AS ts, DATETIME '2020-01-01' AS dt, TIME '01:02:03' AS t, NUMERIC '1.5' AS n,
          BIGNUMERIC '2.5' AS bn, JSON '{"a": 1}' AS j, b'ab' AS by, CAST(NULL AS STRING) AS none, [1, 2] AS a,
          STRUCT(1 AS x, [STRUCT(2 AS q)] AS z) AS st""")
    run("CREATE TABLE ml.passed AS SELECT * FROM ML.PREDICT(MODEL ml.linear, TABLE ml.types)")
    before, after = (bigquery_client.get_table(f"ml.{name}").schema for name in ("types", "passed"))
    assert after[2:] == before
    (row,) = run("SELECT * EXCEPT (predicted_label, predicted_label_probs) FROM ml.passed")
    assert row == run("SELECT * FROM ml.types")[0]


def test_a_dry_run_knows_the_columns_and_runs_nothing(run, bigquery_client):
    config = bigquery.QueryJobConfig(dry_run=True)
    job = bigquery_client.query("SELECT * FROM ML.PREDICT(MODEL ml.trees, TABLE ml.visits)", job_config=config)
    assert [field.name for field in job.schema][1] == "predicted_label_probs"
    bigquery_client.query(f"CREATE MODEL ml.never {LOGISTIC} AS SELECT * FROM ml.visits", job_config=config)
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_model("ml.never")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("SELECT * FROM ML.PREDICT(MODEL ml.none, TABLE ml.visits)", exceptions.NotFound, "Not found: Model"),
        ("SELECT * FROM ML.PREDICT(MODEL ml.trees, TABLE ml.none)", exceptions.NotFound, "Table"),
        ("SELECT * FROM ML.RECOMMEND(MODEL ml.trees)", exceptions.BadRequest, "ML.RECOMMEND is not supported"),
        ("SELECT ML.BUCKETIZE(1, [2])", exceptions.BadRequest, "ML.BUCKETIZE is not supported"),
        (f"CREATE MODEL ml.trees {LOGISTIC} AS SELECT 1", exceptions.Conflict, "Already Exists: Model"),
        (f"CREATE MODEL ml.visits {LOGISTIC} AS SELECT 1", exceptions.Conflict, "Already Exists: Table"),
        ("CREATE OR REPLACE TABLE `ml`.trees AS SELECT 1", exceptions.Conflict, "Already Exists: Model"),
        ("create view if not exists ml.trees AS SELECT 1", exceptions.Conflict, "Already Exists: Model"),
        (f"CREATE MODEL none.x {LOGISTIC} AS SELECT 1", exceptions.NotFound, "Not found: Dataset"),
        (
            "CREATE MODEL ml.x OPTIONS(model_type='KMEANS') AS SELECT 1",
            exceptions.BadRequest,
            "KMEANS",
        ),
        ("ALTER MODEL ml.trees SET OPTIONS(colour='x')", exceptions.BadRequest, "colour"),
        (
            "SELECT * FROM ML.PREDICT(MODEL ml.linear, (SELECT *, INTERVAL 1 DAY AS i FROM ml.visits))",
            exceptions.BadRequest,
            "INTERVAL column i",
        ),
        (
            "SELECT * FROM ML.PREDICT(MODEL ml.linear, (SELECT *, ST_GEOGPOINT(1, 2) AS g FROM ml.visits))",
            exceptions.BadRequest,
            "GEOGRAPHY",
        ),
        ("CREATE MODEL ml.x TRANSFORM(a) OPTIONS() AS SELECT 1", exceptions.BadRequest, "TRANSFORM"),
        ("DROP MODEL ml.none", exceptions.NotFound, "Not found: Model"),
        ("DROP MODEL", exceptions.BadRequest, "Syntax error: Expected a name"),
        ("SELECT * FROM ML.PREDICT(MODEL ml.trees", exceptions.BadRequest, r'Syntax error: Expected "\)" but got end'),
    ],
)
def test_a_refusal_has_googles_reason_and_names_the_cause(run, text, error, message):
    fails(run, text, message, error=error)


PASSED_THROUGH = """
SELECT
  time_on_site, pageviews, colour, TRUE AS yes, b'x' AS raw, NUMERIC '1.5' AS exact, BIGNUMERIC '1.5' AS big,
  DATE '2020-02-29' AS day, TIME '10:00:00.5' AS hour, DATETIME '2020-02-29 10:00:00' AS local_time,
  TIMESTAMP '2020-02-29 10:00:00+01' AS moment, JSON '{"a": [1]}' AS document, [1, 2] AS numbers,
  [STRUCT('x' AS name, JSON '1' AS value)] AS pairs, CAST(NULL AS STRING) AS missing
FROM ml.visits
LIMIT 3
"""


def test_a_column_of_any_type_passes_through_as_it_was(run, bigquery_client):
    bigquery_client.query_and_wait(f"CREATE OR REPLACE TABLE ml.given AS {PASSED_THROUGH}")
    kept = "* EXCEPT (predicted_label, predicted_label_probs)"
    bigquery_client.query_and_wait(
        f"CREATE OR REPLACE TABLE ml.back AS SELECT {kept} FROM ML.PREDICT(MODEL ml.trees, TABLE ml.given)"
    )
    given, back = (bigquery_client.get_table(f"ml.{name}") for name in ("given", "back"))
    assert [field.to_api_repr() for field in back.schema] == [field.to_api_repr() for field in given.schema]
    everything = [run(f"SELECT TO_JSON_STRING(t) AS row FROM ml.{name} AS t ORDER BY 1") for name in ("given", "back")]
    assert everything[0] == everything[1]


def test_a_failed_replacement_leaves_the_former_model(run, bigquery_client):
    before = bigquery_client.get_model("ml.linear").etag
    fails(run, f"CREATE OR REPLACE MODEL ml.linear {LOGISTIC} AS SELECT 1 AS x, 1 AS label", "one value")
    assert bigquery_client.get_model("ml.linear").etag == before


def test_if_not_exists_skips(run, bigquery_client):
    job = bigquery_client.query(f"CREATE MODEL IF NOT EXISTS ml.linear {LOGISTIC} AS SELECT 1 AS label")
    job.result()
    assert job.ddl_operation_performed == "SKIP"


def test_models_can_be_read_listed_changed_and_deleted(run, bigquery_client):
    run(f"CREATE MODEL ml.kept {LOGISTIC} AS SELECT time_on_site, colour, label FROM ml.visits")
    model = bigquery_client.get_model("ml.kept")
    assert model.model_type == "LOGISTIC_REGRESSION"
    assert [(c.name, c.type.type_kind.name) for c in model.feature_columns] == [
        ("time_on_site", "FLOAT64"),
        ("colour", "STRING"),
    ]
    assert [c.name for c in model.label_columns] == ["label"]
    model.description, model.labels = "why", {"team": "a"}
    changed = bigquery_client.update_model(model, ["description", "labels"])
    assert (changed.description, changed.labels) == ("why", {"team": "a"})
    with pytest.raises(exceptions.PreconditionFailed):
        bigquery_client.update_model(model, ["description"])
    assert "kept" in {model.model_id for model in bigquery_client.list_models("ml")}
    bigquery_client.delete_model("ml.kept")
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_model("ml.kept")


def test_alter_model_sets_what_it_names_and_an_expired_model_is_gone(run, bigquery_client):
    run(f"CREATE MODEL ml.brief {LOGISTIC} AS SELECT time_on_site, label FROM ml.visits")
    run("ALTER MODEL ml.brief SET OPTIONS(labels=[('a', 'b')], description='x')")
    model = bigquery_client.get_model("ml.brief")
    assert (model.labels, model.description, model.expires) == ({"a": "b"}, "x", None)
    run("ALTER MODEL ml.brief SET OPTIONS(expiration_timestamp=TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY))")
    assert bigquery_client.get_model("ml.brief").expires > dt.datetime.now(dt.UTC)
    fails(run, "ALTER MODEL ml.brief SET OPTIONS(expiration_timestamp='x')", "must be a TIMESTAMP")
    run("ALTER MODEL ml.brief SET OPTIONS(expiration_timestamp=TIMESTAMP '2001-01-01')")
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_model("ml.brief")


def test_a_script_looks_for_models_in_the_dataset_that_it_sets(run):
    fails(
        run,
        "SET @@dataset_id = 'nowhere'; SELECT * FROM ML.WEIGHTS(MODEL linear)",
        "nowhere.linear",
        error=exceptions.NotFound,
    )
    rows = run("SET @@dataset_id = 'ml'; SELECT processed_input FROM ML.WEIGHTS(MODEL linear)")
    assert {row["processed_input"] for row in rows} == {"time_on_site", "pageviews", "__INTERCEPT__"}


def test_a_script_keeps_its_variables_and_temporary_tables(run):
    rows = run(f"""
        DECLARE n INT64 DEFAULT 100;
        CREATE TEMP TABLE some AS SELECT * FROM ml.visits WHERE id <= n;
        CREATE OR REPLACE MODEL ml.scripted {LOGISTIC} AS SELECT time_on_site, label FROM ml.visits WHERE id > n;
        SELECT COUNT(*) AS n FROM ML.PREDICT(MODEL ml.scripted, TABLE some) WHERE id <= n;""")
    assert rows == [{"n": 100}]


def test_a_job_id_can_be_used_once_by_jobs_of_the_gateway_and_of_the_emulator(run, bigquery_client):
    ours, theirs = uuid.uuid4().hex, uuid.uuid4().hex
    bigquery_client.query("SELECT * FROM ML.WEIGHTS(MODEL ml.linear)", job_id=ours, job_retry=None).result()
    bigquery_client.query("SELECT 1", job_id=theirs, job_retry=None).result()
    for job_id in (ours, theirs):
        for text in ("SELECT 1", "SELECT * FROM ML.WEIGHTS(MODEL ml.linear)"):
            with pytest.raises(exceptions.Conflict):
                bigquery_client.query(text, job_id=job_id, job_retry=None)


def test_each_job_is_listed_once_without_internal_jobs_of_the_gateway(run, bigquery_client):
    job = bigquery_client.query("SELECT roc_auc FROM ML.EVALUATE(MODEL ml.trees, TABLE ml.visits)")
    job.result()
    listed = [listed.job_id for listed in bigquery_client.list_jobs()]
    assert listed.count(job.job_id) == 1
    assert not [name for name in listed if "helper" in name]
    first, second = list(bigquery_client.list_jobs(max_results=2))
    assert listed[:2] == [first.job_id, second.job_id]
    bigquery_client.delete_job_metadata(job.job_id)
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_job(job.job_id)


def test_query_and_wait_answers_in_one_request(run, bigquery_client):
    (row,) = bigquery_client.query_and_wait("SELECT roc_auc FROM ML.EVALUATE(MODEL ml.trees)")
    assert 0.5 < row["roc_auc"] <= 1
    assert list(bigquery_client.query_and_wait("DROP MODEL IF EXISTS ml.none")) == []


def test_a_cancelled_training_is_stopped_and_leaves_no_model(run, bigquery_client):
    text = f"""CREATE MODEL ml.long {LOGISTIC} AS SELECT MOD(a, 7) AS x, MOD(a + b, 2) AS label
        FROM UNNEST(GENERATE_ARRAY(1, 1000000)) a, UNNEST(GENERATE_ARRAY(1, 100000)) b WHERE MOD(a * b, 97) < 40"""
    job = bigquery_client.query(text)
    assert not job.done()
    job.cancel()
    with pytest.raises(exceptions.GoogleAPICallError, match="cancelled"):
        job.result()
    job.reload()
    assert job.error_result["reason"] == "stopped"
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_model("ml.long")


def test_a_dataset_with_a_model_is_not_empty(run, bigquery_client):
    bigquery_client.create_dataset("crowded")
    run(f"CREATE MODEL crowded.m {LOGISTIC} AS SELECT time_on_site, label FROM ml.visits")
    with pytest.raises(exceptions.BadRequest, match="still in use"):
        bigquery_client.delete_dataset("crowded")
    fails(run, "DROP SCHEMA crowded", "still in use")
    run("DROP SCHEMA crowded CASCADE")
    bigquery_client.create_dataset("crowded")
    assert list(bigquery_client.list_models("crowded")) == []
    bigquery_client.delete_dataset("crowded")
