"""Regression models on the local BigQuery, with Google's own client. The first tests follow Google's tutorial."""

# ruff: noqa: S608 - the statements come only from the tests of this file

import json

import pytest
import treelite
from google.api_core import exceptions
from google.cloud import bigquery

from desk import penguins

KNOWN = "SELECT * FROM tutorial.penguins WHERE body_mass_g IS NOT NULL"
CREATE = (
    """
CREATE OR REPLACE MODEL `tutorial.{name}`
OPTIONS (model_type='{type_}', input_label_cols=['body_mass_g'], enable_global_explain=TRUE) AS
"""
    + KNOWN
)


@pytest.fixture(scope="module")
def run(bigquery_client):
    """Run a statement in dataset `tutorial` and return its rows as dictionaries."""

    def run(text, **settings):
        job = bigquery_client.query(text, job_config=bigquery.QueryJobConfig(**settings))
        return [dict(row) for row in job.result()]

    bigquery_client.create_dataset("tutorial")
    config = bigquery.LoadJobConfig(
        schema=[bigquery.SchemaField(name, type_) for name, type_ in penguins.TYPES.items()],
        source_format="CSV",
        skip_leading_rows=1,
        null_marker=penguins.NULL,
    )
    with penguins.FILE.open("rb") as file:
        bigquery_client.load_table_from_file(file, "tutorial.penguins", job_config=config).result()
    run(CREATE.format(name="penguins_model", type_="linear_reg"))
    run(CREATE.format(name="trees", type_="boosted_tree_regressor"))
    yield run
    bigquery_client.delete_dataset("tutorial", delete_contents=True)


def test_ml_evaluate_prints_what_googles_tutorial_prints(run):
    (row,) = run(f"SELECT * FROM ML.EVALUATE(MODEL `tutorial.penguins_model`, ({KNOWN}))")
    assert {name: penguins.printed(value) for name, value in row.items()} == penguins.EVALUATION
    assert run("SELECT * FROM ML.EVALUATE(MODEL tutorial.penguins_model)") == [row]


def test_ml_predict_prints_what_googles_tutorial_prints(run):
    text = """SELECT * FROM ML.PREDICT(MODEL `tutorial.penguins_model`,
        (SELECT * FROM `tutorial.penguins` WHERE island = 'Biscoe'))"""
    rows = run(text)
    assert list(rows[0]) == ["predicted_body_mass_g", *penguins.TYPES]
    shown = {
        (row["culmen_length_mm"], row["culmen_depth_mm"]): penguins.printed(row["predicted_body_mass_g"])
        for row in rows
    }
    assert {bill: shown[bill] for bill in penguins.PREDICTIONS} == penguins.PREDICTIONS


def test_ml_explain_predict_and_global_explain_have_the_tutorials_columns(run):
    row, *_ = run(
        """SELECT * FROM ML.EXPLAIN_PREDICT(MODEL `tutorial.penguins_model`,
        (SELECT * FROM `tutorial.penguins` WHERE island = 'Biscoe'), STRUCT(3 AS top_k_features))"""
    )
    assert list(row)[:6] == [
        "predicted_body_mass_g",
        "top_feature_attributions",
        "baseline_prediction_value",
        "prediction_value",
        "approximation_error",
        "species",
    ]
    assert len(row["top_feature_attributions"]) == 3
    shown = {
        row["feature"]: penguins.printed(row["attribution"])
        for row in run("SELECT * FROM ML.GLOBAL_EXPLAIN(MODEL tutorial.penguins_model)")
    }
    assert {name: shown[name] for name in penguins.ATTRIBUTIONS} == penguins.ATTRIBUTIONS


def test_a_prediction_can_be_made_again_in_sql_from_the_weights(run):
    rows = run(
        f"""
        WITH weights AS (SELECT * FROM ML.WEIGHTS(MODEL tutorial.penguins_model)),
        predicted AS (SELECT * FROM ML.PREDICT(MODEL tutorial.penguins_model, ({KNOWN})))
        SELECT MAX(ABS(predicted_body_mass_g - (
          SELECT SUM(CASE processed_input
            WHEN '__INTERCEPT__' THEN weight
            WHEN 'culmen_length_mm' THEN weight * culmen_length_mm
            WHEN 'culmen_depth_mm' THEN weight * culmen_depth_mm
            WHEN 'flipper_length_mm' THEN weight * flipper_length_mm
            ELSE (SELECT SUM(c.weight) FROM UNNEST(category_weights) AS c
                  WHERE c.category IN (species, island, IFNULL(sex, '_null_filler'))) END)
          FROM weights))) AS furthest
        FROM predicted
        """
    )
    assert rows[0]["furthest"] < 1e-8


@pytest.mark.parametrize("name", ["penguins_model", "trees"])
@pytest.mark.parametrize(
    ("call", "first"),
    [
        ("ML.EVALUATE(MODEL tutorial.{})", "mean_absolute_error"),
        ("ML.TRAINING_INFO(MODEL tutorial.{})", "training_run"),
        ("ML.FEATURE_INFO(MODEL tutorial.{})", "input"),
        ("ML.GLOBAL_EXPLAIN(MODEL tutorial.{})", "feature"),
        ("ML.EXPLAIN_PREDICT(MODEL tutorial.{}, TABLE tutorial.penguins)", "predicted_body_mass_g"),
        ("ML.VALIDATE_DATA_SKEW(MODEL tutorial.{}, TABLE tutorial.penguins)", "input"),
    ],
)
def test_each_function_can_be_used_as_a_table_with_both_model_types(run, bigquery_client, name, call, first):
    text = f"SELECT * FROM {call.format(name)}"
    rows = run(text)
    assert next(iter(rows[0])) == first
    dry = bigquery_client.query(text, job_config=bigquery.QueryJobConfig(dry_run=True))
    assert [field.name for field in dry.schema] == list(rows[0])


def test_ml_feature_importance_has_the_figures_of_the_trees(run):
    rows = run("SELECT feature FROM ML.FEATURE_IMPORTANCE(MODEL tutorial.trees) ORDER BY importance_gain DESC LIMIT 1")
    assert rows == [{"feature": "species"}]


@pytest.mark.parametrize(
    ("name", "model_type", "option"),
    [
        ("penguins_model", "LINEAR_REGRESSION", ("optimizationStrategy", "NORMAL_EQUATION")),
        ("trees", "BOOSTED_TREE_REGRESSOR", ("boosterType", "GBTREE")),
    ],
)
def test_the_resource_has_the_type_the_label_and_the_metrics(run, bigquery_client, name, model_type, option):
    model = bigquery_client.get_model(f"tutorial.{name}")
    (row,) = run(f"SELECT * FROM ML.EVALUATE(MODEL tutorial.{name})")
    training = model.training_runs[-1]
    assert model.model_type == model_type
    assert [(column.name, column.type.type_kind.name) for column in model.label_columns] == [("body_mass_g", "FLOAT64")]
    assert option in training["trainingOptions"].items()
    assert training["trainingOptions"]["lossType"] == "MEAN_SQUARED_LOSS"
    assert training["evaluationMetrics"] == {
        "regressionMetrics": {
            "meanAbsoluteError": row["mean_absolute_error"],
            "meanSquaredError": row["mean_squared_error"],
            "meanSquaredLogError": row["mean_squared_log_error"],
            "medianAbsoluteError": row["median_absolute_error"],
            "rSquared": row["r2_score"],
        }
    }
    assert len(training["modelLevelGlobalExplanation"]["explanations"]) == 6


@pytest.mark.parametrize("type_", ["INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"])
def test_a_label_of_each_numeric_type_gives_a_float64_prediction(run, bigquery_client, type_):
    run(f"""CREATE OR REPLACE MODEL tutorial.typed OPTIONS(model_type='LINEAR_REG') AS
        SELECT x, CAST(2 * x AS {type_}) AS label FROM UNNEST(GENERATE_ARRAY(1, 40)) AS x""")
    job = bigquery_client.query("SELECT * FROM ML.PREDICT(MODEL tutorial.typed, (SELECT 50 AS x))")
    assert [(field.name, field.field_type) for field in job.result().schema] == [
        ("predicted_label", "FLOAT"),
        ("x", "INTEGER"),
    ]
    assert [row["predicted_label"] for row in job.result()] == [pytest.approx(100)]
    (column,) = bigquery_client.get_model("tutorial.typed").label_columns
    assert column.type.type_kind.name == type_


def test_export_writes_the_weights_and_the_booster(run, bucket, tmp_path):
    for name in ("penguins_model", "trees"):
        run(f"EXPORT MODEL tutorial.{name} OPTIONS(uri='gs://{bucket.name}/{name}')")
    content = json.loads(bucket.blob("penguins_model/weights.json").download_as_text())
    assert (content["model_type"], content["label_col"]) == ("LINEAR_REGRESSION", "body_mass_g")
    bucket.blob("trees/model.bst").download_to_filename(tmp_path / "model.bst")
    assert treelite.frontend.load_xgboost_model_legacy_binary(str(tmp_path / "model.bst")).num_tree == 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SELECT * FROM ML.ROC_CURVE(MODEL tutorial.trees)",
            "ML.ROC_CURVE is not supported for model .* of type BOOSTED_TREE_REGRESSOR, which has .*ML.PREDICT",
        ),
        (
            "SELECT * FROM ML.PREDICT(MODEL tutorial.trees, TABLE tutorial.penguins, STRUCT(0.5 AS threshold))",
            "Option threshold of ML.PREDICT",
        ),
        (
            "SELECT * FROM ML.GLOBAL_EXPLAIN(MODEL tutorial.trees, STRUCT(TRUE AS class_level_explain))",
            "Option class_level_explain of ML.GLOBAL_EXPLAIN",
        ),
        ("SELECT * FROM ML.WEIGHTS(MODEL tutorial.trees)", "ML.WEIGHTS is not supported for BOOSTED_TREE_REGRESSOR"),
        (
            "SELECT * FROM ML.FEATURE_IMPORTANCE(MODEL tutorial.penguins_model)",
            "ML.FEATURE_IMPORTANCE is not supported for LINEAR_REGRESSION",
        ),
        (
            f"CREATE MODEL tutorial.bad OPTIONS(model_type='LINEAR_REG', labels=['sex']) AS {KNOWN}",
            "Label column 'sex' is STRING; a label must be",
        ),
        (
            "CREATE MODEL tutorial.bad OPTIONS(model_type='LINEAR_REG', auto_class_weights=TRUE) AS SELECT 1 AS label",
            "Option AUTO_CLASS_WEIGHTS is not supported for model type LINEAR_REGRESSION",
        ),
    ],
)
def test_a_refusal_names_the_cause(run, text, message):
    with pytest.raises(exceptions.BadRequest, match=message):
        run(text)
