"""Every statement that deployed code sends to BigQuery is a file of sql/.

The tests work like lint rules: they read the syntax trees of the code.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from shared.warehouse import SQL

ROOT = Path(__file__).parents[2]
FILES = [path for folder in ("shared", "functions", "cli") for path in sorted((ROOT / folder).rglob("*.py"))]
STATEMENTS = {str(path.relative_to(SQL).with_suffix("")) for path in SQL.rglob("*.sql")}
# The functions that take the name of a statement. Only shared/warehouse.py reads the text of a statement.
TAKES_A_NAME = {"query", "submit", "Statement"}
SENDS = {"query_and_wait", "QueryJobConfig"}
WAREHOUSE = Path("shared/warehouse.py")
SQL_TEXT = re.compile(
    r"\s*(--[^\n]*\n\s*)*((select|with)\s.*\sfrom\s|(merge|insert)\s+into\s+[`\w]|delete\s+from\s|update\s+\S+\s+set\s|"
    r"create\s+(or\s+replace\s+)?(temp\s+)?(table|view|model|function)\s|export\s+(data|model)\s|truncate\s+table\s|"
    r"(drop|alter)\s+(table|view|model)\s)",
    re.IGNORECASE | re.DOTALL,
)


@cache
def parsed():
    return [(path.relative_to(ROOT), ast.parse(path.read_text())) for path in FILES]


def docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def looks_like_sql(node):
    """Return whether a string literal begins like an SQL statement.

    For an f-string, an "x" is put in place of each value.
    """
    if isinstance(node, ast.JoinedStr):
        return SQL_TEXT.match("".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values))
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_TEXT.match(node.value)


def sql_in(tree):
    told = {id(node) for node in docstrings(tree)}
    return [ast.unparse(node) for node in ast.walk(tree) if id(node) not in told and looks_like_sql(node)]


def test_the_code_contains_no_sql():
    assert {str(path): found for path, tree in parsed() if (found := sql_in(tree))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "client.query('select 1 from t')",
        "x = f'delete from {table} where true'",
        "x = '''-- a reason\nmerge into t using u'''",
    ],
)
def test_the_check_would_find_sql_in_the_code(code):
    assert sql_in(ast.parse(code))


def test_only_the_warehouse_calls_bigquerys_query_api():
    speaks = {
        path
        for path, tree in parsed()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in SENDS
    }
    assert speaks == {WAREHOUSE}


def test_each_statement_that_the_code_names_is_a_file():
    named = {}
    for path, tree in parsed():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and _called(node) in TAKES_A_NAME:
                named.setdefault(ast.unparse(node.args[0]), []).append((path, node.args[0]))
    patterns = {text: pattern for text, [(_, node), *_] in named.items() if (pattern := _pattern(node))}
    missing = [text for text, pattern in patterns.items() if not any(map(pattern.fullmatch, STATEMENTS))]
    assert missing == []
    assert len(patterns) > 25


def _called(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _pattern(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.compile(re.escape(node.value))
    if isinstance(node, ast.JoinedStr):
        parts = (re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in node.values)
        return re.compile("".join(parts))
    return None
