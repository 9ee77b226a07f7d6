"""Rewrite calls of BigQuery ML's functions, which GoogleSQL does not know, as subqueries with the documented columns.

`ML.PREDICT(MODEL m, (query))` becomes a subquery that returns no rows. The subquery has the columns of ML.PREDICT,
followed by the columns of `query`.
https://cloud.google.com/bigquery/docs/reference/standard-sql/bigqueryml-syntax-predict and the pages beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deskcloud.googlesql.errors import Refused
from deskcloud.googlesql.statements import Call, ml_calls, path
from deskcloud.googlesql.tokens import Token, starts, tokenize

_CURVE = "true_positives INT64, false_positives INT64, true_negatives INT64, false_negatives INT64"
_RATES = "precision FLOAT64, recall FLOAT64, accuracy FLOAT64, f1_score FLOAT64, log_loss FLOAT64, roc_auc FLOAT64"
_ERRORS = (
    "mean_absolute_error FLOAT64, mean_squared_error FLOAT64, mean_squared_log_error FLOAT64, "
    "median_absolute_error FLOAT64, r2_score FLOAT64, explained_variance FLOAT64"
)
_RANKING = (
    "mean_average_precision FLOAT64, mean_squared_error FLOAT64, "
    "normalized_discounted_cumulative_gain FLOAT64, average_rank FLOAT64"
)
_STATISTICS = (
    "input STRING, min FLOAT64, max FLOAT64, mean FLOAT64, median FLOAT64, stddev FLOAT64, "
    "category_count INT64, null_count INT64, dimension INT64"
)
_ATTRIBUTIONS = (
    "top_feature_attributions ARRAY<STRUCT<feature STRING, attribution FLOAT64>>, "
    "baseline_prediction_value FLOAT64, prediction_value FLOAT64, approximation_error FLOAT64"
)
_WEIGHTS = "processed_input STRING, weight FLOAT64, category_weights ARRAY<STRUCT<category STRING, weight FLOAT64>>"
_FACTORS = (
    "processed_input STRING, feature STRING, factor_weights ARRAY<STRUCT<factor INT64, weight FLOAT64>>, "
    "intercept FLOAT64"
)
_REPORT = "input STRING, metric STRING, threshold FLOAT64, value FLOAT64, is_anomaly BOOL"
_DESCRIBED = (
    "name STRING, num_rows INT64, num_nulls INT64, num_zeros INT64, min STRING, max STRING, mean FLOAT64, "
    "stddev FLOAT64, median FLOAT64, quantiles ARRAY<FLOAT64>, `unique` INT64, avg_string_length FLOAT64, "
    "num_values INT64, top_values ARRAY<STRUCT<value STRING, count INT64>>, min_array_length INT64, "
    "max_array_length INT64, avg_array_length FLOAT64, total_array_length INT64, "
    "array_length_quantiles ARRAY<INT64>, dimension INT64"
)
_WITHOUT_MODEL = {"ML.DESCRIBE_DATA": _DESCRIBED, "ML.VALIDATE_DATA_DRIFT": _REPORT}
_SAME_FOR_ALL = {
    "ML.TRAINING_INFO": "training_run INT64, iteration INT64, loss FLOAT64, eval_loss FLOAT64, "
    "learning_rate FLOAT64, duration_ms INT64",
    "ML.FEATURE_INFO": _STATISTICS,
    "ML.FEATURE_IMPORTANCE": "feature STRING, importance_weight INT64, importance_gain FLOAT64, "
    "importance_cover FLOAT64",
    "ML.GLOBAL_EXPLAIN": "feature STRING, attribution FLOAT64",
    "ML.VALIDATE_DATA_SKEW": _REPORT,
    "ML.ROC_CURVE": f"threshold FLOAT64, recall FLOAT64, false_positive_rate FLOAT64, {_CURVE}",
}
# These functions return their own columns, and then the columns of the query that is their argument.
_WITH_INPUT = {"ML.PREDICT", "ML.EXPLAIN_PREDICT"}


@dataclass(frozen=True)
class Model:
    """The properties of a model that determine the columns of ML functions.

    `class_columns` are the columns of ML.CONFUSION_MATRIX, one per class. `user`, `item` and `rating` are the columns
    of a matrix factorization.
    """

    type: str
    label: str = ""
    label_type: str = "INT64"
    class_columns: Sequence[str] = ()
    user: str = "user"
    user_type: str = "STRING"
    item: str = "item"
    item_type: str = "STRING"
    rating: str = "rating"
    is_implicit: bool = True

    @property
    def is_classifier(self) -> bool:
        """Whether the model predicts class probabilities."""
        return self.type in {"LOGISTIC_REG", "LOGISTIC_REGRESSION", "BOOSTED_TREE_CLASSIFIER"}

    @property
    def is_factorization(self) -> bool:
        """Whether the model recommends items to users."""
        return self.type == "MATRIX_FACTORIZATION"


type Models = Callable[[str], Model | None]


def without_ml(sql: str, models: Models) -> str:
    """Replace each call of an ML function by a subquery and return the statement.

    Raises:
        Refused: a function or a model is unknown.
    """
    while call := next(ml_calls(tokenize(sql)), None):
        sql = f"{sql[: call.start]}{_subquery(sql, call, models)}{sql[call.end :]}"
    return sql


def _subquery(sql: str, call: Call, models: Models) -> str:
    if not call.is_closed:
        raise Refused('Syntax error: Expected ")" but got end of statement')
    if call.name in _WITHOUT_MODEL:
        columns, arguments = _WITHOUT_MODEL[call.name], call.arguments
    else:
        columns, arguments = _columns(call.name, _model(call, models)), call.arguments[1:]
    sources = [f"UNNEST(CAST([] AS ARRAY<STRUCT<{columns}>>)) AS made"]
    sources += [_relation(sql, argument, number) for number, argument in enumerate(arguments)]
    given = ", given0.*" if call.name in _WITH_INPUT else ""
    return f"(SELECT made.*{given} FROM {' CROSS JOIN '.join(sources)})"  # noqa: S608 - the statement's own SQL


def _model(call: Call, models: Models) -> Model:
    if not call.arguments or not starts(call.arguments[0], "MODEL"):
        raise Refused(f"{call.name} needs a model as its first argument")
    name = ".".join(path(call.arguments[0][1:])[0])
    model = models(name)
    if model is None:
        raise Refused(f"Not found: Model {name}")
    return model


def _relation(sql: str, argument: Sequence[Token], number: int) -> str:
    """Return the argument as an item of a FROM clause, so that GoogleSQL checks the argument too."""
    text = sql[argument[0].start : argument[-1].end]
    if starts(argument, "TABLE"):
        return f"{sql[argument[1].start : argument[-1].end]} AS given{number}"
    if starts(argument, "STRUCT"):
        return f"(SELECT {text} AS options) AS given{number}"
    return f"{text} AS given{number}"


def _columns(function: str, model: Model) -> str:
    ranks = model.is_factorization and model.is_implicit
    rates = _RATES if model.is_classifier else _RANKING if ranks else _ERRORS
    rating = f"predicted_{model.rating}_confidence" if ranks else f"predicted_{model.rating}"
    label = f"predicted_{model.label}"
    kind = model.label_type
    probabilities = f"{label} {kind}, {label}_probs ARRAY<STRUCT<label {kind}, prob FLOAT64>>"
    columns = _SAME_FOR_ALL | {
        "ML.EVALUATE": rates,
        "ML.CONFUSION_MATRIX": ", ".join(
            [f"expected_label {kind}", *(f"`{one}` INT64" for one in model.class_columns)]
        ),
        "ML.PREDICT": probabilities if model.is_classifier else f"{label} FLOAT64",
        "ML.EXPLAIN_PREDICT": f"{label} {kind}, probability FLOAT64, {_ATTRIBUTIONS}"
        if model.is_classifier
        else f"{label} FLOAT64, {_ATTRIBUTIONS}",
        "ML.RECOMMEND": f"{rating} FLOAT64, {model.user} {model.user_type}, {model.item} {model.item_type}",
        "ML.WEIGHTS": _FACTORS if model.is_factorization else _WEIGHTS,
    }
    if function not in columns:
        raise Refused(f"Function not found: {function}")
    return columns[function]
