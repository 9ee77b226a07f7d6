"""Measure CREATE MODEL of boosted trees, compared with XGBoost on the same matrix with the same parameters."""

import xgboost as xgb

from benchmarks import local_bigquery, visitors
from benchmarks.measure import Row, in_turns, say
from deskcloud.bigquery.ml import options, trees

ROWS = 100_000
ITERATIONS = 50  # the same as in the statement
ROUNDS = 8
STATEMENT = """
    CREATE OR REPLACE MODEL visitors_model
    OPTIONS (
        model_type = 'BOOSTED_TREE_CLASSIFIER', input_label_cols = ['label'], max_iterations = 50,
        early_stop = FALSE, data_split_method = 'NO_SPLIT'
    ) AS SELECT * FROM visitors"""


def measure(_: bool) -> list[Row]:
    """Measure CREATE MODEL and XGBoost. CREATE MODEL also reads the rows from BigQuery; XGBoost has them in memory."""
    features, labels = visitors.matrix(ROWS)
    parameters = trees.parameters(options.parse({"model_type": "BOOSTED_TREE_CLASSIFIER"}))

    def train() -> None:
        data = xgb.DMatrix(features, labels, nthread=parameters["nthread"])
        xgb.train(parameters, data, ITERATIONS)

    with local_bigquery.started() as client:
        local_bigquery.load(client, "visitors", visitors.table(features, labels))
        say(f"  {ROUNDS} rounds")
        floor, measured = in_turns(train, lambda: local_bigquery.run(client, STATEMENT), ROUNDS)
    what = f"boosted trees, {ITERATIONS} rounds, {ROWS:,} rows x {visitors.COLUMNS}; floor: XGBoost in memory"
    return [Row(what, measured, floor=floor, bound=1.5)]
