"""Compute the ML functions. Check the arguments of a call, and return the result as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from deskcloud.bigquery import ml
from deskcloud.bigquery.gateway.errors import BigQueryError, unsupported
from deskcloud.bigquery.gateway.work import Work, plain
from deskcloud.bigquery.ml import monitoring
from deskcloud.googlesql.statements import Call
from deskcloud.googlesql.tokens import Token, closing, starts

# DuckDB gives the GEOGRAPHY type this name in Arrow metadata.
_GEOGRAPHY = b"geoarrow.wkb"

Render = Callable[[int, int], str]


@dataclass(frozen=True)
class Function:
    """An ML function. `compute` returns the result. `options` are the allowed fields of the STRUCT argument.

    `rows` says how many tables or queries a call passes: none ("never"), at most one ("optional"), one ("required") or
    "two". If a call omits the optional one, `default` returns the rows to use. Without `default`, `compute` gets None.
    """

    compute: Callable[..., pa.Table]
    rows: str = "never"
    options: frozenset[str] = frozenset()
    default: Callable[..., pa.Table] | None = None


def _roc_curve(model: ml.Classifier, rows: pa.Table | None, thresholds: list[float] | None = None) -> pa.Table:
    return ml.roc_curve(model, rows, thresholds)


_OF_ALL = {
    "ML.TRAINING_INFO": Function(ml.training_info),
    "ML.FEATURE_INFO": Function(ml.feature_info),
}

_SUPERVISED = _OF_ALL | {
    "ML.WEIGHTS": Function(ml.weights, options=frozenset({"standardize"})),
    "ML.FEATURE_IMPORTANCE": Function(ml.feature_importance),
    "ML.VALIDATE_DATA_SKEW": Function(
        ml.validate_data_skew, "required", frozenset({*monitoring.THRESHOLDS, "enable_visualization_link"})
    ),
}

FUNCTIONS: dict[type[ml.TrainedModel], dict[str, Function]] = {
    ml.Classifier: _SUPERVISED
    | {
        "ML.PREDICT": Function(ml.predict, "required", frozenset({"threshold"})),
        "ML.EXPLAIN_PREDICT": Function(ml.explain_predict, "required", frozenset({"top_k_features", "threshold"})),
        "ML.EVALUATE": Function(ml.evaluate, "optional", frozenset({"threshold"})),
        "ML.CONFUSION_MATRIX": Function(ml.confusion_matrix, "optional", frozenset({"threshold"})),
        "ML.ROC_CURVE": Function(_roc_curve, "optional", frozenset({"thresholds"})),
        "ML.GLOBAL_EXPLAIN": Function(ml.global_explain, options=frozenset({"class_level_explain"})),
    },
    ml.Regressor: _SUPERVISED
    | {
        "ML.PREDICT": Function(ml.regression.predict, "required"),
        "ML.EXPLAIN_PREDICT": Function(ml.regression.explain_predict, "required", frozenset({"top_k_features"})),
        "ML.EVALUATE": Function(ml.regression.evaluate, "optional"),
        "ML.GLOBAL_EXPLAIN": Function(ml.global_explain),
    },
    ml.Factorization: _OF_ALL
    | {
        "ML.RECOMMEND": Function(ml.recommendation.recommend, "optional", default=ml.recommendation.all_users),
        "ML.EVALUATE": Function(ml.recommendation.evaluate, "optional"),
        "ML.WEIGHTS": Function(ml.recommendation.weights),
    },
}
"""The functions that take a model, by model type and function name."""

WITHOUT_MODEL = {
    "ML.DESCRIBE_DATA": Function(
        ml.describe_data, "required", frozenset({"num_quantiles", "num_array_length_quantiles", "top_k"})
    ),
    "ML.VALIDATE_DATA_DRIFT": Function(
        ml.validate_data_drift, "two", frozenset({*monitoring.THRESHOLDS, *monitoring.BUCKETS})
    ),
}
"""The functions that take only rows, by function name."""

_NAMES = frozenset(WITHOUT_MODEL).union(*FUNCTIONS.values())
_PROTOS = {
    "ML.TFDV_DESCRIBE": "whose result is a TensorFlow protocol buffer; use ML.DESCRIBE_DATA,",
    "ML.TFDV_VALIDATE": "whose result is a TensorFlow protocol buffer; use ML.VALIDATE_DATA_DRIFT,",
}


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call: the model if there is one, the queries for the rows, and the options."""

    model: ml.TrainedModel | None
    queries: list[str]
    options: dict[str, Any]


def compute(work: Work, call: Call, render: Render, with_ctes: Callable[[str], str]) -> pa.Table:
    """Return the table that replaces a call. A dry run returns an empty table with the same columns.

    `render(start, end)` returns the text between two offsets, in which inner calls are already replaced. `with_ctes`
    adds to a query the common table expressions that the query may use.
    """
    if not call.is_closed:
        raise BigQueryError("invalidQuery", 'Syntax error: Expected ")" but got end of statement')
    if call.name not in _NAMES:
        raise unsupported(f"Function {call.name}{', ' if call.name in _PROTOS else ''}{_PROTOS.get(call.name, '')}")
    function, arguments = _parse(work, call, render)
    rows: list[pa.Table] = []
    if not arguments.queries and function.default:
        rows = [function.default(arguments.model)]
    for query in map(with_ctes, arguments.queries):
        # A dry run checks the query with zero rows.
        rows.append(_rows(work, f"SELECT * FROM ({query}) LIMIT 0" if work.is_dry_run else query))  # noqa: S608 - the client's SQL
    if not work.is_dry_run:
        return _computed(function, arguments, rows)
    # A dry run has zero rows, for which metrics are undefined. So use the metrics of the training, which have the same
    # columns.
    is_measure = function.rows == "optional" and not function.default
    return _computed(function, arguments, [] if is_measure else [one.slice(0, 0) for one in rows])


def _computed(function: Function, arguments: Arguments, rows: list[pa.Table]) -> pa.Table:
    model, given = arguments.model, arguments.options
    of: list[Any] = [] if model is None else [model]
    if function.rows == "optional" and not rows:
        return function.compute(*of, None, **(given if "thresholds" in given else {}))
    return function.compute(*of, *rows, **given)


def _rows(work: Work, query: str) -> pa.Table:
    rows = work.rows(query)
    # Refuse GEOGRAPHY and INTERVAL, because the Parquet file with the result would store them as plain bytes.
    for field in rows.schema:
        if _GEOGRAPHY in (field.metadata or {}).values():
            raise unsupported(f"The GEOGRAPHY column {field.name} in the rows of an ML function")
        if pa.types.is_interval(field.type):
            raise unsupported(f"The INTERVAL column {field.name} in the rows of an ML function")
    return rows


def _parse(work: Work, call: Call, render: Render) -> tuple[Function, Arguments]:
    model, behind = None, call.arguments
    if call.name in WITHOUT_MODEL:
        function = WITHOUT_MODEL[call.name]
    else:
        model, function = _model(work, call)
        behind = call.arguments[1:]
    queries: list[str] = []
    options: dict[str, Any] = {}
    for argument in behind:
        if (source := _source(argument, render)) is not None:
            queries.append(source)
        elif starts(argument, "MODEL") and call.name == "ML.VALIDATE_DATA_DRIFT":
            raise unsupported(f"The visualization link of {call.name}, which its argument MODEL asks for,")
        elif argument:
            options |= _options(work, call, render(argument[0].start, argument[-1].end))
    _check(call, function, queries, options)
    if options.pop("enable_visualization_link", False):
        raise unsupported(f"The visualization link of {call.name}, which enable_visualization_link asks for,")
    return function, Arguments(model, queries, options)


def _model(work: Work, call: Call) -> tuple[ml.TrainedModel, Function]:
    if not call.arguments or not starts(call.arguments[0], "MODEL"):
        raise BigQueryError("invalidQuery", f"{call.name}: the first argument must be MODEL and its name")
    reference, behind = work.reference(call.arguments[0][1:])
    if behind:
        raise BigQueryError("invalidQuery", f'Syntax error: Unexpected "{behind[0].text}" after MODEL {reference}')
    # Load the model now. Another job may replace the model while this job runs, and then the files of this model are
    # deleted.
    model = work.services.models.get(reference).trained()
    if (function := FUNCTIONS[type(model)].get(call.name)) is None:
        raise BigQueryError(
            "invalidQuery",
            f"{call.name} is not supported for model {reference} of type {model.model_type}, which has "
            f"{', '.join(sorted(FUNCTIONS[type(model)]))}",
        )
    return model, function


def _source(argument: Sequence[Token], render: Render) -> str | None:
    """Return the query in an argument `TABLE t` or `(query)`, or None for any other argument."""
    if starts(argument, "TABLE"):
        return f"SELECT * FROM {render(argument[1].start, argument[-1].end)}"  # noqa: S608 - the client's own SQL
    if starts(argument, "(") and closing(argument, 0) == len(argument) - 1:
        return render(argument[0].end, argument[-1].start)
    return None


def _options(work: Work, call: Call, text: str) -> dict[str, Any]:
    value = work.evaluate({"v": text})["v"]
    if isinstance(value, dict):
        return {name.lower(): plain(item) for name, item in value.items()}
    if call.name == "ML.ROC_CURVE" and isinstance(value, list):
        return {"thresholds": plain(value)}
    raise BigQueryError("invalidQuery", f"{call.name}: unexpected argument {text}; options are STRUCT(value AS name)")


def _check(call: Call, function: Function, queries: list[str], options: dict[str, Any]) -> None:
    if not queries and function.rows == "required":
        place = "first" if call.name in WITHOUT_MODEL else "second"
        raise BigQueryError("invalidQuery", f"{call.name} needs rows: TABLE name or (query) as {place} argument")
    if function.rows == "two" and len(queries) != 2:
        raise BigQueryError("invalidQuery", f"{call.name} needs two inputs, each as TABLE name or (query)")
    if queries and function.rows == "never":
        raise BigQueryError("invalidQuery", f"{call.name} takes no rows, only the model")
    if len(queries) > 1 and function.rows != "two":
        raise BigQueryError("invalidQuery", f"{call.name} takes one TABLE name or (query); got {len(queries)}")
    for name in options:
        if name not in function.options:
            allowed = ", ".join(sorted(function.options)) or "none"
            raise unsupported(f"Option {name} of {call.name} (options here: {allowed})")
    if "threshold" in options and not queries:
        raise BigQueryError("invalidQuery", f"{call.name}: a threshold needs TABLE name or (query)")
