"""Check whether a column can store a JSON value or the text of a CSV field, for load jobs and streaming.

Each check yields the faults of a value, and nothing for a valid value.

Sources: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json and
https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv
"""

import base64
import binascii
import datetime as dt
import enum
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from local_bigquery.models import TableFieldSchema

_LEAST, _MOST = -(2**63), 2**63 - 1
_DIGITS = 100
_DECIMALS = {"NUMERIC": (29, 9), "BIGNUMERIC": (38, 38)}
# Columns of these types also accept values of other types. A column of any other type accepts only values of its type.
HOLDS = {
    "FLOAT": {"FLOAT", "INTEGER", "NUMERIC", "BIGNUMERIC"},
    "NUMERIC": {"NUMERIC", "INTEGER", "BIGNUMERIC", "FLOAT"},
    "BIGNUMERIC": {"NUMERIC", "INTEGER", "BIGNUMERIC", "FLOAT"},
}
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}
_BOOLEANS = {"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"}
_DATE = r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
_TIME = r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d{1,6}\d*)?"
_ZONE = r"(?:\s*(?:Z|z|UTC|[+-]\d{1,2}(?::?\d{2})?|[A-Za-z_]+/[A-Za-z_/+-]+))?"
_SHAPES = {
    "DATE": re.compile(_DATE, re.ASCII),
    "TIME": re.compile(_TIME, re.ASCII),
    "DATETIME": re.compile(rf"{_DATE}(?:[ Tt]{_TIME})?", re.ASCII),
    "TIMESTAMP": re.compile(rf"{_DATE}(?:[ Tt]{_TIME}{_ZONE})?", re.ASCII),
}
_ALIASES = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
    "BIGDECIMAL": "BIGNUMERIC",
    "DECIMAL": "NUMERIC",
}


class Kind(enum.Enum):
    """The kinds of faults: unknown fields, missing required fields, forbidden NULLs, and values of a wrong type."""

    UNKNOWN = enum.auto()
    MISSING = enum.auto()
    NULL = enum.auto()
    WRONG = enum.auto()


@dataclass(frozen=True)
class Fault:
    """A reason why a row is refused. `field` is a path of names with dots."""

    field: str
    kind: Kind
    value: Any = None
    type: str = ""
    """The expected type, with BigQuery's legacy name in lower case: integer, float, ..."""


Check = Callable[[Any, str], Iterator[Fault]]


def row_check(fields: Sequence[TableFieldSchema], *, ignores_unknown: bool = False) -> Callable[[Any], list[Fault]]:
    """Return a function that takes a row (a JSON object) and returns the row's faults.

    Names of fields ignore case. If `ignores_unknown`, unknown fields are no faults.
    """
    check = _record(fields, ignores_unknown)

    def faults(row: Any) -> list[Fault]:
        return list(check(row, "")) if isinstance(row, dict) else [Fault("", Kind.WRONG, row, "record")]

    return faults


def text_check(field: TableFieldSchema) -> Callable[[str], bool]:
    """Return a function that checks whether the text of a CSV field is a valid value of the column's type."""
    return _SCALARS[kind_of(field)]


def kind_of(field: TableFieldSchema) -> str:
    """Return the column's type under its legacy name in the API, e.g. INTEGER and not INT64."""
    kind = (field.type or "STRING").upper()
    return _ALIASES.get(kind, kind)


def _record(fields: Sequence[TableFieldSchema], ignores_unknown: bool) -> Check:
    checks = {(field.name or "").casefold(): _of(field, ignores_unknown) for field in fields}
    required = {(one.name or "").casefold(): one.name or "" for one in fields if one.mode == "REQUIRED"}

    def check(value: Any, path: str) -> Iterator[Fault]:
        found = set()
        for name, item in value.items():
            folded = name.casefold()
            found.add(folded)
            if known := checks.get(folded):
                yield from known(item, path + name)
            elif not ignores_unknown:
                yield Fault(path + name, Kind.UNKNOWN, item)
        for folded, name in required.items():
            if folded not in found:
                yield Fault(path + name, Kind.MISSING)

    return check


def _of(field: TableFieldSchema, ignores_unknown: bool) -> Check:
    one = _value(field, ignores_unknown)
    is_required = field.mode == "REQUIRED"

    def single(value: Any, path: str) -> Iterator[Fault]:
        if value is not None:
            yield from one(value, path)
        elif is_required:
            yield Fault(path, Kind.NULL)

    def several(value: Any, path: str) -> Iterator[Fault]:
        if value is None:
            return
        if not isinstance(value, list):
            yield Fault(path, Kind.WRONG, value, "array")
            return
        for item in value:
            if item is None:
                yield Fault(path, Kind.NULL)
            else:
                yield from one(item, path)

    return several if field.mode == "REPEATED" else single


def _value(field: TableFieldSchema, ignores_unknown: bool) -> Check:
    kind = kind_of(field)
    inner = _record(field.fields or [], ignores_unknown) if kind == "RECORD" else None
    is_right = _SCALARS.get(kind, _any)

    def one(value: Any, path: str) -> Iterator[Fault]:
        if inner and isinstance(value, dict):
            yield from inner(value, f"{path}.")
        elif inner or not is_right(value):
            yield Fault(path, Kind.WRONG, value, kind.lower())

    return one


def _any(_: Any) -> bool:
    return True


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        text = value.strip(" ")
        if not _INTEGER.fullmatch(text):
            return False
        # A text of `_DIGITS` or more characters is not parsed: it is no 64-bit number, and int() refuses very long
        # texts.
        value = int(text) if len(text) < _DIGITS else _MOST + 1
    if isinstance(value, float):
        # 1.0 and 1e3 are integers, but 1.5 is not.
        return value.is_integer() and _LEAST <= value <= _MOST
    return isinstance(value, int) and _LEAST <= value <= _MOST


def _is_float(value: Any) -> bool:
    if isinstance(value, str):
        text = value.strip(" ")
        return bool(_NUMBER.fullmatch(text)) or text.lower() in _NOT_FINITE
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_decimal(kind: str) -> Callable[[Any], bool]:
    whole_digits = _DECIMALS[kind][0]

    def is_decimal(value: Any) -> bool:
        if isinstance(value, str):
            if not _NUMBER.fullmatch(value.strip(" ")):
                return False
            value = float(value)
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and abs(value) < 10**whole_digits
        )

    return is_decimal


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.strip(" ").lower() in _BOOLEANS)


def _is_string(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _is_bytes(value: Any) -> bool:
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except (binascii.Error, ValueError):
        return False


def _is_moment(kind: str) -> Callable[[Any], bool]:
    shape = _SHAPES[kind]
    has_date = kind != "TIME"

    def is_moment(value: Any) -> bool:
        if not isinstance(value, str) or not (found := shape.fullmatch(value.strip(" "))):
            return False
        numbers = [int(one) for one in found.groups() if one is not None]
        try:
            if has_date:
                dt.date(*numbers[:3])
            hour, minute, second = [*numbers[3 if has_date else 0 :], 0, 0, 0][:3]
        except ValueError:
            return False
        return hour < 24 and minute < 60 and second < 60

    return is_moment


def _is_json(value: Any) -> bool:
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return False
    return True


_SCALARS: dict[str, Callable[[Any], bool]] = {
    "STRING": _is_string,
    "BYTES": _is_bytes,
    "INTEGER": _is_integer,
    "FLOAT": _is_float,
    "NUMERIC": _is_decimal("NUMERIC"),
    "BIGNUMERIC": _is_decimal("BIGNUMERIC"),
    "BOOLEAN": _is_boolean,
    **{kind: _is_moment(kind) for kind in _SHAPES},
    "JSON": _any,
    "GEOGRAPHY": _is_string,
    "INTERVAL": _is_string,
    "RANGE": _any,
}
