"""Support forms of UPDATE, DELETE and MERGE that GoogleSQL has and local-bigquery lacks.

types           The types of expressions are inferred, as in queries.
fields          UPDATE sets fields of a struct, several at once and at any depth. A NULL struct is an error.
DEFAULT         UPDATE and MERGE accept DEFAULT, which is the column's default value.
matches         UPDATE ... FROM refuses a row with several matches.
MERGE matches   MERGE refuses a row with several matches only if a clause applies to these matches.
MERGE sources   MERGE accepts UNNEST(...) and a subquery without a name.
MERGE INSERT    MERGE accepts INSERT VALUES (...) without a list of columns.
transactions    MERGE can run inside a transaction.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import sqlglot
from local_bigquery.catalog import names
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import merge, query
from local_bigquery.sql.rules import STATEMENT_RULES, dml, typing
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator import known_types as types
from deskcloud.bigquery.emulator import merging, patching, replacing
from deskcloud.bigquery.emulator.storing import transaction
from deskcloud.bigquery.emulator.translation import translate

_IN_TRANSACTION = "in_transaction"


def add() -> None:
    """Change how local-bigquery translates and runs UPDATE, and how it runs MERGE."""
    patching.replace(
        dml,
        "update_fields",
        _assign,
        "UPDATE sets one field of a struct, at one depth, and no DEFAULT",
        rules=STATEMENT_RULES,
    )
    patching.wrap(typing, "annotate", _annotate, "types in UPDATE and DELETE are unknown", rules=STATEMENT_RULES)
    reason = (
        "MERGE knows fewer sources and INSERTs, runs in no transaction, and compares rows for clauses that it lacks"
    )
    patching.replace(merge, "run", _merge, reason)
    patching.wrap(query, "_run", _run, "several matches of a row are accepted in UPDATE ... FROM")


def _annotate(original: Callable[..., exp.Expr], tree: exp.Expr, context: Context) -> exp.Expr:
    """Infer the types in UPDATE and DELETE from a query with the same expressions."""
    if not isinstance(tree, exp.Update | exp.Delete):
        _complete(original(tree, context), context)
        return tree
    where, from_ = tree.args.get("where"), tree.args.get("from_")
    parts = [one.expression for one in tree.expressions] + ([where.this] if where else [])
    select = exp.Select(expressions=[exp.alias_(part.copy(), f"_{number}") for number, part in enumerate(parts)])
    select.set("from_", exp.From(this=tree.this.copy()))
    select.set("joins", [exp.Join(this=from_.this.copy())] if from_ else None)
    _complete(original(select, context), context)
    for part, typed in zip(parts, select.expressions, strict=True):
        typing._transfer(part, typed.this)  # noqa: SLF001 - no public name exists
    return tree


def _complete(tree: exp.Expr, context: Context) -> None:
    """Set the types of temporary tables' columns, and of the expressions that contain these columns.

    sqlglot cannot infer these types, because it does not know temporary tables.
    """
    named = list(tree.find_all(exp.Table))
    if not any(not table.db and table.name.casefold() in context.temporary for table in named):
        return
    tables = {
        table.alias_or_name.casefold(): {name.casefold(): kind for name, kind in types.of_table(table, context) or []}
        for table in named
    }
    for column in tree.find_all(exp.Column):
        name = column.name.casefold()
        if column.table:
            found = [tables.get(column.table.casefold(), {}).get(name)]
        else:
            found = [columns[name] for columns in tables.values() if name in columns]
        if types.known(column.type) is None and len(found) == 1 and found[0] is not None:
            column.type = found[0].copy()
    for select in tree.find_all(exp.Select):
        inferred = [*select.expressions, *(one.args.get("on") for one in select.args.get("joins") or [])]
        inferred.append(where.this if (where := select.args.get("where")) else None)
        for one in inferred:
            if one is not None:
                types.infer(one)


def _assign(tree: exp.Expr, context: Context) -> exp.Expr:
    """Rewrite all assignments to fields of a struct as one assignment to the struct's column."""
    if not isinstance(tree, exp.Update):
        return tree
    columns = {name.casefold() for name, _ in types.of_table(tree.this, context) or []}
    fields: dict[str, Any] = {}
    whole = []
    for one in tree.expressions:
        path = [part.name for part in one.this.parts]
        is_prefixed = len(path) > 1 and path[0].casefold() in {
            tree.this.name.casefold(),
            tree.this.alias_or_name.casefold(),
        }
        if is_prefixed and (path[1].casefold() in columns or path[0].casefold() not in columns):
            path = path[1:]
        value = _default(tree.this, path[0], context) if _is_default(one.expression) else one.expression
        if len(path) == 1:
            one.set("this", exp.column(exp.to_identifier(path[0], quoted=True)))
            one.set("expression", value)
            whole.append(one)
            continue
        inner = fields
        for name in path[:-1]:
            inner = inner.setdefault(name.casefold(), {})
        inner[path[-1]] = value
    for name, inner in fields.items():
        root = exp.column(exp.to_identifier(name, quoted=True))
        whole.append(exp.EQ(this=root.copy(), expression=_updated(root, inner)))
    tree.set("expressions", whole)
    return tree


def _is_default(value: exp.Expr) -> bool:
    return isinstance(value, exp.Column | exp.Var) and value.sql().upper() == "DEFAULT"


def _default(table: exp.Table, column: str, context: Context) -> exp.Expr:
    """Return a column's default value as an expression, because DuckLake does not support DEFAULT in UPDATE."""
    found = database.fetch(
        "SELECT column_default FROM duckdb_columns() "
        "WHERE (database_name, schema_name, table_name) = ($1, $2, $3) AND column_name ILIKE $4",
        [*names.reference(table, context.project_id, context.dataset_id), column],
    )
    text = found[0][0] if found else None
    return exp.paren(sqlglot.parse_one(text or "NULL", dialect="duckdb"))


def _updated(struct: exp.Expr, fields: dict[str, Any]) -> exp.Expr:
    """Return the struct with the new values in `fields`. If the struct is NULL, the statement fails when it runs."""
    values = [
        exp.PropertyEQ(
            this=exp.to_identifier(name, quoted=True),
            expression=_updated(exp.Dot(this=struct.copy(), expression=exp.to_identifier(name, quoted=True)), value)
            if isinstance(value, dict)
            else value.copy(),
        )
        for name, value in fields.items()
    ]
    words = exp.Literal.string("Cannot set field of NULL STRUCT")
    is_null = exp.Is(this=struct.copy(), expression=exp.null())
    changed = exp.Anonymous(this="struct_update", expressions=[struct.copy(), *values])
    return exp.Case(ifs=[exp.If(this=is_null, true=exp.func("_raise", words))], default=changed)


def _run(original: Callable[..., Any], cursor: Any, tree: exp.Expr, context: Context, *how: Any) -> Any:
    """Run a statement. Refuse an UPDATE ... FROM that matches a row of the table more than once.

    Also record in `context` whether a transaction is open. `how[2]` is true for a dry run.
    """
    if isinstance(tree, exp.Update) and (from_ := tree.args.get("from_")) and not how[2]:
        where = tree.args.get("where")
        text = exp.select("1").from_(tree.this.copy()).where(where.this.copy() if where else exp.true())
        text = text.group_by(exp.column("rowid", tree.this.alias_or_name)).having("count(*) > 1").limit(1)
        text.set("joins", [exp.Join(this=from_.this.copy())])
        sql, bound = translate(text, context)
        if cursor.execute(sql, bound).fetchone():
            raise BigQueryError("invalidQuery", "UPDATE/MERGE must match at most one source row for each target row")
    done = original(cursor, tree, context, *how)
    if isinstance(tree, exp.Transaction):
        context.settings[_IN_TRANSACTION] = True
    elif isinstance(tree, exp.Commit | exp.Rollback):
        context.settings.pop(_IN_TRANSACTION, None)
    return done


def _merge(cursor: Any, tree: exp.Merge, context: Any) -> Any:
    tree = tree.copy()
    source = tree.args["using"]
    if isinstance(source, exp.Unnest):
        given = source.args.get("alias")
        name = given.columns[0].name if given and given.columns else "_source"
        tree.set("using", exp.select("*").from_(source.copy()).subquery(name))
    elif isinstance(source, exp.Subquery) and not source.alias:
        tree.set("using", source.this.copy().subquery("_source"))
    columns = [name for name, _ in types.of_table(tree.this, context) or []]
    for when in tree.args["whens"].expressions:
        action = when.args["then"]
        if isinstance(action, exp.Insert) and not isinstance(action.this, exp.Var):
            _insert(action, columns)
        elif isinstance(action, exp.Update):
            for one in action.expressions:
                if _is_default(one.expression):
                    one.set("expression", _default(tree.this, one.this.name, context))
    run = replacing.run if replacing.is_one(tree) else merging.run
    with contextlib.nullcontext() if _IN_TRANSACTION in context.settings else transaction(cursor):
        return run(cursor, tree, context)


def _insert(action: exp.Insert, columns: list[str]) -> None:
    """If an INSERT has no list of columns, add the list. Remove the columns whose value is DEFAULT."""
    named, values = action.this.expressions, action.expression
    if not values and isinstance(named[0], exp.Anonymous):
        # The INSERT has no list of columns. So sqlglot has parsed VALUES (...) as a function call in the place of the
        # list.
        named, values = [exp.column(name, quoted=True) for name in columns], named[0]
    if len(named) != len(values.expressions):
        raise BigQueryError("invalidQuery", "Inserted row has wrong column count")
    pairs = [pair for pair in zip(named, values.expressions, strict=True) if not _is_default(pair[1])]
    action.set("this", exp.Tuple(expressions=[column.copy() for column, _ in pairs]))
    action.set("expression", exp.Tuple(expressions=[value.copy() for _, value in pairs]))
