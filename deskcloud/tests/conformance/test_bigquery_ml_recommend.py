"""Matrix factorization on the local BigQuery, with Google's own client."""

# ruff: noqa: S608 - the statements come only from the tests of this file

import json

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from desk.bigquery import connect
from deskcloud.bigquery.gateway import app
from deskcloud.web import serving

OPTIONS = "model_type='MATRIX_FACTORIZATION', user_col='visitor_id', item_col='product_id', rating_col='weight'"
IMPLICIT = f"OPTIONS({OPTIONS}, feedback_type='implicit', num_factors=4, wals_alpha=10, l2_reg=0.5)"
EXPLICIT = f"OPTIONS({OPTIONS}, num_factors=4)"
# Three groups, each of ten visitors and five products. Each visitor has weights for four of the five products of the
# visitor's own group.
INTERACTIONS = """
CREATE TABLE shop.interactions AS
SELECT CONCAT('v', v) AS visitor_id, p AS product_id, 1 + MOD(v * p, 3) AS weight
FROM UNNEST(GENERATE_ARRAY(0, 29)) AS v, UNNEST(GENERATE_ARRAY(0, 14)) AS p
WHERE DIV(v, 10) = DIV(p, 5) AND MOD(v, 5) != MOD(p, 5)
"""
TRAINING = "SELECT visitor_id, product_id, weight FROM shop.interactions"


@pytest.fixture(scope="module")
def run(bigquery_client):
    """Run a statement and return its rows as dictionaries."""

    def run(text, *parameters, **settings):
        config = bigquery.QueryJobConfig(query_parameters=parameters, **settings)
        return [dict(row) for row in bigquery_client.query(text, job_config=config).result()]

    bigquery_client.create_dataset("shop")
    run(INTERACTIONS)
    run(f"CREATE MODEL shop.taste {IMPLICIT} AS {TRAINING}")
    run(f"CREATE MODEL shop.stars {EXPLICIT} AS {TRAINING}")
    yield run
    bigquery_client.delete_dataset("shop", delete_contents=True)


def test_every_visitor_is_recommended_the_one_product_of_the_group_that_is_missing(run):
    rows = run(
        f"""
        WITH seen AS ({TRAINING}),
        ranked AS (
          SELECT
            visitor_id,
            product_id,
            ROW_NUMBER() OVER (PARTITION BY visitor_id ORDER BY predicted_weight_confidence DESC) AS place
          FROM ML.RECOMMEND(MODEL shop.taste)
          LEFT JOIN seen USING (visitor_id, product_id)
          WHERE seen.weight IS NULL
        )
        SELECT visitor_id, product_id FROM ranked WHERE place = 1
        """
    )
    assert {row["visitor_id"]: row["product_id"] for row in rows} == {f"v{v}": v // 10 * 5 + v % 5 for v in range(30)}


@pytest.mark.parametrize(
    ("given", "columns", "count"),
    [
        ("", ["predicted_weight_confidence", "visitor_id", "product_id"], 30 * 15),
        (", (SELECT 'v3' AS visitor_id)", ["predicted_weight_confidence", "visitor_id", "product_id"], 15),
        (", (SELECT 3 AS product_id)", ["predicted_weight_confidence", "visitor_id", "product_id"], 30),
        (", TABLE shop.interactions", ["predicted_weight_confidence", "visitor_id", "product_id", "weight"], 120),
    ],
)
def test_ml_recommend_accepts_both_columns_or_one_or_none(run, bigquery_client, given, columns, count):
    text = f"SELECT * FROM ML.RECOMMEND(MODEL shop.taste{given})"
    job = bigquery_client.query(text)
    rows = list(job.result())
    assert (len(rows), list(rows[0].keys())) == (count, columns)
    types = {field.name: field.field_type for field in job.result().schema}
    assert (types["visitor_id"], types["product_id"]) == ("STRING", "INTEGER")

    dry = bigquery_client.query(text, job_config=bigquery.QueryJobConfig(dry_run=True))
    assert [field.name for field in dry.schema] == columns


def test_recommendations_go_into_tables_and_see_the_ctes_and_parameters_around_them(run):
    run(
        """
        CREATE OR REPLACE TABLE shop.recommended AS
        WITH asked AS (SELECT DISTINCT visitor_id FROM shop.interactions WHERE visitor_id IN UNNEST(@visitors))
        SELECT i.visitor_id, COUNT(*) AS products
        FROM ML.RECOMMEND(MODEL `shop.taste`, (SELECT visitor_id FROM asked)) AS r
        JOIN (SELECT DISTINCT visitor_id FROM shop.interactions) AS i ON i.visitor_id = r.visitor_id
        GROUP BY i.visitor_id
        """,
        bigquery.ArrayQueryParameter("visitors", "STRING", ["v1", "v12"]),
    )
    rows = run("SELECT * FROM shop.recommended ORDER BY visitor_id")
    assert rows == [{"visitor_id": "v1", "products": 15}, {"visitor_id": "v12", "products": 15}]


def test_evaluate_has_the_measures_of_the_feedback_type(run):
    ranking = ["mean_average_precision", "mean_squared_error", "normalized_discounted_cumulative_gain", "average_rank"]
    errors = [
        "mean_absolute_error",
        "mean_squared_error",
        "mean_squared_log_error",
        "median_absolute_error",
        "r2_score",
        "explained_variance",
    ]
    for model, names in (("taste", ranking), ("stars", errors)):
        (kept,) = run(f"SELECT * FROM ML.EVALUATE(MODEL shop.{model})")
        (again,) = run(f"SELECT * FROM ML.EVALUATE(MODEL shop.{model}, TABLE shop.interactions)")
        assert list(kept) == names
        assert again == pytest.approx(kept)


def test_a_prediction_can_be_made_again_in_sql_from_the_weights(run):
    rows = run(
        """
        WITH weights AS (SELECT * FROM ML.WEIGHTS(MODEL shop.stars)),
        products AS (
          SELECT
            u.intercept + i.intercept + (SELECT intercept FROM weights WHERE feature = 'global__INTERCEPT__') + (
              SELECT SUM(a.weight * b.weight)
              FROM UNNEST(u.factor_weights) AS a JOIN UNNEST(i.factor_weights) AS b ON a.factor = b.factor
            ) AS expected,
            u.feature AS visitor_id,
            CAST(i.feature AS INT64) AS product_id
          FROM weights AS u CROSS JOIN weights AS i
          WHERE u.processed_input = 'visitor_id' AND i.processed_input = 'product_id'
        )
        SELECT COUNT(*) AS pairs, MAX(ABS(expected - predicted_weight)) AS furthest
        FROM ML.RECOMMEND(MODEL shop.stars) JOIN products USING (visitor_id, product_id)
        """
    )
    assert rows[0]["pairs"] == 30 * 15
    assert rows[0]["furthest"] < 1e-12


def test_statements_return_the_training_info_and_the_features_of_a_model(run, bigquery_client):
    info = run("SELECT * FROM ML.TRAINING_INFO(MODEL shop.taste) ORDER BY iteration")
    assert [row["iteration"] for row in info] == list(range(len(info)))
    assert info[-1]["loss"] < info[0]["loss"]
    assert info[0]["eval_loss"] is None
    features = run("SELECT input, category_count FROM ML.FEATURE_INFO(MODEL shop.taste)")
    assert features == [
        {"input": "visitor_id", "category_count": 30},
        {"input": "product_id", "category_count": 15},
    ]
    model = bigquery_client.get_model("shop.taste")
    options = model.training_runs[-1]["trainingOptions"]
    assert model.model_type == "MATRIX_FACTORIZATION"
    assert (options["feedbackType"], options["numFactors"], options["walsAlpha"]) == ("IMPLICIT", "4", 10.0)
    assert [column.name for column in model.feature_columns] == ["visitor_id", "product_id"]
    assert [column.name for column in model.label_columns] == ["weight"]


def test_a_model_is_created_once_skipped_or_replaced(run, bigquery_client):
    def operation(clause):
        job = bigquery_client.query(f"CREATE {clause} shop.again {IMPLICIT} AS {TRAINING}")
        job.result()
        return job.ddl_operation_performed

    clauses = ("MODEL", "MODEL IF NOT EXISTS", "OR REPLACE MODEL")
    assert [operation(clause) for clause in clauses] == ["CREATE", "SKIP", "REPLACE"]
    with pytest.raises(exceptions.Conflict, match="Already Exists: Model"):
        operation("MODEL")


def test_a_dry_run_trains_nothing(run, bigquery_client):
    text = f"CREATE MODEL shop.dry {IMPLICIT} AS {TRAINING}"
    bigquery_client.query(text, job_config=bigquery.QueryJobConfig(dry_run=True))
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_model("shop.dry")


def test_export_writes_the_weights(run, bucket):
    run(f"EXPORT MODEL shop.taste OPTIONS(uri='gs://{bucket.name}/model')")
    content = json.loads(bucket.blob("model/weights.json").download_as_text())
    assert (content["feedback_type"], len(content["user"]["ids"])) == ("IMPLICIT", 30)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SELECT * FROM ML.PREDICT(MODEL shop.taste, TABLE shop.interactions)",
            "ML.PREDICT is not supported for model .*shop.taste of type MATRIX_FACTORIZATION, which has .*ML.RECOMMEND",
        ),
        ("SELECT * FROM ML.ROC_CURVE(MODEL shop.taste)", "ML.ROC_CURVE is not supported for model"),
        ("SELECT * FROM ML.RECOMMEND(MODEL shop.taste, (SELECT 1 AS x))", "neither 'visitor_id' nor 'product_id'"),
        ("SELECT * FROM ML.RECOMMEND(MODEL shop.taste, STRUCT(1 AS trial_id))", "Option trial_id of ML.RECOMMEND"),
        ("SELECT * FROM ML.WEIGHTS(MODEL shop.taste, STRUCT(TRUE AS standardize))", "Option standardize of ML.WEIGHTS"),
        (f"CREATE MODEL shop.bad OPTIONS({OPTIONS}, num_factors=300) AS {TRAINING}", "NUM_FACTORS must be an INT64"),
        (f"CREATE MODEL shop.bad {IMPLICIT} AS SELECT *, 1 AS day FROM shop.interactions", "it also gives day"),
        (
            f"CREATE MODEL shop.bad OPTIONS({OPTIONS}, num_trials=3) AS {TRAINING}",
            "NUM_TRIALS: hyperparameter tuning is not supported",
        ),
    ],
)
def test_a_refusal_names_the_cause(run, text, message):
    with pytest.raises(exceptions.BadRequest, match=message):
        run(text)


def test_a_missing_model_is_not_found(run):
    with pytest.raises(exceptions.NotFound, match="Not found: Model"):
        run("SELECT * FROM ML.RECOMMEND(MODEL shop.nothing)")


def test_without_a_reservation_only_training_is_refused_in_googles_words(run, bigquery_emulator, tmp_path):
    with serving.serve(app.create_app(bigquery_emulator, tmp_path, is_on_demand=True)) as url:
        client = connect(url)
        with pytest.raises(exceptions.BadRequest) as raised:
            client.query(f"CREATE MODEL shop.mine {IMPLICIT} AS {TRAINING}").result()
        (error,) = raised.value.errors
        assert error["reason"] == "invalidQuery"
        assert error["message"].startswith("Training Matrix Factorization models is not available for on-demand usage.")
        client.query(
            "CREATE MODEL shop.mine OPTIONS(model_type='LOGISTIC_REG', labels=['label']) AS "
            "SELECT weight, weight > 1 AS label FROM shop.interactions"
        ).result()
