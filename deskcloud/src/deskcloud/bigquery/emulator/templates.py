"""Support SQL functions with parameters of ANY TYPE. Here, such a function is called a template.

The module `name_resolution.py` replaces each call by the function's body. It resolves the names in the body again for
each call, because the types of the parameters are those of the call's arguments. DuckDB stores only a macro that
returns NULL, so that the function appears in lists of functions.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import duckdb
import sqlglot
from local_bigquery.catalog import routines
from local_bigquery.sql import js
from local_bigquery.sql.dialect import BigQueryDialect, table_body
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator.checks import unsupported
from deskcloud.bigquery.emulator.known_types import Type


@dataclass(frozen=True)
class Template:
    """A function with parameters of ANY TYPE. `returns` is the type in RETURNS, or None.

    `parameters` holds the name and the type of each parameter. The type is None for ANY TYPE.
    """

    parameters: tuple[tuple[str, Type], ...]
    returns: Type
    body: exp.Expr


@dataclass(frozen=True)
class Call:
    """A call of a template. `node` is the call with its whole path, and `function` is the part with the arguments."""

    node: exp.Expr
    function: exp.Anonymous
    template: Template


# local-bigquery's GoogleSQL functions are in this schema. None of them is a template.
_OWN = ["bq", "main"]
# Temporary functions live as long as their connection, which belongs to a session or a job.
_temporary: WeakKeyDictionary[duckdb.DuckDBPyConnection, dict[str, Template | None]] = WeakKeyDictionary()


def remember(tree: exp.Expr, context: Context) -> exp.Expr:
    """Store the temporary function that a statement creates. Other functions are stored as routines."""
    is_function = isinstance(tree, exp.Create) and isinstance(tree.this, exp.UserDefinedFunction)
    if not is_function or js.is_udf(tree) or table_body(tree):
        return tree
    returns = tree.find(exp.ReturnsProperty)
    parameters = [(one.name, one.kind) for one in tree.this.expressions]
    template = _template(parameters, returns.this if returns else None, tree.expression)
    if (cursor := getattr(context, "cursor", None)) and tree.find(exp.TemporaryProperty):
        _temporary.setdefault(cursor, {})[tree.this.this.name.casefold()] = template
    if template:
        tree.set("expression", exp.paren(exp.null()))
    return tree


def calls(tree: exp.Expr, context: Context) -> Iterator[Call]:
    """Yield the calls of templates in a statement."""
    for function in tree.find_all(exp.Anonymous):
        path = function.parent if function.arg_key == "expression" and isinstance(function.parent, exp.Dot) else None
        if call := called(path or function, context):
            yield call


def called(node: exp.Expr, context: Context) -> Call | None:
    """Return `node` as a `Call`, or None if `node` is not a call of a template."""
    function = node.expression if isinstance(node, exp.Dot) else node
    if not isinstance(function, exp.Anonymous) or isinstance(node.parent, exp.Table):
        return None
    template = _find([*_path(node.this if isinstance(node, exp.Dot) else None), *_path(function.this)], context)
    given = len(function.expressions)
    return Call(node, function, template) if template and len(template.parameters) == given else None


def check(call: Call) -> None:
    """Refuse a call that the function's body cannot replace.

    Raises:
        BigQueryError: the call has OVER, or a name in an argument would mean something else inside the body.
    """
    if isinstance(call.node.parent, exp.Window):
        raise unsupported(f"{call.function.name} with OVER")
    ranges = list(call.template.body.find_all(exp.Table, exp.Subquery, exp.Unnest))
    named = {name.casefold() for one in ranges for name in (one.alias_or_name, *one.alias_column_names)}
    for column in [one for given in call.function.expressions for one in given.find_all(exp.Column)]:
        if column.table and column.table.casefold() in named:
            raise unsupported(
                f"A call of {call.function.name} with the name {column.table}, which the function's body also uses,"
            )


def _path(name: Any) -> list[str]:
    if isinstance(name, exp.Dot):
        return [*_path(name.this), *_path(name.expression)]
    return name.name.split(".") if isinstance(name, exp.Identifier) else [name] if isinstance(name, str) else []


def _find(path: list[str], context: Context) -> Template | None:
    if path[:2] == _OWN:
        return None
    cursor = getattr(context, "cursor", None)
    if len(path) == 1:
        temporary = _temporary.get(cursor, {}) if cursor else {}
        if path[0].casefold() in temporary:
            return temporary[path[0].casefold()]
        if context.dataset_id is None or "." in path[0]:
            return None
        path = [context.dataset_id, *path]
    found = routines.load(*[context.project_id, *path][-3:])
    if found is None or found.routineType != "SCALAR_FUNCTION" or found.language == "JAVASCRIPT":
        return None
    arguments = tuple(
        (one.name, routines.sql_type(one.dataType) if one.dataType else "") for one in found.arguments or []
    )
    return _of_routine(arguments, routines.sql_type(found.returnType) if found.returnType else "", found.definitionBody)


@functools.lru_cache(1000)
def _of_routine(arguments: tuple[tuple[str, str], ...], returns: str, body: str) -> Template | None:
    if all(kind for _, kind in arguments):
        return None
    [parsed] = sqlglot.parse_one(f"SELECT ({body}\n)", dialect=BigQueryDialect).expressions
    return _template([(name, _type(kind)) for name, kind in arguments], _type(returns), parsed)


def _type(text: str) -> Type:
    return exp.DataType.build(text, dialect=BigQueryDialect) if text else None


def _template(parameters: list[tuple[str, Type]], returns: Type, body: exp.Expr) -> Template | None:
    kinds = tuple(
        (name.casefold(), None if kind is None or kind.is_type(exp.DType.VARIANT) else kind)
        for name, kind in parameters
    )
    return None if all(kind for _, kind in kinds) else Template(kinds, returns, body.copy())
