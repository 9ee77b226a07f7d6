"""Compare the answers of the local BigQuery and of GoogleSQL to the same statement."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from google.cloud import bigquery

from deskcloud.googlesql import reference, types
from deskcloud.googlesql.analysis import Column
from deskcloud.googlesql.tokens import closing, tokenize

# Relative tolerance for floats. It is needed because the sum of floats depends on the order of its terms.
_RELATIVE = 1e-12


@dataclass(frozen=True)
class Answer:
    """The result of a statement: the columns as (name, type) and the rows, or the error message in `refusal`."""

    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    refusal: str = ""
    is_failure: bool = False
    """Whether the statement is valid but fails at run time."""

    @classmethod
    def of_reference(cls, result: reference.Result) -> "Answer":
        """Return the reference implementation's answer in BigQuery's form."""
        arrays = [
            index for index, column in enumerate(result.columns) if types.kind(column.type) in {"ARRAY", "STRUCT"}
        ]
        if any(_has_null_element(row[index]) for row in result.rows for index in arrays):
            return cls(refusal="Array cannot have a null element; error in writing field")
        fields = [types.field(column.name, column.type) for column in _unique(result.columns)]
        columns = [(field["name"], types.text(types.of_field(field))) for field in fields]
        return cls(tuple(columns), tuple(result.rows))

    @classmethod
    def of_client(cls, rows: bigquery.table.RowIterator) -> "Answer":
        """Return the answer that Google's client received."""
        columns = [(field.name, types.text(types.of_field(field.to_api_repr()))) for field in rows.schema]
        return cls(tuple(columns), tuple(row.values() for row in rows))


def kind(ours: Answer, googles: Answer, *, is_ordered: bool, has_open_arrays: bool = False) -> str:
    """Return the first difference: "accepted", "refused", "columns", "types" or "rows". Return "" for equal answers.

    "accepted" means that only the local BigQuery accepts the statement, and "refused" that only the local BigQuery
    refuses it. If `has_open_arrays`, the order inside arrays is ignored.
    """
    if ours.refusal or googles.refusal:
        return "" if ours.refusal and googles.refusal else "refused" if ours.refusal else "accepted"
    if [name for name, _ in ours.columns] != [name for name, _ in googles.columns]:
        return "columns"
    if [one for _, one in ours.columns] != [one for _, one in googles.columns]:
        return "types"
    rows = [_with_sorted_arrays(one.rows) if has_open_arrays else one.rows for one in (ours, googles)]
    return "" if same_rows(*rows, is_ordered=is_ordered) else "rows"


def same_rows(ours: Sequence[Any], others: Sequence[Any], *, is_ordered: bool) -> bool:
    """Return whether two results have the same rows. Floats are compared with a relative tolerance of 1e-12."""
    if len(ours) != len(others):
        return False
    if not is_ordered:
        ours, others = sorted(ours, key=_sortable), sorted(others, key=_sortable)
    return all(same(one, other) for one, other in zip(ours, others, strict=True))


def same(one: Any, other: Any) -> bool:
    """Return whether two values have the same Python type and are equal.

    Floats are equal within a relative tolerance, and NaN is equal to NaN.
    """
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or one == other or math.isclose(one, other, rel_tol=_RELATIVE)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        # The order of keys is ignored, because a JSON object has none. The order of a STRUCT's fields is compared with
        # its type.
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def is_ordered(sql: str) -> bool:
    """Return whether the outermost query has an ORDER BY."""
    tokens, index = tokenize(sql), 0
    while index < len(tokens):
        if tokens[index].word == "ORDER":
            return True
        index = closing(tokens, index) + 1 if tokens[index].text in "([" else index + 1
    return False


def _has_null_element(value: Any) -> bool:
    """Return whether an array inside a value contains NULL, which BigQuery cannot return."""
    if isinstance(value, dict):
        return any(map(_has_null_element, value.values()))
    return isinstance(value, list) and any(one is None or _has_null_element(one) for one in value)


def _unique(columns: Iterable[Column]) -> list[Column]:
    """Return the columns. As in BigQuery's results, a name that occurs again gets a number (`x`, `x_1`)."""
    made: list[Column] = []
    for column in columns:
        names = {one.name.casefold() for one in made}
        name, number = column.name, 0
        while name.casefold() in names:
            number += 1
            name = f"{column.name}_{number}"
        made.append(Column(name, column.type))
    return made


def _with_sorted_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_sorted_arrays(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_with_sorted_arrays, value))
    return sorted(map(_with_sorted_arrays, value), key=_sortable) if isinstance(value, list) else value


def _sortable(value: Any) -> str:
    """Return a sort key that is the same for equal values."""
    if isinstance(value, float):
        return f"{value:.9g}" if value else "0"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, dict):
        return str([_sortable(value[key]) for key in sorted(value)])
    if isinstance(value, list | tuple):
        return str([_sortable(one) for one in value])
    return repr(value)
