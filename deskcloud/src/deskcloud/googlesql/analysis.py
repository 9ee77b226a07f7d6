"""Check a statement with Google's analyzer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto
from zetasql.wasi._pb2.zetasql.public.options_pb2 import ErrorMessageMode
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

from deskcloud.googlesql import dialect
from deskcloud.googlesql.catalog import Catalog, language
from deskcloud.googlesql.engine import engine

_KEPT_ANALYSES = 1024


@dataclass(frozen=True)
class Column:
    """A column of a statement's result, with the name that BigQuery gives to the column."""

    name: str
    type: TypeProto


def analyze(sql: str, catalog: Catalog, parameters: Mapping[str, TypeProto] | None = None) -> list[Column]:
    """Return the columns of a query's result. For any other statement, return an empty list.

    The result of an accepted statement is cached. The statement is analyzed again only if its tables, models or
    parameters change.

    Raises:
        Refused: GoogleSQL refuses the statement. The message comes from GoogleSQL.
    """
    text = dialect.as_googlesql(sql, catalog.models)
    request = service.AnalyzeRequest(sql_statement=text, options=options(parameters or {}))
    known = service.RegisterCatalogRequest(simple_catalog=catalog.of(text))
    return list(_columns(*(one.SerializeToString(deterministic=True) for one in (request, known))))


@lru_cache(_KEPT_ANALYSES)
def _columns(asked: bytes, known: bytes) -> tuple[Column, ...]:
    """Return the columns for a serialized AnalyzeRequest and RegisterCatalogRequest."""
    request, catalog = service.AnalyzeRequest.FromString(asked), service.RegisterCatalogRequest.FromString(known)
    statement = engine().call_with_catalog("Analyze", request, service.AnalyzeResponse, catalog).resolved_statement
    if not statement.HasField("resolved_query_stmt_node"):
        return ()
    columns = statement.resolved_query_stmt_node.output_column_list
    return tuple(named([(one.name, one.column.type) for one in columns]))


def options(parameters: Mapping[str, TypeProto]) -> AnalyzerOptionsProto:
    """Return options for GoogleSQL's analyzer, with BigQuery's settings and the types of the query parameters."""
    made = AnalyzerOptionsProto(
        default_timezone="UTC", preserve_column_aliases=True, error_message_mode=ErrorMessageMode.ERROR_MESSAGE_ONE_LINE
    )
    made.language_options.CopyFrom(language())
    for name, kind in parameters.items():
        made.query_parameters.add(name=name).type.CopyFrom(kind)
    return made


def named(columns: list[tuple[str, TypeProto]]) -> list[Column]:
    """Return the columns. As in BigQuery, columns without names are named f0_, f1_ and so on."""
    made: list[Column] = []
    nameless = 0
    for name, kind in columns:
        if name and not name.startswith("$"):
            made.append(Column(name, kind))
        else:
            made.append(Column(f"f{nameless}_", kind))
            nameless += 1
    return made
