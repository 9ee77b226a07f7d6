"""Send a statement to the local BigQuery and to Google's reference implementation, and return comparable answers."""

import contextlib
import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

from deskcloud.bigquery.emulator import launch
from deskcloud.bigquery.gateway import app as gateway
from deskcloud.comparison.difference import Answer
from deskcloud.googlesql import reference, types
from deskcloud.googlesql.catalog import Catalog
from deskcloud.googlesql.errors import Crashed, Failed, Refused
from deskcloud.googlesql.reference import Database, Parameters, Rows
from deskcloud.googlesql.tokens import UnterminatedError
from deskcloud.googlesql.types import Fields
from deskcloud.provisioning import NOBODY
from deskcloud.web import serving

PROJECT = "local-project"
_PATIENCE_SECONDS = 60
NO_TABLES = Catalog(lambda _: None)


@contextlib.contextmanager
def local_bigquery() -> Iterator[bigquery.Client]:
    """Start a local BigQuery and yield a client of it. At the end, stop the local BigQuery."""
    with tempfile.TemporaryDirectory() as state, launch.run(Path(state) / "emulator", project=PROJECT) as running:
        app = gateway.create_app(running, Path(state) / "gateway", storage_url="http://127.0.0.1:1")
        with serving.serve(app) as url:
            options = ClientOptions(api_endpoint=url)
            yield bigquery.Client(PROJECT, credentials=NOBODY, client_options=options)


def ours(client: bigquery.Client, sql: str, *, dataset: str | None = None, parameters: Sequence[Any] = ()) -> Answer:
    """Return the local BigQuery's answer to a statement or script. `parameters` are objects of Google's client."""
    once: Any = {"retry": None, "job_retry": None}
    configuration = bigquery.QueryJobConfig(default_dataset=dataset, query_parameters=list(parameters))
    try:
        rows = client.query_and_wait(sql, job_config=configuration, wait_timeout=_PATIENCE_SECONDS, **once)
        return Answer.of_client(rows)
    except TimeoutError:
        return Answer(refusal=f"no answer within {_PATIENCE_SECONDS} s")
    except GoogleAPICallError as error:
        return Answer(refusal=error.message)
    except (ValueError, TypeError, OverflowError) as error:
        # The client cannot decode a value in the rows. So the answer has the error as its only value.
        return Answer(columns=(("", ""),), rows=((str(error),),))


def _answered[**P](ask: Callable[P, Answer]) -> Callable[P, Answer]:
    """Decorate `ask`, so that an error becomes an Answer whose `refusal` is the error message."""

    @functools.wraps(ask)
    def answer(*arguments: P.args, **named: P.kwargs) -> Answer:
        try:
            return ask(*arguments, **named)
        except (Refused, Crashed, UnterminatedError) as error:
            return Answer(refusal=str(error), is_failure=isinstance(error, Failed))
        except (ValueError, TypeError, OverflowError, AssertionError, AttributeError) as error:
            # BigQuery does not have the type of a column, or Python cannot represent a value.
            return Answer(refusal=f"not decoded: {error}")

    return answer


@_answered
def of_database(database: Database, sql: str, parameters: Parameters | None = None) -> Answer:
    """Return the reference implementation's answer to a query of tables in `database`."""
    return Answer.of_reference(database.run(sql, parameters))


@_answered
def after_change(sql: str, target: str, tables: Mapping[str, tuple[Fields, Rows]], parameters: Parameters) -> Answer:
    """Run INSERT, UPDATE, DELETE or MERGE on the reference implementation. Return all rows of `target` afterwards."""
    fields = {name: fields for name, (fields, _) in tables.items()}
    changed = reference.modify(sql, Catalog(fields.get), {name: rows for name, (_, rows) in tables.items()}, parameters)
    columns = [(one["name"], types.text(types.of_field(one))) for one in fields[target]]
    return Answer(tuple(columns), tuple(tuple(row.get(name) for name, _ in columns) for row in changed.rows))


def made(query: str, tables: Mapping[str, tuple[Fields, Rows]]) -> tuple[Fields, Rows]:
    """Run a query of `tables` on the reference implementation. Return the fields and the rows of its result.

    Raises:
        Refused: the reference implementation refuses the query.
    """
    fields = {name: fields for name, (fields, _) in tables.items()}
    result = reference.run(query, Catalog(fields.get), {name: rows for name, (_, rows) in tables.items()})
    names = [one.name for one in result.columns]
    rows = [dict(zip(names, row, strict=True)) for row in result.rows]
    return [types.field(one.name, one.type) for one in result.columns], rows


def parameters(select_list: str) -> dict[str, tuple[TypeProto, Any]]:
    """Return the query parameters that a select list such as `1 as x, "a" as y` defines.

    Raises:
        Refused: the reference implementation refuses the list.
    """
    if not select_list:
        return {}
    result = reference.run(f"select {select_list}", NO_TABLES)
    given = zip(result.columns, result.rows[0], strict=True)
    return {column.name: (column.type, value) for column, value in given}


def of_clients(name: str, of: TypeProto, value: Any) -> Any:
    """Return the query parameter `name` as an object of Google's BigQuery client. `of` is the parameter's type."""
    match types.kind(of):
        case "ARRAY" if types.kind(of.array_type.element_type) != "STRUCT":
            return bigquery.ArrayQueryParameter(name, types.kind(of.array_type.element_type), value)
        case "ARRAY":
            element = of.array_type.element_type
            return bigquery.ArrayQueryParameter(name, "STRUCT", [of_clients("", element, one) for one in value])
        case "STRUCT":
            fields = of.struct_type.field
            inner = (of_clients(one.field_name, one.field_type, (value or {}).get(one.field_name)) for one in fields)
            return bigquery.StructQueryParameter(name, *inner)
        case kind:
            return bigquery.ScalarQueryParameter(name, kind, value)
