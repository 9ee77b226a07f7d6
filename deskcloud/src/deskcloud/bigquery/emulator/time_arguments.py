"""Let date and time functions accept each type of time, as BigQuery does.

The _TRUNC, _ADD and _SUB functions of DATE, DATETIME and TIMESTAMP return the type of their argument. DATE_DIFF,
DATETIME_DIFF and TIMESTAMP_DIFF compute in the type of their arguments. local-bigquery derives the type from the
function's name instead. For example, DATE_TRUNC of a TIMESTAMP would return a DATE.

The text of an INTERVAL keeps all its digits.
"""

import re
from collections.abc import Callable
from typing import Any

from local_bigquery.errors import BigQueryError
from local_bigquery.sql.rules import NODE_RULES, STATEMENT_RULES, datetime, typing
from local_bigquery.sql.rules.typing import kind
from sqlglot import exp

from deskcloud.bigquery.emulator import patching

_Kind = exp.DType
# One entry per function. The entry maps the argument's type to the variant of the function for this type.
_FUNCTIONS: tuple[dict[Any, type[exp.Expr]], ...] = (
    {_Kind.DATE: exp.DateTrunc, _Kind.DATETIME: exp.DatetimeTrunc, _Kind.TIMESTAMPTZ: exp.TimestampTrunc},
    {_Kind.DATE: exp.DateAdd, _Kind.DATETIME: exp.DatetimeAdd, _Kind.TIMESTAMPTZ: exp.TimestampAdd},
    {_Kind.DATE: exp.DateSub, _Kind.DATETIME: exp.DatetimeSub, _Kind.TIMESTAMPTZ: exp.TimestampSub},
    {_Kind.DATE: exp.DateDiff, _Kind.DATETIME: exp.DatetimeDiff, _Kind.TIMESTAMPTZ: exp.TimestampDiff},
)
_ALL = {function: of_kind for of_kind in _FUNCTIONS for function in of_kind.values()}
# For each type, the format elements that its values do not support.
_MISSING = {
    _Kind.DATE: re.compile(r"(?i)HH24|HH12|HH|MI|SSSSS|SS|FF\d|AM|PM|TZH|TZM"),
    _Kind.TIME: re.compile(r"(?i)Y+|RRRR|RR|MONTH|MON|MM|D+|DAY|TZH|TZM"),
    _Kind.DATETIME: re.compile(r"(?i)TZH|TZM"),
}
_NAMES = {_Kind.TIMESTAMP: _Kind.DATETIME}


def add() -> None:
    """Insert this module's rules before the rules that translate functions of dates and times."""
    patching.replace(datetime, "_interval", _interval, "INTERVAL loses digits")
    by_name = "functions use their name and not the type of their argument"
    patching.wrap(datetime, "format_cast", _format_cast, by_name, rules=NODE_RULES)
    STATEMENT_RULES.insert(patching.position(STATEMENT_RULES, datetime, "datetime", by_name), _by_type)


def _format_cast(original: Callable[..., exp.Expr], node: exp.Expr, context: Any) -> exp.Expr:
    """Refuse format elements that the value's type does not support."""
    if isinstance(node, exp.Cast) and node.args.get("format"):
        found = kind(node.this)
        missing = _MISSING.get(_NAMES.get(found, found))
        template = node.args["format"]
        template = template.this if isinstance(template, exp.AtTimeZone) else template
        wrong = missing and missing.search(re.sub(r'"[^"]*"', "", template.name))
        if wrong and isinstance(node, exp.TryCast):
            return exp.cast(exp.null(), "VARCHAR")
        if wrong:
            raise BigQueryError("invalidQuery", f"{_NAMES.get(found, found).value} does not support '{wrong[0]}'")
    return original(node, context)


def _interval(node: exp.Interval) -> exp.Expr | None:
    """Rewrite INTERVAL '1-2 3 4:5:6.5' YEAR TO SECOND in DuckDB's notation. All digits are kept."""
    unit = node.args.get("unit")
    if not isinstance(unit, exp.IntervalSpan) or not isinstance(node.this, exp.Literal):
        return None
    fields = datetime.INTERVAL_FIELDS[datetime.INTERVAL_FIELDS.index(unit.this.name.lower()) :]
    values: list[str] = []
    for token in node.this.this.split():
        sign = "-" if token.startswith("-") else ""
        bare = token.lstrip("-+")
        is_months = not values and fields[0] in {"year", "month"} and "-" in bare
        values += [f"{sign}{part}" for part in bare.split("-" if is_months else ":")]
    text = " ".join(f"{value} {field}" for value, field in zip(values, fields, strict=False))
    return exp.Interval(this=exp.Literal.string(text))


def _by_type(tree: exp.Expr, context: Any) -> exp.Expr:
    nodes = list(tree.find_all(*_ALL))
    if any(not isinstance(node.this, exp.Literal | exp.Cast) for node in nodes):
        typing.annotate(tree, context)
    for node in nodes:
        found = kind(node.this)
        wanted = _ALL[type(node)].get(_NAMES.get(found, found))
        # A function of a DATE is not replaced: DATETIME_ADD, for example, converts a DATE to a DATETIME.
        if wanted is None or wanted is type(node) or found == _Kind.DATE:
            continue
        unit = node.args.get("unit")
        if unit is not None and unit.name.upper() == "WEEK":
            unit = exp.WeekStart(this=exp.var("SUNDAY"))
        arguments = {name: value for name, value in node.args.items() if name in wanted.arg_types}
        made = wanted(**{**arguments, "unit": unit})
        made.type = node.this.type
        node.replace(made)
    return tree
