"""Build the catalog of tables, views and functions that a statement may use, for GoogleSQL."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import LanguageOptionsProto
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public.options_pb2 import LanguageFeature, ProductMode
from zetasql.wasi._pb2.zetasql.public.simple_table_pb2 import SimpleTableProto

from deskcloud.googlesql import dialect, types
from deskcloud.googlesql.engine import engine
from deskcloud.googlesql.ml import Models
from deskcloud.googlesql.types import Fields

# Features of GoogleSQL that are switched off, because BigQuery does not have them. The TIMESTAMP features allow times
# that are more precise than microseconds. The other features allow comparing and sorting arrays and JSON:
# https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_properties
_NOT_IN_BIGQUERY = {
    LanguageFeature.FEATURE_ARRAY_EQUALITY,
    LanguageFeature.FEATURE_ARRAY_ORDERING,
    LanguageFeature.FEATURE_JSON_TYPE_COMPARISON,
    LanguageFeature.FEATURE_TIMESTAMP_NANOS,
    LanguageFeature.FEATURE_TIMESTAMP_PICOS,
    LanguageFeature.FEATURE_TIMESTAMP_PRECISION,
}

_KEPT_STATEMENTS = 1024


@dataclass(frozen=True)
class Catalog:
    """Functions that look up the tables and models that a statement names.

    `columns` returns the fields of a table's REST schema, or None for an unknown table. For a wildcard table, whose
    name ends in `*`, the fields must contain _TABLE_SUFFIX. `models` returns a model's description, or None for an
    unknown model.
    """

    columns: Callable[[str], Fields | None]
    models: Models = lambda _: None

    def of(self, sql: str) -> SimpleCatalogProto:
        """Return the catalog that a statement needs.

        Raises:
            Refused: the statement cannot be parsed.
        """
        made = SimpleCatalogProto(name="bigquery")
        made.builtin_function_options.language_options.CopyFrom(language())
        for name in dialect.INTEGER_TYPES:
            made.named_type.add(name=name).type.CopyFrom(types.scalar("INT64"))
        for number, path in enumerate(table_paths(sql)):
            fields = self.columns(".".join(path))
            if fields is not None:
                _place(made, path).table.append(table(path[-1], fields, number))
        return made


@cache
def language() -> LanguageOptionsProto:
    """Return GoogleSQL's language options. If BigQuery's value of an option is known, use this value."""
    request = service.LanguageOptionsRequest(maximum_features=True)
    options = engine().call("GetLanguageOptions", request, LanguageOptionsProto)
    features = [one for one in options.enabled_language_features if one not in _NOT_IN_BIGQUERY]
    del options.enabled_language_features[:]
    options.enabled_language_features.extend(features)
    # An empty list means that all kinds are supported.
    del options.supported_statement_kinds[:]
    options.product_mode = ProductMode.PRODUCT_EXTERNAL
    return options


def table(name: str, fields: Fields, number: int) -> SimpleTableProto:
    """Return a table for the catalog. Columns whose names begin with an underscore are pseudo-columns.

    No two tables of a catalog may have the same `number`.
    """
    made = SimpleTableProto(name=name, serialization_id=number + 1)
    for one in fields:
        column = made.column.add(name=one["name"], is_pseudo_column=one["name"].startswith("_"))
        column.type.CopyFrom(types.of_field(one))
    return made


@lru_cache(_KEPT_STATEMENTS)
def table_paths(sql: str) -> tuple[tuple[str, ...], ...]:
    """Return the path of each table that a statement names, as a tuple such as ("project", "dataset", "table").

    Raises:
        Refused: the statement cannot be parsed.
    """
    request = service.ExtractTableNamesFromStatementRequest(sql_statement=sql, options=language())
    names = (
        engine()
        .call("ExtractTableNamesFromStatement", request, service.ExtractTableNamesFromStatementResponse)
        .table_name
    )
    return tuple(tuple(name.table_name_segment) for name in names)


def _place(catalog: SimpleCatalogProto, path: tuple[str, ...]) -> SimpleCatalogProto:
    """Return the catalog for the table at a path.

    Each part of the path except the last is the name of a nested catalog. Missing catalogs are created.
    """
    for part in path[:-1]:
        known = next((one for one in catalog.catalog if one.name == part), None)
        catalog = known if known is not None else catalog.catalog.add(name=part)
    return catalog
