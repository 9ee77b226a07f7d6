"""Allow only BigQuery's statements, functions and tables. Refuse everything else that DuckDB understands.

All rules list what BigQuery has, so new features of DuckDB are refused too. There are lists of kinds of statements, of
functions (googlesql_functions.txt and the user's functions) and of items in FROM. Table names may contain only
characters that cannot form a path.

The module `duckdb_lock.py` is a second barrier, inside DuckDB.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local_bigquery.catalog import names, routines, row_access
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError, position
from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.rules import STATEMENT_RULES
from local_bigquery.sql.translate import Context, parse
from sqlglot import exp
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]  # it is re-exported

from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.duckdb_lock import scratch
from deskcloud.bigquery.emulator.place import ROWS

FUNCTIONS = frozenset(
    word
    for line in Path(__file__).with_name("googlesql_functions.txt").read_text().splitlines()
    if not line.startswith("#")
    for word in line.split()
)
# These built-in table functions are supported. Source:
# https://cloud.google.com/bigquery/docs/reference/standard-sql/table-functions-built-in
_TABLE_FUNCTIONS = frozenset({"APPENDS", "CHANGES", "GAP_FILL", "RANGE_SESSIONIZE", "VECTOR_SEARCH"})
_STATEMENTS = (
    *(exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable),
    *(exp.Transaction, exp.Commit, exp.Rollback),
)
_WITH_A_KIND = frozenset({"CREATE", "DROP", "ALTER", "LOAD", "EXPORT", "IMPORT"})
_DEFINED = frozenset({"TABLE", "VIEW", "SCHEMA", "FUNCTION", "MODEL"})
# Rewritten statements use this path for the schema of the emulator's functions.
_OWN = ["bq", "main"]
_ROWS_NAME = re.compile(r"[0-9a-f]{32}")
# Keys in the metadata of a node. _CALLS holds the function names that the client wrote. _READ marks a table function
# that reads a file of the gateway.
_CALLS, _READ = "calls", "read"
_TEMPORARY = "SELECT 1 FROM duckdb_functions() WHERE database_name = 'temp' AND lower(function_name) = lower($1)"

type _Path = list[str]


def add() -> None:
    """Check each statement before all other rules, because other rules insert calls of the emulator's own functions."""
    reason = "SQL can reach files, addresses and extensions"
    patching.change(BigQueryDialect.Parser, "_parse_function_call", _noted, reason)
    STATEMENT_RULES.insert(0, check)
    dataset_id = re.compile(r"[A-Za-z0-9_]{1,1024}\Z")
    patching.replace(names, "DATASET_ID", dataset_id, "its pattern accepts a line end after the name")
    patching.change(row_access, "save", _checked_policy, reason)


def check(tree: exp.Expr, context: Any) -> exp.Expr:
    """Check a statement.

    Raises:
        BigQueryError: the kind of statement or a function is unknown, or the name of a table is refused.
    """
    _check_kind(tree)
    for node in tree.walk():
        if isinstance(node, exp.Table):
            _check_table(node, context)
        elif not isinstance(node.parent, exp.Table):
            for path, place in _calls(node):
                if not _is_known(path, context):
                    raise BigQueryError("invalidQuery", f"Function not found: {'.'.join(path)} at [{place}]")
    return tree


def _checked_policy(save: Callable[..., Any]) -> Callable[..., Any]:
    """Check the filter of a row access policy when the policy is created.

    The filter is added to a statement after the statement was checked, so `check` does not see the filter there.
    """

    def saved(project: str, dataset: str, table: str, body: Any, *arguments: Any, **named: Any) -> Any:
        if body.filterPredicate:
            check(parse(f"SELECT 1 WHERE {body.filterPredicate}")[0], Context(project, dataset))
        return save(project, dataset, table, body, *arguments, **named)

    return saved


def _noted(parse: Callable[..., exp.Expr | None]) -> Callable[..., exp.Expr | None]:
    """Store in each call the function's name as the client wrote it. sqlglot replaces the names that it knows."""

    def parsed(self: Any, *arguments: Any, **named: Any) -> exp.Expr | None:
        token, following, index = self._curr, self._next, self._index
        call = parse(self, *arguments, **named)
        if call is not None and token and following and following.token_type == TokenType.L_PAREN:
            call.meta.setdefault(_CALLS, []).append((_path(self._tokens, index), position(token)))
        return call

    return parsed


def _path(tokens: list[Any], index: int) -> _Path:
    """Return the parts of the name that ends with the token at `index`.

    The client may write the name as a.b.f, `a.b`.f or a-b.c.f.
    """
    path: _Path = tokens[index].text.split(".")
    while index >= 2 and tokens[index - 1].token_type == TokenType.DOT and _is_name(tokens[index - 2]):
        index -= 2
        part = tokens[index].text
        while index >= 2 and tokens[index - 1].token_type == TokenType.DASH and _is_name(tokens[index - 2]):
            index -= 2
            part = f"{tokens[index].text}-{part}"
        path = [*part.split("."), *path]
    return path


def _is_name(token: Any) -> bool:
    return token.token_type == TokenType.IDENTIFIER or bool(re.fullmatch(r"\w+", token.text))


def _calls(node: exp.Expr) -> Iterator[tuple[_Path, str]]:
    """Yield the names of the functions that a node calls, as the client wrote them, with their positions.

    `_noted` has stored these names in the node. If it has stored none, yield the node's own name, if it is a call of an
    unknown function.
    """
    noted = node.meta.get(_CALLS, ())
    yield from noted
    if isinstance(node, exp.Anonymous) and not noted:
        yield node.name.split("."), position(node)


def _is_known(path: _Path, context: Any) -> bool:
    if path[0].upper() == "SAFE" and len(path) > 1:
        path = path[1:]
    if ".".join(path).upper() in FUNCTIONS or path[:2] == _OWN:
        return True
    if len(path) == 1:
        [name] = path
        return (
            name.casefold() in context.functions
            or (context.dataset_id is not None and _is_routine([context.project_id, context.dataset_id, name]))
            or _is_temporary(name, context)
        )
    return _is_routine([context.project_id, *path][-3:] if len(path) == 2 else path)


def _is_temporary(name: str, context: Any) -> bool:
    """Return whether the function exists only on this connection. Views cannot use such temporary functions."""
    cursor = getattr(context, "cursor", None)
    return cursor is not None and bool(cursor.execute(_TEMPORARY, [name]).fetchone())


def _is_routine(path: _Path) -> bool:
    return len(path) == 3 and routines.load(*path) is not None


def _check_kind(tree: exp.Expr) -> None:
    if isinstance(tree, exp.Create) and tree.find(exp.ExternalProperty):
        raise BigQueryError(
            "invalidQuery", "CREATE EXTERNAL TABLE is not supported by the local BigQuery: load the rows"
        )
    defines = isinstance(tree, exp.Create | exp.Drop | exp.Alter)
    if isinstance(tree, _STATEMENTS) or (defines and (tree.args.get("kind") or "").upper() in _DEFINED):
        return
    words = tree.sql(dialect=BigQueryDialect).split()
    kind = " ".join(words[: 2 if words[0].upper() in _WITH_A_KIND else 1])
    raise BigQueryError("invalidQuery", f'Syntax error: Unexpected "{kind}": not a statement of the local BigQuery')


def _check_table(table: exp.Table, context: Any) -> None:
    if table.this is None or table.meta.get(_READ):
        # There is nothing to check: this is the name of a schema, or a table function that reads a file of the gateway.
        return
    if isinstance(table.this, exp.Identifier):
        _check_name(table, context)
        return
    if isinstance(table.this, exp.Dot):
        raise BigQueryError("invalidQuery", f"Invalid table name: {table.sql(dialect=BigQueryDialect)}")
    for path, place in _calls(table.this):
        name = ".".join(path).upper()
        if name == ROWS:
            _read_rows(table)
        elif name == "EXTERNAL_QUERY":
            raise BigQueryError("invalidQuery", "EXTERNAL_QUERY is not supported by the local BigQuery")
        elif name not in _TABLE_FUNCTIONS and not (len(path) > 1 and _is_known(path, context)):
            raise BigQueryError("invalidQuery", f"Table-valued function not found: {'.'.join(path)} at [{place}]")


def _check_name(table: exp.Table, context: Any) -> None:
    # Remove the characters of wildcards and decorators, and the prefix INFORMATION_SCHEMA. Other rules check such
    # names.
    name = re.sub(r"(?i)^INFORMATION_SCHEMA\.|[*@$]", "", table.name)
    for part in (name or "_", *(re.sub(r"[.:]", "", one) for one in (table.db, table.catalog) if one)):
        names.table(part)
    if table.catalog and table.catalog not in database._attached:  # noqa: SLF001 - no public name exists
        raise BigQueryError(
            "accessDenied",
            f"Access Denied: Table {table.catalog}:{table.db}.{name}: User does not have permission to query table "
            f"{table.catalog}:{table.db}.{name}, or perhaps it does not exist.",
        )
    is_read = isinstance(table.parent, exp.From | exp.Join)
    if is_read and not table.db and context.dataset_id is None and table.name.casefold() not in _seen(table, context):
        raise BigQueryError("invalid", f'Table "{table.name}" must be qualified with a dataset (e.g. dataset.table).')


def _seen(table: exp.Table, context: Any) -> set[str]:
    """Return the names of WITH queries and temporary tables. A statement may read them without a dataset."""
    defined = {one.alias_or_name.casefold() for one in table.root().find_all(exp.CTE)}
    temporary: set[str] = context.temporary
    return defined | temporary


def _read_rows(table: exp.Table) -> None:
    [name] = [one.name for one in table.this.expressions]
    file = scratch() / f"{name}.parquet"
    if not _ROWS_NAME.fullmatch(name) or not file.exists():
        raise BigQueryError("invalidQuery", f"Table-valued function not found: {ROWS}")
    table.meta[_READ] = True
    table.set("this", exp.Anonymous(this="read_parquet", expressions=[exp.Literal.string(str(file))]))
