"""Read and write JSON as GoogleSQL does.

The functions keep all digits of numbers in a JSON text of type STRING. The type JSON normalises numbers. If a STRING
is not valid JSON, the functions here return NULL. GoogleSQL's functions may still find a value that comes before the
syntax error.

Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions
"""

import contextlib
import json
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from local_bigquery.errors import BigQueryError
from local_bigquery.sql import native
from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.rules.typing import TEXT, kind
from sqlglot import exp

from deskcloud.bigquery.emulator import patching

_NAME = r"[\w\-:\s]+"
_TOKEN = {
    # JSON_EXTRACT and its variants quote field names differently from JSON_VALUE and JSON_QUERY.
    True: re.compile(rf"\.({_NAME})|\[\s*'((?:[^'\\]|\\.)*)'\s*\]|\[({_NAME})\]"),
    False: re.compile(rf'\.({_NAME})|\."((?:[^"\\]|\\.)*)"|\[({_NAME})\]'),
}
_UNSUPPORTED = re.compile(r"\*|\.\.|@")
# Strings in single quotes are accepted if the whole JSON text contains no double quotes.
_APOSTROPHES = re.compile(r"'((?:[^'\\]|\\.)*)'")
_LARGEST_INTEGERS = (-(2**63), 2**64 - 1)
# Numbers with an absolute value in this range are written without an exponent.
_PLAIN = (1e-4, 1e15)
_EXTRACTING: dict[type[exp.Expr], tuple[str, str]] = {
    exp.JSONExtractScalar: ("_json_value", "VARCHAR"),
    exp.JSONExtract: ("_json_query", "VARCHAR"),
    exp.JSONValueArray: ("_json_value_array", "VARCHAR[]"),
    exp.JSONExtractArray: ("_json_query_array", "VARCHAR[]"),
}


# A function that writes a Python string as a JSON string.
quoted = json.JSONEncoder(ensure_ascii=False).encode


class Digits(str):
    """A number with all the digits of its JSON text."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of a JSON object, including members with an empty or a repeated name."""


def read(text: str) -> Any:
    """Parse JSON. NaN and infinity, which DuckDB writes, are accepted."""
    return json.loads(text, parse_float=Digits, parse_constant=Digits, object_pairs_hook=Members)


def enclosed(brackets: str, members: Iterable[str], line: str) -> str:
    """Return a JSON array or object. `brackets` is "[]" or "{}".

    `line` is the line break and the indentation before the closing bracket. If `line` is empty, the text has no breaks.
    """
    separator = f"{line}  " if line else ""
    text = f",{separator}".join(members)
    return f"{brackets[0]}{separator}{text}{line}{brackets[1]}" if text else brackets


def written(value: Any, line: str, *, is_typed: bool = True) -> str:
    """Return a value as JSON text, on one line if `line` is empty.

    If `is_typed`, write the value as BigQuery's type JSON does: keys sorted, numbers normalised. Otherwise keep the
    order of the keys and the digits of the numbers.
    """
    deeper = f"{line}  " if line else ""
    if isinstance(value, Members):
        space = " " if line else ""
        pairs = sorted(dict(value).items()) if is_typed else value
        members = (f"{quoted(key)}:{space}{written(one, deeper, is_typed=is_typed)}" for key, one in pairs)
        return enclosed("{}", members, line)
    if isinstance(value, list):
        return enclosed("[]", (written(one, deeper, is_typed=is_typed) for one in value), line)
    if isinstance(value, str) and not isinstance(value, Digits):
        return quoted(value)
    return "null" if value is None else _scalar(value, is_typed) or ""


def number(digits: str) -> str:
    """Return a number in the form in which the type JSON stores it.

    An integer of 64 bits keeps its digits. Any other number becomes the shortest text that yields the same double.

    Raises:
        ValueError: the number is too large for a double.
    """
    if digits.lstrip("-").isdigit() and _LARGEST_INTEGERS[0] <= int(digits) <= _LARGEST_INTEGERS[1]:
        return str(int(digits))
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"number overflow parsing '{digits}'")
    if value == 0 or _PLAIN[0] <= abs(value) < _PLAIN[1]:
        return repr(value)
    return next(text for text in (f"{value:.{places}e}" for places in range(17)) if float(text) == value)


def _scalar(value: Any, is_typed: bool) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case Digits() | int():
            return number(str(value)) if is_typed else str(value)
        case str():
            return value
    return None


@lru_cache(1000)
def _path(path: str, is_legacy: bool) -> tuple[str, ...]:
    """Parse a JSONPath and return its keys and array positions.

    Raises:
        ValueError: the path is invalid (with Google's message), or is in lax mode.
    """
    if path.startswith("lax "):
        raise ValueError("A JSONPath in lax mode is not supported by the local BigQuery")
    if not path.startswith("$"):
        raise ValueError("JSONPath must start with '$'")
    parts, position = [], 1
    while position < len(path):
        match = _TOKEN[is_legacy].match(path, position)
        if match is None:
            rest = path[position:]
            if found := _UNSUPPORTED.match(rest.lstrip(".[")) or _UNSUPPORTED.match(rest):
                raise ValueError(f"Unsupported operator in JSONPath: {found[0]}")
            raise ValueError(f"Invalid token in JSONPath at: {rest}")
        name, escaped, subscript = match.groups()
        parts.append(re.sub(r"\\(['\"])", r"\1", escaped) if escaped is not None else name or subscript)
        position = match.end()
    return tuple(parts)


def _found(text: str | None, path: str | None, is_legacy: bool) -> Any:
    """Return the value at a path. Return Ellipsis (`...`) if there is no value, or if the text is not valid JSON."""
    if text is None or path is None:
        return ...
    parts = _path(path, is_legacy)
    try:
        value = _loaded(text if '"' in text or "'" not in text else _APOSTROPHES.sub(_in_quotes, text))
    except ValueError:
        return ...
    for part in parts:
        if isinstance(value, Members):
            value = next((one for key, one in value if key == part), ...)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return ...
    return value


def _in_quotes(match: re.Match[str]) -> str:
    return quoted(re.sub(r"\\(.)", r"\1", match[1]))


def _loaded(text: str) -> Any:
    return json.loads(
        text, parse_float=Digits, parse_int=Digits, parse_constant=_refuse, object_pairs_hook=Members, strict=False
    )


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not valid JSON")


def _value(text: str | None, path: str | None, is_typed: bool, is_legacy: bool) -> str | None:
    return _scalar(_found(text, path, is_legacy), is_typed)


def _query(text: str | None, path: str | None, is_typed: bool, is_legacy: bool) -> str | None:
    value = _found(text, path, is_legacy)
    is_null = value is ... or (value is None and not is_typed)
    return None if is_null else written(value, "", is_typed=is_typed)


def _value_array(text: str | None, path: str | None, is_typed: bool, is_legacy: bool) -> list[str | None] | None:
    values = _found(text, path, is_legacy)
    if not isinstance(values, list) or any(isinstance(one, list) for one in values) or isinstance(values, Members):
        return None
    return [_scalar(one, is_typed) for one in values]


def _query_array(text: str | None, path: str | None, is_typed: bool, is_legacy: bool) -> list[str] | None:
    values = _found(text, path, is_legacy)
    if not isinstance(values, list) or isinstance(values, Members):
        return None
    return [written(one, "", is_typed=is_typed) for one in values]


def add(node_rules: list[Callable[..., exp.Expr]], position: int) -> None:
    """Insert this module's rule at `position` in `node_rules`.

    Also patch local-bigquery so that it leaves JSON paths as the client wrote them and calls this module's functions.
    """
    node_rules.insert(position, _extract)
    patching.replace(BigQueryDialect, "to_json_path", lambda _, path: path, "paths are not kept as they are written")
    exact = (_is_exact, ["VARCHAR"], "BOOLEAN")
    patching.replace(native, "FUNCTIONS", exact, "ignores fractions that lose digits", key="_json_exact")
    native.FUNCTIONS["_json_kept"] = (_kept, ["VARCHAR"], "VARCHAR")


def read_literals(tree: exp.Expr, _: Any) -> exp.Expr:
    """Apply the path in `JSON '...'.a[0]` to the JSON value.

    sqlglot parses the expression as `JSON ('...'.a[0])`, which applies the path to the string.
    """
    for literal in list(tree.find_all(exp.ParseJSON)):
        steps, innermost = [], literal.this
        while isinstance(innermost, exp.Dot | exp.Bracket):
            steps.append(innermost)
            innermost = innermost.this
        if literal.args.get("is_literal"):
            innermost = exp.Literal.string(_checked(innermost.name))
        made: exp.Expr = exp.ParseJSON(this=innermost.copy(), is_literal=literal.args.get("is_literal"))
        for step in reversed(steps):
            made = (
                exp.Dot(this=made, expression=step.expression.copy())
                if isinstance(step, exp.Dot)
                else exp.JSONExtract(this=made, expression=step.expressions[0].copy())
            )
        literal.replace(made)
    return tree


def _checked(text: str) -> str:
    try:
        return _kept(text)
    except ValueError as error:
        raise BigQueryError("invalidQuery", f"Invalid JSON literal: {error}") from None


def _kept(text: str) -> str:
    """Return a JSON text in the form of the type JSON: keys sorted, numbers normalised."""
    return written(_loaded(text), "")


def _is_exact(text: str) -> bool:
    """Return whether every number in a JSON text keeps its exact value when the text becomes a value of type JSON.

    Return True for invalid JSON.
    """
    is_exact = True

    def check(digits: str) -> None:
        nonlocal is_exact
        is_exact = is_exact and Decimal(digits) == Decimal(number(digits))

    with contextlib.suppress(ValueError):
        json.loads(text, parse_float=check, parse_int=check)
    return is_exact


def _extract(node: exp.Expr, _: Any) -> exp.Expr:
    if type(node) not in _EXTRACTING or not (name := node.meta.get("bigquery_name")):
        return node
    function, result = _EXTRACTING[type(node)]
    is_text = kind(node.this) in TEXT
    is_typed = (
        exp.false() if is_text else exp.EQ(this=exp.func("typeof", node.this.copy()), expression=exp.convert("JSON"))
    )
    path = node.expression or exp.Literal.string("$")
    is_legacy = exp.Boolean(this=name.upper().startswith("JSON_EXTRACT"))
    call = exp.Anonymous(this=function, expressions=[exp.cast(node.this, "VARCHAR"), path, is_typed, is_legacy])
    if not is_text and "query" in function:
        result = result.replace("VARCHAR", "JSON")
        return exp.cast(call, exp.DataType.build(result, dialect="duckdb"))
    call.type = exp.DataType.build(result, dialect="duckdb")
    return call


_ARGUMENTS: list[Any] = ["VARCHAR", "VARCHAR", "BOOLEAN", "BOOLEAN"]
# DuckDB calls these functions even if an argument is NULL, and the functions may return NULL.
FUNCTIONS: dict[str, tuple[Callable[..., Any], list[Any], str]] = {
    "_json_value": (_value, _ARGUMENTS, "VARCHAR"),
    "_json_query": (_query, _ARGUMENTS, "VARCHAR"),
    "_json_value_array": (_value_array, _ARGUMENTS, "VARCHAR[]"),
    "_json_query_array": (_query_array, _ARGUMENTS, "VARCHAR[]"),
}
