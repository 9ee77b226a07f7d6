"""Refuse arguments that DuckDB would accept, or would interpret otherwise than GoogleSQL, and correct TYPEOF.

As in GoogleSQL, LIMIT and OFFSET refuse NULL, and generated arrays refuse a step of 0. In contrast to GoogleSQL,
JSON_REMOVE and JSON_SET refuse paths with array positions, and ROUND refuses every mode except
ROUND_HALF_AWAY_FROM_ZERO.
"""

from typing import Any

from local_bigquery.errors import BigQueryError
from local_bigquery.sql.rules import STATEMENT_RULES
from sqlglot import exp

from deskcloud.bigquery.emulator.macros import macro

_MUTATORS = {"bq.main.json_remove": "JSON_REMOVE", "bq.main.json_set": "JSON_SET"}


def add() -> None:
    """Put this module's checks before local-bigquery's STATEMENT_RULES."""
    STATEMENT_RULES[0:0] = [_json_paths, _steps, _limits, _rounding, _types]


def unsupported(what: str) -> BigQueryError:
    """Return the error for a feature that Google's BigQuery has and the local BigQuery lacks."""
    return _refusal(f"{what} is not supported by the local BigQuery")


def _refusal(words: str) -> BigQueryError:
    return BigQueryError("invalidQuery", words)


def _json_paths(tree: exp.Expr, _: Any) -> exp.Expr:
    for call in tree.find_all(exp.Anonymous):
        if call.name in _MUTATORS and any("[" in one.name or not one.is_string for one in call.expressions[1:2]):
            raise unsupported(f"{_MUTATORS[call.name]} with a path that has more than names")
    return tree


def _steps(tree: exp.Expr, _: Any) -> exp.Expr:
    for node in tree.find_all(exp.GenerateDateArray, exp.GenerateTimestampArray):
        step = node.args.get("step")
        if isinstance(step, exp.Interval):
            step.set("this", macro("_step", step.this))
    return tree


def _limits(tree: exp.Expr, _: Any) -> exp.Expr:
    for node in tree.find_all(exp.Limit, exp.Offset):
        count = node.expression
        if isinstance(count, exp.Null):
            raise _refusal("Limit requires non-null count and offset")
        if not isinstance(count, exp.Literal) and isinstance(node.parent, exp.Query):
            node.set("expression", macro("_offset_of", count, exp.Literal.string("Limit"), exp.Literal.number(0)))
    return tree


def _rounding(tree: exp.Expr, _: Any) -> exp.Expr:
    for node in tree.find_all(exp.Round):
        mode = node.args.get("truncate")
        if mode is not None and mode.name.upper() != "ROUND_HALF_AWAY_FROM_ZERO":
            raise unsupported(f"ROUND with the mode {mode.name}")
        node.set("truncate", None)
    return tree


def _types(tree: exp.Expr, _: Any) -> exp.Expr:
    """Wrap TYPEOF in a function that translates DuckDB's type name into GoogleSQL's."""
    for node in list(tree.find_all(exp.Typeof)):
        node.replace(exp.Anonymous(this="_type_name", expressions=[node.copy()]))
    return tree
