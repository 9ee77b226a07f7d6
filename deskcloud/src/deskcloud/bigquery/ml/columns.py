"""Read the columns of an Arrow table as BigQuery ML does. Names ignore case, and STRUCTs are expanded into fields."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml.errors import MLError

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

NUMERIC = frozenset({"INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"})
CATEGORICAL = frozenset({"BOOL", "STRING", "BYTES", "DATE", "DATETIME", "TIME"})

ARROW = {
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "BIGNUMERIC": pa.decimal256(76, 38),
    "BOOL": pa.bool_(),
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "DATETIME": pa.timestamp("us"),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}
"""The Arrow type that this package uses for each BigQuery type."""


@dataclass(frozen=True)
class Feature:
    """An input column of a model. The field `f` of a STRUCT `s` is a column with the name `s_f`."""

    name: str
    type: str


def bigquery_type(arrow: pa.DataType) -> str:
    """Return BigQuery's name of an Arrow type. A column of Arrow's type null is INT64, like BigQuery's NULL literal."""
    if pa.types.is_dictionary(arrow):
        return bigquery_type(arrow.value_type)
    if pa.types.is_timestamp(arrow):
        return "TIMESTAMP" if arrow.tz else "DATETIME"
    if pa.types.is_decimal(arrow):
        return "NUMERIC" if arrow.scale <= 9 and arrow.precision - arrow.scale <= 29 else "BIGNUMERIC"
    for is_type, name in _TYPE_NAMES:
        if is_type(arrow):
            return name
    return str(arrow).upper()


_TYPE_NAMES = (
    (pa.types.is_null, "INT64"),
    (pa.types.is_boolean, "BOOL"),
    (pa.types.is_integer, "INT64"),
    (pa.types.is_floating, "FLOAT64"),
    (pa.types.is_string, "STRING"),
    (pa.types.is_large_string, "STRING"),
    (pa.types.is_string_view, "STRING"),
    (pa.types.is_binary, "BYTES"),
    (pa.types.is_large_binary, "BYTES"),
    (pa.types.is_binary_view, "BYTES"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME"),
    (pa.types.is_struct, "STRUCT"),
    (pa.types.is_list, "ARRAY"),
    (pa.types.is_large_list, "ARRAY"),
    (lambda arrow: isinstance(arrow, pa.JsonType), "JSON"),
)


class Columns:
    """The columns of a table, including the fields of STRUCTs. A column is looked up by its name. Names ignore case."""

    def __init__(self, table: pa.Table) -> None:
        self.rows = table.num_rows
        self._table = table
        # Maps a lower-case name to a pair: the position of the column, and the position of the field in the STRUCT. For
        # a column outside a STRUCT, the second position is None.
        self._found: dict[str, tuple[int, int | None]] = {}
        self._expanded: list[Feature] = []
        for position, field in enumerate(table.schema):
            self._add(field.name, bigquery_type(field.type), position, None)
            if pa.types.is_struct(field.type):
                for index, inner in enumerate(field.type.fields):
                    self._add(f"{field.name}_{inner.name}", bigquery_type(inner.type), position, index)

    def _add(self, name: str, type_: str, position: int, field: int | None) -> None:
        if name.lower() in self._found:
            raise MLError(
                f"Duplicate column name {name!r} in the query's result (names ignore case): alias one of them."
            )
        self._found[name.lower()] = (position, field)
        if type_ != "STRUCT" or field is not None:
            self._expanded.append(Feature(name, type_))

    @property
    def expanded(self) -> list[Feature]:
        """Return all columns in the table's order. Each STRUCT is replaced by its fields."""
        return self._expanded

    @property
    def names(self) -> str:
        """Return the column names as one string, for error messages."""
        return ", ".join(feature.name for feature in self._expanded)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._found

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        position, field = self._found[name.lower()]
        column = self._table.column(position)
        return column if field is None else column.flatten()[field]

    def numbers(self, feature: Feature, what: str = "Feature") -> pa.ChunkedArray:
        """Return a numeric column as float64. `what` is "Feature" or "Label", for error messages."""
        # Digits beyond float64's precision do not affect training.
        return self._checked(feature, what).cast(pa.float64(), safe=False)

    def categories(self, feature: Feature) -> pa.DictionaryArray:
        """Return a non-numeric feature as category names."""
        return as_categories(self._checked(feature, "Feature"), ARROW[feature.type])

    def values(self, feature: Feature, what: str = "Feature") -> pa.ChunkedArray:
        """Return the column, cast to the Arrow type that represents the feature's BigQuery type.

        `what` is "Feature", "Label", "Rating" or "Id", for error messages.

        Raises:
            MLError: the column is missing, has another type than the feature, or has a value that cannot be cast.
        """
        column = self._checked(feature, what)
        try:
            return column.cast(ARROW[feature.type])
        except pa.ArrowInvalid as error:
            raise MLError(f"{what} column {feature.name!r} has a value that is not {feature.type}: {error}.") from error

    def _checked(self, feature: Feature, what: str) -> pa.ChunkedArray:
        if feature.name not in self:
            raise MLError(
                f"{what} column {feature.name!r} is missing; the input has: {self.names}. Select it under that name."
            )
        column = self[feature.name]
        given = bigquery_type(column.type)
        if given == feature.type or {given, feature.type} <= NUMERIC or pa.types.is_null(column.type):
            return column
        raise MLError(
            f"{what} column {feature.name!r} is {given}, but the model was trained with {feature.type}: cast it."
        )


def as_categories(column: pa.ChunkedArray, type_: pa.DataType | None = None) -> pa.DictionaryArray:
    """Convert values to strings as `as_strings` does, and dictionary-encode them.

    If `type_` is given, the values are first cast to this type.
    """
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    if pa.types.is_dictionary(column.type) and any(chunk.dictionary.null_count for chunk in column.chunks):
        column = column.cast(column.type.value_type)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    array = encoded.combine_chunks()
    values = array.dictionary if type_ is None else array.dictionary.cast(type_)
    return pa.DictionaryArray.from_arrays(array.indices, as_strings(pa.chunked_array([values])).combine_chunks())


def with_strings_encoded(table: pa.Table) -> pa.Table:
    """Return the table with its STRING columns dictionary-encoded, for callers that read the strings several times."""
    for position, field in enumerate(table.schema):
        if bigquery_type(field.type) == "STRING" and not pa.types.is_dictionary(field.type):
            table = table.set_column(position, field.name, table.column(position).dictionary_encode())
    return table


def as_strings(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert values to category names and class names, as CAST AS STRING does. BYTES become base64."""
    if pa.types.is_string(column.type):
        return column
    type_ = bigquery_type(column.type)
    if type_ not in _NAMES:
        return column.cast(pa.string())
    distinct = pc.unique(column).drop_null()
    names = pa.array([_NAMES[type_](value) for value in distinct.to_pylist()], pa.string())
    return pa.chunked_array([names.take(pc.index_in(column, value_set=distinct).combine_chunks())])


def _digits(value: Decimal) -> str:
    return f"{value.normalize():f}"


_NAMES: dict[str, Callable[[Any], str]] = {
    "BYTES": lambda value: base64.b64encode(value).decode(),
    "NUMERIC": _digits,
    "BIGNUMERIC": _digits,
}
