"""Measure ML.PREDICT into a table.

The floor is the time to copy the same rows, plus the time of the model's prediction in memory.
"""

import os

import xgboost as xgb

from benchmarks import local_bigquery, visitors
from benchmarks.measure import Row, in_turns, say

ROWS = 1_000_000
TRAINED_ON = 50_000
ROUNDS = 3
CREATE_MODEL = """
    CREATE OR REPLACE MODEL visitors_model
    OPTIONS (model_type = 'BOOSTED_TREE_CLASSIFIER', input_label_cols = ['label'], early_stop = FALSE) AS
    SELECT * FROM known"""
PREDICT = "CREATE OR REPLACE TABLE scored AS SELECT * FROM ML.PREDICT(MODEL visitors_model, TABLE visitors)"
# A statement that copies the rows, and adds columns with the names and types of the columns that ML.PREDICT adds.
COPY = """
    CREATE OR REPLACE TABLE copied AS
    SELECT
        *,
        1 AS predicted_label,
        [STRUCT(1 AS label, f0 AS prob), STRUCT(0 AS label, 1 - f0 AS prob)] AS predicted_label_probs
    FROM visitors"""


def measure(_: bool) -> list[Row]:
    """Measure predictions for one million rows."""
    features, labels = visitors.matrix(ROWS)
    some = slice(TRAINED_ON)
    booster = xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(features[some], labels[some]), 20)
    booster.set_param({"nthread": os.cpu_count()})
    with local_bigquery.started() as client:
        say("  loading")
        local_bigquery.load(client, "visitors", visitors.table(features))
        local_bigquery.load(client, "known", visitors.table(features[some], labels[some]))
        local_bigquery.run(client, CREATE_MODEL)

        def copy_and_predict() -> None:
            local_bigquery.run(client, COPY)
            booster.inplace_predict(features)

        say(f"  {ROUNDS} rounds")
        floor, measured = in_turns(copy_and_predict, lambda: local_bigquery.run(client, PREDICT), ROUNDS)
    what = f"ML.PREDICT into a table, {ROWS:,} rows x {visitors.COLUMNS}; floor: CREATE TABLE AS SELECT + XGBoost"
    return [Row(what, measured, floor=floor, bound=2)]
