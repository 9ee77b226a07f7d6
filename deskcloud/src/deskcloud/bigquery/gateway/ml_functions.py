"""The ML functions: their arguments, and their result for a model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from deskcloud.bigquery import ml
from deskcloud.bigquery.gateway.errors import BigQueryError, unsupported
from deskcloud.bigquery.gateway.work import Work, plain
from deskcloud.googlesql.statements import Call
from deskcloud.googlesql.tokens import Token, closing, starts

# DuckDB's name of the GEOGRAPHY type in Arrow metadata.
_GEOGRAPHY = b"geoarrow.wkb"

Render = Callable[[int, int], str]


@dataclass(frozen=True)
class Function:
    """An ML function: whether it takes rows, which fields its STRUCT argument may have, and how it is computed.

    `default` returns the rows to use when the optional rows are missing; without `default`, the function handles that.
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

FUNCTIONS: dict[type[ml.TrainedModel], dict[str, Function]] = {
    ml.Classifier: _OF_ALL
    | {
        "ML.PREDICT": Function(ml.predict, "required", frozenset({"threshold"})),
        "ML.EXPLAIN_PREDICT": Function(ml.explain_predict, "required", frozenset({"top_k_features", "threshold"})),
        "ML.EVALUATE": Function(ml.evaluate, "optional", frozenset({"threshold"})),
        "ML.CONFUSION_MATRIX": Function(ml.confusion_matrix, "optional", frozenset({"threshold"})),
        "ML.ROC_CURVE": Function(_roc_curve, "optional", frozenset({"thresholds"})),
        "ML.WEIGHTS": Function(ml.weights, options=frozenset({"standardize"})),
        "ML.FEATURE_IMPORTANCE": Function(ml.feature_importance),
        "ML.GLOBAL_EXPLAIN": Function(ml.global_explain, options=frozenset({"class_level_explain"})),
    },
    ml.Factorization: _OF_ALL
    | {
        "ML.RECOMMEND": Function(ml.recommendation.recommend, "optional", default=ml.recommendation.all_users),
        "ML.EVALUATE": Function(ml.recommendation.evaluate, "optional"),
        "ML.WEIGHTS": Function(ml.recommendation.weights),
    },
}
"""Functions by model type and name."""

_NAMES = frozenset().union(*FUNCTIONS.values())


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call: the model, the query for its rows if any, and the options."""

    model: ml.TrainedModel
    query: str | None
    options: dict[str, Any]


def compute(work: Work, call: Call, render: Render, with_ctes: Callable[[str], str]) -> pa.Table:
    """Return the table that replaces a call; in a dry run, an empty table with the same columns.

    `render(start, end)` returns the text between two offsets with inner calls already replaced. `with_ctes` prepends
    the common table expressions to which a query may refer.
    """
    if not call.is_closed:
        raise BigQueryError("invalidQuery", 'Syntax error: Expected ")" but got end of statement')
    if call.name not in _NAMES:
        raise unsupported(f"Function {call.name}")
    function, arguments = _parse(work, call, render)
    rows: pa.Table | None = None
    if arguments.query is None:
        rows = function.default(arguments.model) if function.default else None
    else:
        query = with_ctes(arguments.query)
        # A dry run checks the query on zero rows.
        rows = _rows(work, f"SELECT * FROM ({query}) LIMIT 0" if work.is_dry_run else query)  # noqa: S608 - the client's
    if work.is_dry_run and rows is not None:
        # A metric of zero rows is undefined, but has the same columns as the metric stored at training.
        is_measure = function.rows == "optional" and not function.default
        rows = None if is_measure else rows.slice(0, 0)
    return _computed(function, arguments, rows)


def _computed(function: Function, arguments: Arguments, rows: pa.Table | None) -> pa.Table:
    model, given = arguments.model, arguments.options
    if function.rows == "never":
        return function.compute(model, **given)
    return function.compute(model, rows, **(given if rows is not None or "thresholds" in given else {}))


def _rows(work: Work, query: str) -> pa.Table:
    rows = work.rows(query)
    # The Parquet file that carries the result would hold both types as plain bytes.
    for field in rows.schema:
        if _GEOGRAPHY in (field.metadata or {}).values():
            raise unsupported(f"The GEOGRAPHY column {field.name} in the rows of an ML function")
        if pa.types.is_interval(field.type):
            raise unsupported(f"The INTERVAL column {field.name} in the rows of an ML function")
    return rows


def _parse(work: Work, call: Call, render: Render) -> tuple[Function, Arguments]:
    if not call.arguments or not starts(call.arguments[0], "MODEL"):
        raise BigQueryError("invalidQuery", f"{call.name}: the first argument must be MODEL and its name")
    reference, behind = work.reference(call.arguments[0][1:])
    if behind:
        raise BigQueryError("invalidQuery", f'Syntax error: Unexpected "{behind[0].text}" after MODEL {reference}')
    # Load now: replacing the model deletes the former model's files.
    model = work.services.models.get(reference).learned()
    if (function := FUNCTIONS[type(model)].get(call.name)) is None:
        raise BigQueryError(
            "invalidQuery",
            f"{call.name} is not supported for model {reference} of type {model.model_type}, which has "
            f"{', '.join(sorted(FUNCTIONS[type(model)]))}",
        )
    query: str | None = None
    options: dict[str, Any] = {}
    for argument in call.arguments[1:]:
        if (source := _source(argument, render)) is not None:
            query = source
        elif argument:
            options |= _options(work, call, render(argument[0].start, argument[-1].end))
    _check(call, function, query, options)
    return function, Arguments(model, query, options)


def _source(argument: Sequence[Token], render: Render) -> str | None:
    """Return the query of an argument `TABLE t` or `(query)`."""
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


def _check(call: Call, function: Function, query: str | None, options: dict[str, Any]) -> None:
    if query is None and function.rows == "required":
        raise BigQueryError("invalidQuery", f"{call.name} needs rows: TABLE name or (query) as second argument")
    if query is not None and function.rows == "never":
        raise BigQueryError("invalidQuery", f"{call.name} takes no rows, only the model")
    for name in options:
        if name not in function.options:
            allowed = ", ".join(sorted(function.options)) or "none"
            raise unsupported(f"Option {name} of {call.name} (options here: {allowed})")
    if "threshold" in options and query is None:
        raise BigQueryError("invalidQuery", f"{call.name}: a threshold needs TABLE name or (query)")
