"""Refuse tables and views whose columns have duplicate names or no names.

Only a query's result that is not written to a table may have such columns. BigQuery then gives the columns other names,
e.g. a and a_1, or f0_.

This module also refuses a procedure whose dataset does not exist. It refuses a table's invalid options before the table
is created.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from local_bigquery.catalog import datasets, names, options, routines
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query
from local_bigquery.models import TableFieldSchema
from local_bigquery.sql.dialect import DuckDBDialect
from local_bigquery.sql.rules import NODE_RULES, STATEMENT_RULES
from local_bigquery.sql.rules import query as rules
from sqlglot import exp

from deskcloud.bigquery.emulator import descriptions, locations, patching
from deskcloud.bigquery.emulator.translation import translate

_MADE = {"TABLE", "VIEW"}


def add() -> None:
    """Check the columns of new tables and views, the options of new tables, and the dataset of a new procedure."""
    reason = "tables can have duplicate or unnamed columns"
    patching.replace(rules, "duplicate_columns", _written_columns, reason, rules=STATEMENT_RULES)
    NODE_RULES.append(_starred_columns)
    patching.wrap(routines, "save", _save, "a procedure is created without an existing dataset")
    patching.wrap(names, "fields", _fields, reason)
    patching.wrap(query, "_run", _run, f"{reason}, and stay when their options are refused")


def duplicates(columns: Iterable[str]) -> list[str]:
    """Return the names that repeat an earlier name. The comparison ignores case."""
    folded = [(name, name.casefold()) for name in columns]
    return [name for number, (name, one) in enumerate(folded) if one in (other for _, other in folded[:number])]


def check_result(columns: Iterable[str]) -> None:
    """Check the columns of a query whose result is written to a table.

    Raises:
        BigQueryError: two columns have the same name.
    """
    if found := duplicates(columns):
        words = "Duplicate column names in the result are not supported when a destination table is present."
        raise _refusal(f"{words} Found duplicate(s): {', '.join(dict.fromkeys(found))}")


def _save(original: Callable[..., Any], project: str, dataset: str, *rest: Any) -> Any:
    """Check that the dataset of a new procedure exists. DuckDB stores no procedures and would report no error."""
    if not datasets.exists(project, dataset):
        raise locations.missing("Dataset", names.label(project, dataset))
    return original(project, dataset, *rest)


def _fields(original: Callable[..., None], schema: Sequence[TableFieldSchema]) -> None:
    """Check a schema that a client declares. `original` calls this function again for nested fields."""
    if found := duplicates(one.name or "" for one in schema):
        raise BigQueryError("invalid", f"Field {found[0]} already exists in schema")
    original(schema)


def _refusal(words: str) -> BigQueryError:
    return BigQueryError("invalidQuery", words)


def _written_columns(tree: exp.Expr, _: Any) -> exp.Expr:
    """Refuse duplicate or unnamed columns in the column list of a CREATE statement, or else in its select list."""
    if not isinstance(tree, exp.Create) or tree.args.get("kind") not in _MADE:
        return tree
    if isinstance(tree.this, exp.Schema):
        listed = [one.name for one in tree.this.expressions if isinstance(one, exp.ColumnDef | exp.Identifier)]
        if found := duplicates(listed):
            is_table = tree.args["kind"] == "TABLE"
            raise _refusal(f"Duplicate column name {found[0]} in CREATE TABLE" if is_table else _twice(tree, found))
    elif select := _select(tree):
        for number, one in enumerate(select.expressions, 1):
            if not _is_named(one):
                raise _refusal(f"{_what(tree)} columns must be named, but column {number} has no name")
        if found := duplicates(one.alias_or_name for one in select.expressions if not one.is_star):
            raise _refusal(_twice(tree, found))
    return tree


def _starred_columns(node: exp.Expr, context: Any) -> exp.Expr:
    """Refuse duplicate columns that come from a star in a CREATE statement. Otherwise DuckDB would rename them."""
    is_made = isinstance(node, exp.Create) and node.args.get("kind") in _MADE and not isinstance(node.this, exp.Schema)
    select = _select(node) if is_made else None
    if select and any(one.is_star for one in select.expressions) and (cursor := getattr(context, "cursor", None)):
        text = node.expression.sql(dialect=DuckDBDialect)
        bound = {name: context.values[name] for name in context.used}
        if found := duplicates(descriptions.of_query(cursor, text, bound).columns):
            raise _refusal(_twice(node, found))
    return node


def _run(original: Callable[..., Any], cursor: Any, tree: exp.Expr, context: Any, *rest: Any) -> Any:
    """Check the options before the table is created. In a dry run, check the columns of the result too."""
    _, config, dry_run, _ = rest
    if isinstance(tree, exp.Create) and tree.args.get("kind") in _MADE:
        options.options(tree.args.get("properties"), options.TABLE_OPTIONS, query._evaluator(cursor))  # noqa: SLF001 - no public name exists
    statistics = original(descriptions.Describing(cursor) if dry_run else cursor, tree, context, *rest)
    if dry_run and config.destinationTable and isinstance(tree, exp.Query):
        text, bound = translate(tree, context)
        check_result(descriptions.of_query(cursor, text, bound).columns)
    return statistics


def _select(create: exp.Expr) -> exp.Select | None:
    """Return the SELECT from which a CREATE statement takes its column names, or None."""
    select = create.args.get("expression")
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    return select if isinstance(select, exp.Select) and not select.args.get("kind") else None


def _is_named(one: exp.Expr) -> bool:
    one = one.unnest()
    return (
        isinstance(one, exp.Alias | exp.Column)
        or one.is_star
        or (isinstance(one, exp.Dot) and isinstance(one.expression, exp.Identifier))
    )


def _what(create: exp.Expr) -> str:
    is_materialized = create.find(exp.MaterializedProperty) or create.args.get("materialized")
    return f"CREATE {'MATERIALIZED ' if is_materialized else ''}{create.args['kind']}"


def _twice(create: exp.Expr, found: list[str]) -> str:
    return f"{_what(create)} has columns with duplicate name {found[0]}"
