"""Run a statement on Google's reference implementation. The caller passes the rows of the tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

from deskcloud.googlesql import dialect, types, values
from deskcloud.googlesql.analysis import Column, analyze, named, options
from deskcloud.googlesql.catalog import Catalog, table, table_paths
from deskcloud.googlesql.engine import engine
from deskcloud.googlesql.errors import Refused
from deskcloud.googlesql.merge import BY_SOURCE, Merge
from deskcloud.googlesql.tokens import starts, tokenize, unquoted
from deskcloud.googlesql.types import Fields

_KEY = "_row_number"
_NUMBERED = {"name": _KEY, "type": "INT64"}

type Rows = Iterable[Mapping[str, Any]]
type Parameters = Mapping[str, tuple[TypeProto, Any]]


@dataclass(frozen=True)
class Result:
    """The columns and rows of a query's result. The rows hold the Python values that Google's client would return."""

    columns: list[Column]
    rows: list[tuple[Any, ...]]


def run(
    sql: str, catalog: Catalog, tables: Mapping[str, Rows] | None = None, parameters: Parameters | None = None
) -> Result:
    """Run a query. `tables` maps the name of each table, as it appears in the query, to the table's rows.

    Raises:
        Refused: GoogleSQL refuses the query, or the query fails when it runs. The message comes from GoogleSQL.
        ValueError: two tables of different datasets have the same name.
    """
    text, known, names = _prepared(sql, catalog)
    contents = _contents(known, {names[name]: rows for name, rows in (tables or {}).items() if name in names})
    return _evaluated(text, known, contents, parameters or {})


class Database:
    """Tables on which many queries can run. The queries name the tables without a dataset."""

    def __init__(self, tables: Mapping[str, tuple[Fields, Rows]]) -> None:
        self._catalog = Catalog(lambda _: None).of("select 1")
        for number, (name, (fields, _)) in enumerate(tables.items()):
            self._catalog.table.append(table(name, fields, number))
        self._contents = _contents(self._catalog, {name: rows for name, (_, rows) in tables.items()})

    def run(self, sql: str, parameters: Parameters | None = None) -> Result:
        """Run a query. The errors are as in `reference.run`."""
        text = dialect.as_googlesql(sql, lambda _: None)
        return _evaluated(text, self._catalog, self._contents, parameters or {})


def _evaluated(
    text: str, catalog: SimpleCatalogProto, contents: Mapping[str, service.TableContent], parameters: Parameters
) -> Result:
    request = service.EvaluateQueryRequest(
        sql=text,
        options=options({name: kind for name, (kind, _) in parameters.items()}),
        params=_parameters(parameters),
    )
    known = service.RegisterCatalogRequest(simple_catalog=catalog, table_content=contents)
    answer = engine().call_with_catalog("EvaluateQuery", request, service.EvaluateQueryResponse, known)
    columns = named([(one.name, one.type) for one in answer.prepared.columns])
    rows = [
        tuple(values.decode(cell, column.type) for cell, column in zip(row.cell, columns, strict=True))
        for row in answer.content.table_data.row
    ]
    return Result(columns, rows)


@dataclass(frozen=True)
class Modified:
    """A table's rows after a statement, and the number of rows that were inserted, updated or deleted."""

    rows: list[dict[str, Any]]
    count: int


def modify(sql: str, catalog: Catalog, tables: Mapping[str, Rows], parameters: Parameters | None = None) -> Modified:
    """Run INSERT, UPDATE, DELETE or MERGE.

    Raises:
        Refused: as in `run`. TRUNCATE is refused too, because the reference implementation cannot run it.
    """
    if starts(tokenize(sql), "MERGE"):
        return _merge(sql, catalog, tables, parameters or {})
    text, known, names = _prepared(sql, catalog)
    before = {names[name]: list(rows) for name, rows in tables.items() if name in names}
    if not starts(tokenize(text), "INSERT"):
        # Give each table a key. Otherwise the reference implementation would not report which rows it deletes or
        # updates.
        for one in known.table:
            one.column.add(name=_KEY, type=types.scalar("INT64"), is_pseudo_column=True)
            one.primary_key_column_index.append(len(one.column) - 1)
        before = {name: [{**row, _KEY: number} for number, row in enumerate(rows)] for name, rows in before.items()}
    parameters = parameters or {}
    request = service.EvaluateModifyRequest(
        sql=text,
        options=options({name: kind for name, (kind, _) in parameters.items()}),
        simple_catalog=known,
        table_content=_contents(known, before),
        params=_parameters(parameters),
    )
    answer = engine().call("EvaluateModify", request, service.EvaluateModifyResponse)
    columns = next(one for one in known.table if one.name == answer.table_name).column
    changed = {key.int64_value for change in answer.content for key in change.old_primary_key}
    kept = [row for row in before.get(answer.table_name, []) if row.get(_KEY) not in changed]
    made = [
        {one.name: values.decode(cell, one.type) for one, cell in zip(columns, change.cell, strict=True)}
        for change in answer.content
        if change.cell
    ]
    rows = [{name: value for name, value in row.items() if name != _KEY} for row in (*kept, *made)]
    return Modified(rows, len(answer.content))


def _merge(sql: str, catalog: Catalog, tables: Mapping[str, Rows], parameters: Parameters) -> Modified:
    analyze(sql, catalog, {name: kind for name, (kind, _) in parameters.items()})
    text, _, names = _prepared(sql, catalog)
    short = Catalog(lambda name: catalog.columns(next(full for full, one in names.items() if one == name)))
    given = {names[name]: [dict(row) for row in rows] for name, rows in tables.items() if name in names}
    target = unquoted(tokenize(text)[2 if starts(tokenize(text), "MERGE", "INTO") else 1])
    fields = short.columns(target) or []
    columns = {one["name"]: types.text(types.of_field(one)) for one in fields}
    merge = Merge.read(text, columns)
    before = [{**row, _KEY: number} for number, row in enumerate(given.get(target, []))]
    others = {name: (short.columns(name) or [], rows) for name, rows in given.items() if name != target}
    database = Database({**others, target: ([*fields, _NUMBERED], before)})
    has_match: set[int] = set()
    if any(clause.kind == BY_SOURCE for clause in merge.clauses) and merge.condition != "false":
        has_match = {number for (number,) in database.run(merge.matched(_KEY), parameters).rows}
    changed: dict[int, dict[str, Any] | None] = {}
    made = []
    for clause in merge.clauses:
        result = database.run(merge.query(clause, columns, _KEY), parameters)
        if clause.action == "INSERT":
            taken = list(columns) if clause.values is None else [one.name for one in result.columns]
            made += [dict.fromkeys(columns) | dict(zip(taken, row, strict=True)) for row in result.rows]
            continue
        for number, *cells in result.rows:
            if clause.kind == BY_SOURCE and number in has_match:
                continue
            if number in changed:
                raise Refused("UPDATE/MERGE must match at most one source row for each target row")
            changed[number] = dict(zip(columns, cells, strict=True)) if clause.action == "UPDATE" else None
    after = [changed.get(number, row) for number, row in enumerate(given.get(target, []))]
    return Modified([row for row in after if row is not None] + made, len(changed) + len(made))


def _parameters(parameters: Parameters) -> list[service.Parameter]:
    return [
        service.Parameter(name=name, value=values.encode(value, kind)) for name, (kind, value) in parameters.items()
    ]


def _contents(catalog: SimpleCatalogProto, tables: Mapping[str, Rows]) -> dict[str, service.TableContent]:
    made = {}
    for one in catalog.table:
        content = service.TableContent()
        content.table_data.SetInParent()
        for row in tables.get(one.name, []):
            cells = (values.encode(row.get(column.name), column.type) for column in one.column)
            content.table_data.row.add().cell.extend(cells)
        made[one.name] = content
    return made


def _prepared(sql: str, catalog: Catalog) -> tuple[str, SimpleCatalogProto, dict[str, str]]:
    """Shorten each table path in a statement to its last part.

    This is needed because the reference implementation accepts rows only for tables without a dataset. Return the
    shortened statement, the catalog for this statement, and a dict from each full path to the path's last part.
    """
    text = dialect.as_googlesql(sql, catalog.models)
    paths = sorted(set(table_paths(text)), key=len, reverse=True)
    names = {".".join(path): path[-1] for path in paths}
    if len(set(names.values())) < len(names):
        raise ValueError(f"two tables have the same last name, which cannot be run: {', '.join(names)}")
    for path in (path for path in paths if len(path) > 1):
        text = _shortened(text, path)
    full = {short: name for name, short in names.items()}
    return text, Catalog(lambda name: catalog.columns(full.get(name, name))).of(text), names


def _shortened(sql: str, path: tuple[str, ...]) -> str:
    tokens = tokenize(sql)
    length = 2 * len(path) - 1
    for index in reversed(range(len(tokens) - length + 1)):
        found = tokens[index : index + length]
        names = tuple(unquoted(token) for token in found[::2])
        if names == path and all(token.text == "." for token in found[1::2]):
            sql = f"{sql[: found[0].start]}{found[-1].text}{sql[found[-1].end :]}"
    return sql
