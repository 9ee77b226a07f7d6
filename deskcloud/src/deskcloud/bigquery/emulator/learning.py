"""Ask DuckDB for types that sqlglot cannot infer, i.e. those of some functions, table functions and PIVOT."""

import copy
import itertools
from collections.abc import Callable

import duckdb
from local_bigquery.errors import BigQueryError
from local_bigquery.sql import translate
from local_bigquery.sql.dialect import DuckDBDialect
from local_bigquery.sql.rules import STATEMENT_RULES
from local_bigquery.sql.translate import Context
from sqlglot import exp
from sqlglot.errors import SqlglotError

from deskcloud.bigquery.emulator import known_types as types
from deskcloud.bigquery.emulator import scope as scopes
from deskcloud.bigquery.emulator import structs
from deskcloud.bigquery.emulator.known_types import Columns, Type
from deskcloud.bigquery.emulator.scope import Scope, Source


class Learner:
    """Find types in a statement whose names are already resolved. `resolve` is the rule that resolves the names."""

    def __init__(self, context: Context, resolve: Callable[..., exp.Expr]) -> None:
        self._context = context
        self._resolve = resolve

    def kind(self, expression: exp.Expr, scope: Scope | None, place: exp.Expr) -> Type:
        """Return an expression's type, or None if the type is unknown.

        The expression may contain the columns that are visible in `scope`, and the WITH queries that are visible at
        `place`, a node of the statement.
        """
        known = types.infer(expression)
        if types.is_whole(known):
            return known
        select = exp.select(exp.alias_(expression.copy(), "v"))
        for source in [one for level in [*scopes.levels(scope)][::-1] for one in level.sources]:
            if (item := _stand_in(source)) is None:
                return known
            select = select.join(item, copy=False) if select.args.get("from_") else select.from_(item, copy=False)
        columns = self._described(select, place)
        return columns[0][1] if columns else known

    def learn(self, scope: Scope) -> None:
        """Ask DuckDB for the columns of each item in FROM, if these columns are unknown."""
        for source in scope.sources:
            if isinstance(source, scopes.Table) and source.columns is None and source.node is not None:
                source.columns = self._described(exp.select("*").from_(source.node.copy()), source.node)

    def _described(self, query: exp.Query, place: exp.Expr) -> Columns | None:
        cursor = getattr(self._context, "cursor", None)
        if cursor is None or any(one.name in {"", "?"} for one in query.find_all(exp.Placeholder)):
            return None
        query.set("with_", _definitions(place))
        context = copy.copy(self._context)
        context.used, context.referenced = set(), set()
        try:
            return types.of_query(cursor, *self._translated(query, context))
        except (BigQueryError, duckdb.Error, SqlglotError):
            # Leave the type unknown, because the statement itself will report the error.
            return None

    def _translated(self, query: exp.Expr, context: Context) -> tuple[str, dict[str, object]]:
        """Apply the rules that follow the resolution of names. Return DuckDB's SQL and the query parameters."""
        structs.align(query)
        for rule in STATEMENT_RULES[STATEMENT_RULES.index(self._resolve) + 1 :]:
            query = rule(query, context)
        query = translate._rewrite(query, context)  # noqa: SLF001 - no public name exists
        return query.sql(dialect=DuckDBDialect), {name: context.values[name] for name in context.used}


def _stand_in(source: Source) -> exp.Expr | None:
    """Return a subquery for FROM: one row of NULLs, in columns with the names and types of the source's columns.

    If a type is unknown, return a copy of the source's node, or None if the source has no node.
    """
    if isinstance(source, scopes.Elements):
        columns = [(source.column.name, source.type)]
        columns += [(source.offset.name, source.offset.type)] if source.offset else []
        name = source.column.table
    else:
        columns, name = source.columns or [], source.name
    if not columns or not all(kind for _, kind in columns):
        return source.node.copy() if source.node is not None else None
    nulls = [exp.alias_(exp.cast(exp.null(), kind.copy()), column, quoted=True) for column, kind in columns if kind]
    return exp.select(*nulls).subquery(name or None)


def _definitions(place: exp.Expr) -> exp.With | None:
    """Return the WITH queries visible at `place`, or None if there are none. A query follows those that it reads."""
    seen: dict[str, exp.CTE] = {}
    is_recursive = False
    inner, around = place, place.parent
    while around is not None:
        with_ = around if isinstance(around, exp.With) else around.args.get("with_")
        if with_ is not None and with_ is not inner:
            before = itertools.takewhile(lambda one, last=inner: one is not last, with_.expressions)  # type: ignore[misc]
            for one in reversed(list(before)):
                seen.setdefault(one.alias.casefold(), one)
            is_recursive = is_recursive or bool(with_.recursive)
        inner, around = around, around.parent
    if not seen:
        return None
    return exp.With(expressions=[one.copy() for one in reversed(seen.values())], recursive=is_recursive)
