"""Let tables.patch and tables.update add columns inside structs.

Otherwise local-bigquery would ignore these columns and answer 200.
"""

from collections.abc import Callable, Iterator, Sequence

from local_bigquery.catalog import names, tables
from local_bigquery.engine import database, types
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.models import TableFieldSchema

from deskcloud.bigquery.emulator import patching

type Fields = Sequence[TableFieldSchema]


def add() -> None:
    """Make tables.patch and tables.update add columns inside structs."""
    patching.wrap(tables, "_alter", _alter, "new columns inside structs are ignored")


def _alter(
    original: Callable[[str, str, str, Fields], None], project: str, dataset: str, table: str, given: Fields
) -> None:
    try:
        added = list(_inside(tables.columns(project, dataset, table), given, ()))
    except BigQueryError as error:
        label = names.label(project, dataset, table)
        raise BigQueryError("invalid", f"Provided Schema does not match Table {label}. {error.message}") from None
    original(project, dataset, table, given)
    for column in added:
        database.execute(f"ALTER TABLE {tables.name(project, dataset, table)} ADD COLUMN {column}")


def _inside(known: Fields, given: Fields, path: tuple[str, ...]) -> Iterator[str]:
    """Compare a table's struct columns (`known`) with those of a new schema (`given`).

    Yield the definition of each nested column that the table lacks. `path` names the structs around the columns.

    Raises:
        BigQueryError: the new schema removes a nested column, or adds a REQUIRED nested column.
    """
    wanted = _by_name(given)
    for name, struct in _by_name(known).items():
        if struct.fields and name in wanted:
            item = ("element",) if struct.mode == "REPEATED" else ()
            yield from _of_struct(struct.fields, wanted[name].fields or (), (*path, struct.name or "", *item))


def _of_struct(known: Fields, given: Fields, path: tuple[str, ...]) -> Iterator[str]:
    current, wanted = _by_name(known), _by_name(given)
    for name, column in current.items():
        if name not in wanted:
            raise BigQueryError("invalid", f"Cannot remove field: {column.name}")
    for name, column in wanted.items():
        if name in current:
            continue
        if column.mode == "REQUIRED":
            raise BigQueryError("invalid", f"Cannot add required fields to an existing schema. (field: {column.name})")
        yield ".".join([*map(quote, path), types.column(column, nested=True)])
    yield from _inside(known, given, path)


def _by_name(fields: Fields) -> dict[str, TableFieldSchema]:
    return {(field.name or "").casefold(): field for field in fields}
