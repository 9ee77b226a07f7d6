"""Run each file of sql/ on the local BigQuery, with the cases of the YAML files in this folder.

Statements that need computed rows are tested in Python files beside the YAML files.
"""

import ast

import cases
import pytest

from cli import sql
from shared.settings import CANDIDATES


@pytest.mark.parametrize("case", cases.read(), ids=lambda case: f"{case.statement}: {case.name}")
def test_statement(case, warehouse):
    case.check(warehouse)


def test_every_statement_has_a_case_or_is_named_in_a_test_beside_it():
    """The test reads the syntax trees of the test files, and runs no statement."""
    statements = set(sql.names())
    declared = {case.statement for case in cases.read()}
    trees = [ast.parse(path.read_text()) for path in cases.HERE.glob("*/**/test_*.py")]
    named = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    # Add the statements that train candidates, because the fixture `models` runs all of these.
    named |= {f"models/{candidate}" for candidate in CANDIDATES}
    assert sorted(declared - statements) == []
    assert sorted(statements - declared - named) == []
