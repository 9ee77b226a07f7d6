"""In each query of a view over a wildcard table, evaluate the view's definition again.

DuckDB stores a view in translated form, with the tables that matched the wildcard when the view was created. Therefore,
this module stores the view's definition as the client wrote it. In each statement that reads the view, the definition
replaces the view's name.

The view's columns are also stored when the view is created. The stored columns are needed if a table of the view no
longer exists.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import sqlglot
from local_bigquery.catalog import ddl, metadata, names
from local_bigquery.catalog import tables as catalog
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.models import Table, TableFieldSchema
from local_bigquery.sql import script
from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.rules import tables
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator import lake_metadata, patching
from deskcloud.googlesql.tokens import closing, tokenize

type _Reference = tuple[str, str, str]

_VIEWS = """
select d.schema_name, v.view_name
from {metadata}.ducklake_view as v
join {metadata}.ducklake_schema as d on v.schema_id = d.schema_id and d.end_snapshot is null
where v.end_snapshot is null
"""
_KEPT = ("pivots", "joins", "laterals", "sample")
_MOST_NESTED = 16


def add() -> None:
    """Store the text of each statement in its tree, and use this text as the definition of a new view."""
    reason = "views over wildcard tables miss later tables"
    patching.wrap(script, "parse", _parse, reason)
    patching.wrap(ddl, "_definition", _definition, reason)
    patching.wrap(catalog, "record", _record, "a view whose table is gone has no columns")


def kept_columns(reference: _Reference) -> list[TableFieldSchema] | None:
    """Return the columns that a view had when it was created, or None if the table is not a view."""
    stored = metadata.load(Table, *reference)
    return catalog.fields(stored) if stored and (stored.view or stored.materializedView) else None


def missing_table(name: str, read: Iterable[_Reference], depth: int = 0) -> str | None:
    """Return the full name of the missing table `name` that a view in `read` uses, or None if no view uses it.

    A view may use the table directly, or through other views.
    """
    for reference in read:
        stored = metadata.load(Table, *reference) if depth < _MOST_NESTED else None
        definition = stored and (stored.view or stored.materializedView)
        if not definition:
            continue
        inner = [
            names.reference(one, *reference[:2]) for one in _parsed(definition.query).find_all(exp.Table) if one.db
        ]
        for one in inner:
            if one[-1] == name:
                return str(names.label(*one))
        if found := missing_table(name, inner, depth + 1):
            return found
    return None


def _record(original: Callable[..., None], *where: Any) -> None:
    *reference, resource = where
    if (resource.view or resource.materializedView) and not catalog.fields(resource):
        resource = resource.replace(schema={"fields": catalog.columns(*reference)})
    original(*reference, resource)


def expand(tree: exp.Expr, context: Context) -> exp.Expr:
    """Replace views over wildcard tables by their definitions."""
    if isinstance(tree, exp.Drop | exp.Alter | exp.Command):
        return tree
    if isinstance(tree, exp.Create) and isinstance(tree.this, exp.Schema) and tree.args.get("kind") == "VIEW":
        if tree.expression is not None and _reads_a_wildcard(tree.expression, context.project_id, 0):
            words = "The local BigQuery does not implement names of columns in CREATE VIEW over a wildcard table"
            raise BigQueryError("invalidQuery", f"{words}: name the columns in the query, with AS")
        return tree
    ctes = {cte.alias_or_name.casefold() for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if (reference := tables.resolve(table, context, ctes)) and (query := _live(reference)):
            context.referenced.add(reference)
            kept = {name: table.args[name] for name in _KEPT if table.args.get(name)}
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
            table.replace(exp.Subquery(this=expand(query, context), alias=alias, **kept))
    return tree


def _live(reference: _Reference, depth: int = 0) -> exp.Query | None:
    """Return the query of a view that reads a wildcard table, or None for any other view.

    The view may read the wildcard table directly, or through other views.
    """
    project, *name = reference
    if project not in database._attached or tuple(name) not in _views(project):  # noqa: SLF001 - no public name
        return None
    stored = metadata.load(Table, *reference)
    text = stored.view.query if stored and stored.view else None
    if not text or depth > _MOST_NESTED:
        return None
    query = _parsed(text).copy()
    for table in query.find_all(exp.Table):
        if table.db and not table.catalog:
            table.set("catalog", exp.to_identifier(project, quoted=True))
    return query if _reads_a_wildcard(query, project, depth) else None


def _reads_a_wildcard(query: exp.Expr, project: str, depth: int) -> bool:
    return any(
        table.name.endswith("*") or _live((table.catalog or project, table.db, table.name), depth + 1)
        for table in query.find_all(exp.Table)
        if table.db
    )


def _views(project: str) -> frozenset[tuple[str, str]]:
    return _views_at(lake_metadata.version(project), project)


@functools.lru_cache(100)
def _views_at(_: int, project: str) -> frozenset[tuple[str, str]]:
    return frozenset(database.fetch(_VIEWS.format(metadata=lake_metadata.metadata(project))))


@functools.lru_cache(1000)
def _parsed(text: str) -> exp.Query:
    query = sqlglot.parse_one(text, dialect=BigQueryDialect)
    if not isinstance(query, exp.Query):
        raise BigQueryError("invalidQuery", f"The definition of a view is not a query: {text}")
    return query


def _parse(original: Callable[[str], list[exp.Expr]], text: str) -> list[exp.Expr]:
    trees = original(text)
    if len(trees) == 1:
        trees[0].meta["source"] = text
    return trees


def _definition(original: Callable[..., dict[str, Any]], tree: exp.Create, *where: str) -> dict[str, Any]:
    resource = original(tree, *where)
    if "view" in resource and (source := tree.meta.get("source")):
        resource["view"]["query"] = _query_of(source)
    return resource


def _query_of(source: str) -> str:
    tokens, index = tokenize(source), 0
    while tokens[index].word != "AS":
        index = closing(tokens, index) + 1 if tokens[index].text == "(" else index + 1
    return source[tokens[index + 1].start : tokens[-1].end]
