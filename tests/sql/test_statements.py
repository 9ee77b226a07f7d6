"""Each file of sql/ on the local BigQuery: cases in YAML beside this file, and Python where rows are computed."""

import cases
import pytest

from cli import sql


@pytest.mark.parametrize("case", cases.read(), ids=lambda case: f"{case.statement}: {case.name}")
def test_statement(case, warehouse):
    case.check(warehouse)


def test_every_statement_has_a_case_or_is_named_in_a_test_beside_it():
    statements = set(sql.names())
    declared = {case.statement for case in cases.read()}
    tests = "".join(path.read_text() for path in cases.HERE.glob("*/**/test_*.py"))
    assert sorted(declared - statements) == []
    assert [one for one in sorted(statements - declared) if f'"{one}"' not in tests] == []
