r"""Correct regular expressions, time formats and texts of numbers that DuckDB interprets differently from GoogleSQL.

REGEXP_EXTRACT  The arguments `position` and `occurrence` apply even if the pattern has a group.
groups          A pattern with more than one group is an error.
SAFE            An invalid pattern gives NULL. DuckDB would refuse the pattern before the statement runs.
%E*S            In parsing, this element means seconds with or without a fraction.
%s              In parsing, this element means seconds since 1970.
PARSE_NUMERIC   Spaces, commas and a sign at the end are accepted.
"""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.sql import native
from local_bigquery.sql.rules import STATEMENT_RULES, strings
from sqlglot import exp

from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.checks import unsupported
from deskcloud.bigquery.emulator.macros import macro

_EXTRACTING = (exp.RegexpExtract, exp.RegexpExtractAll, exp.RegexpInstr)
_MATCHING: dict[type[exp.Expr], str] = {
    exp.RegexpExtract: "VARCHAR",
    exp.RegexpReplace: "VARCHAR",
    exp.RegexpExtractAll: "VARCHAR[]",
    exp.RegexpInstr: "BIGINT",
    exp.RegexpLike: "BOOLEAN",
}
_GROUP = re.compile(r"\\.|\[(?:\\.|[^\]\\])+\]|(?P<group>\((?!\?)|\(\?P<)")
_SEVERAL_GROUPS = "Regular expressions passed into extraction functions must not have more than 1 capturing group"
_SECONDS = re.compile(r"%E(?:\*|\d)S")
_NUMBER = re.compile(r"\s*(?P<sign>[+-]?)\s*(?P<digits>[\d,]*(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*(?P<last>[+-]?)\s*")


def add(node_rules: list[Callable[..., exp.Expr]]) -> None:
    """Add this module's rules and function to local-bigquery's. Call this before a connection is opened."""
    STATEMENT_RULES.insert(0, _check)
    STATEMENT_RULES.insert(0, _parse_seconds)
    reason = "REGEXP_EXTRACT with a group ignores position and occurrence"
    node_rules.insert(patching.position(node_rules, strings, "regexp_extract", reason), _extract)
    native.FUNCTIONS["_numeric_text"] = (_numeric_text, ["VARCHAR", "BIGINT"], "VARCHAR")


def _check(tree: exp.Expr, _: Any) -> exp.Expr:
    """Refuse patterns that DuckDB accepts and GoogleSQL refuses. Replace SAFE of an invalid pattern by NULL."""
    for node in list(tree.find_all(*_MATCHING)):
        pattern, around = _pattern(node), node.parent
        if pattern is None:
            continue
        groups = _groups(pattern) if isinstance(node, _EXTRACTING) else 0
        if isinstance(around, exp.SafeFunc) and (groups > 1 or not _is_pattern(pattern)):
            around.replace(exp.cast(exp.null(), exp.DataType.build(_MATCHING[type(node)], dialect="duckdb")))
        elif groups > 1:
            raise BigQueryError("invalidQuery", _SEVERAL_GROUPS)
        elif groups and isinstance(node, exp.RegexpInstr):
            raise unsupported("REGEXP_INSTR with a group")
    return tree


def _pattern(node: exp.Expr) -> str | None:
    pattern = node.args.get("expression")
    return pattern.name if isinstance(pattern, exp.Literal | exp.RawString) else None


def _groups(pattern: str) -> int:
    return sum(1 for one in _GROUP.finditer(pattern) if one["group"])


def _is_pattern(pattern: str) -> bool:
    try:
        database.fetch("SELECT regexp_matches('', $1)", [pattern])
    except duckdb.Error:
        return False
    return True


def _extract(node: exp.Expr, _: Any) -> exp.Expr:
    position = node.args.get("position") if isinstance(node, exp.RegexpExtract) else None
    if position is None or strings._binary(node.this):  # noqa: SLF001 - no public name exists
        return node
    occurrence = node.args.get("occurrence") or exp.Literal.number(1)
    group = exp.Literal.number(min(_groups(_pattern(node) or ""), 1))
    made: exp.Expr = macro("_regexp_extract", node.this, node.expression, position, occurrence, group)
    made.type = exp.DataType.build("VARCHAR")
    return made


def _parse_seconds(tree: exp.Expr, _: Any) -> exp.Expr:
    for node in list(tree.find_all(exp.StrToTime, exp.ParseDatetime, exp.ParseTime)):
        template = node.args.get("format")
        if not isinstance(template, exp.Literal):
            continue
        if template.this == "%s" and not isinstance(node, exp.ParseDatetime | exp.ParseTime):
            seconds = exp.cast(node.this.copy(), "BIGINT")
            node.replace(exp.UnixToTime(this=seconds, scale=exp.Literal.number(0)))
        elif _SECONDS.search(template.this):
            whole, fraction = node.copy(), node.copy()
            whole.set("format", exp.Literal.string(_SECONDS.sub("%S", template.this)))
            fraction.set("format", exp.Literal.string(_SECONDS.sub("%S.%f", template.this)))
            node.replace(exp.func("coalesce", exp.func("TRY", fraction), whole))
    return tree


def _numeric_text(text: str, places: int) -> str:
    """Return the number in `text` in DuckDB's notation, rounded to `places` digits after the point.

    Raises:
        ValueError: the text is not a number.
    """
    match = _NUMBER.fullmatch(text)
    digits = match["digits"].replace(",", "") if match else ""
    if match is None or not re.search(r"^\.?\d", digits) or (match["sign"] and match["last"]):
        raise ValueError(f'Invalid input to PARSE_NUMERIC: "{text}"')
    value = Decimal(f"{match['sign']}{match['last']}{digits}")
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"
