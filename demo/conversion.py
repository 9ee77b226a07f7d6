"""Convert the values of a file to the types of the schema; refuse a value if the conversion would lose information.

Exports arrive through tools that guess types or only have strings. BigQuery writes INT64 as strings in JSON; other
tools write an integer column with NULLs as doubles.
"""

from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa

from demo.schema import FLAG, INT, REAL, TEXT

IDENTIFIERS: Final = {"fullVisitorId", "userId", "user_id", "user_pseudo_id"}
"""Columns of ids. Numbers are refused: they lack leading zeros, and a double lacks all digits after the sixteenth."""

INT64: Final = range(-(2**63), 2**63)
EXACT_IN_DOUBLE: Final = 2**53

type Convert = Callable[[Any], Any]


class MismatchError(ValueError):
    """A value does not fit its column; the message names the column, the expected type and the value."""


def converter(schema: pa.Schema, unknown: set[str]) -> Convert:
    """Return a function that converts a row to the schema.

    The function adds the paths of the columns that it drops to `unknown`.
    """
    return _struct(pa.struct(list(schema)), "", unknown)


def _refusal(path: str, expected: str, value: object) -> MismatchError:
    shown = repr(value)
    return MismatchError(f"{path} must be {expected}, not {shown if len(shown) <= 60 else shown[:57] + '...'}")


def _converter(kind: pa.DataType, path: str, unknown: set[str]) -> Convert:
    if pa.types.is_list(kind):
        return _repeated(kind, path, unknown)
    if pa.types.is_struct(kind):
        return _struct(kind, path, unknown)
    if kind == TEXT:
        return _identifier(path) if path in IDENTIFIERS else _text(path)
    return {INT: _integer, REAL: _real, FLAG: _flag}[kind](path)


def _struct(kind: pa.StructType, path: str, unknown: set[str]) -> Convert:
    prefix = f"{path}." if path else ""
    fields = {field.name: _converter(field.type, prefix + field.name, unknown) for field in kind}
    repeated = [field.name for field in kind if pa.types.is_list(field.type)]

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _refusal(path or "a row", "a record", value)
        # A column that is NULL is left out of the row. A repeated column that is NULL or absent becomes an empty list.
        row: dict[str, Any] = {name: [] for name in repeated}
        for name, found in value.items():
            field = fields.get(name)
            if field is None:
                unknown.add(prefix + name)
            elif found is not None:
                row[name] = field(found)
        return row

    return convert


def _repeated(kind: pa.ListType, path: str, unknown: set[str]) -> Convert:
    element = _converter(kind.value_type, path, unknown)

    def convert(value: Any) -> Any:
        if not isinstance(value, list) or None in value:
            raise _refusal(path, "a list without NULLs", value)
        return [element(item) for item in value]

    return convert


def _integer(path: str) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is int and value in INT64:
            return value
        whole = _whole(value)
        if whole is None:
            raise _refusal(path, "an integer of 64 bits", value)
        return whole

    return convert


def _whole(value: object) -> int | None:
    """Return the 64-bit integer that a float or a string contains.

    Return None for all other values, for a float with a fraction, and for a float beyond EXACT_IN_DOUBLE.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT_IN_DOUBLE:
        return int(value)
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 20:
        number = int(value)
        return number if number in INT64 else None
    return None


def _real(path: str) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is float:
            return value
        if isinstance(value, int | str) and not isinstance(value, bool):
            try:
                return float(value)
            except (ValueError, OverflowError):
                pass
        raise _refusal(path, "a number", value)

    return convert


def _flag(path: str) -> Convert:
    values = {True: True, False: False, "true": True, "false": False}

    def convert(value: Any) -> Any:
        if isinstance(value, bool | int | float | str) and value in values:
            return values[value]
        raise _refusal(path, "true or false", value)

    return convert


def _text(path: str) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is str:
            return value
        whole = value if type(value) is int else _whole(value)
        if whole is None:
            raise _refusal(path, "a string", value)
        return str(whole)

    return convert


def _identifier(path: str) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is str:
            return value
        raise _refusal(path, "a string (a number has lost its leading zeros)", value)

    return convert
