"""The report's section about the run itself."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from shared.chain.run_state import ENDS, KINDS
from shared.report.sections import run

NOW = datetime(2017, 8, 2, 3, 4, 5, tzinfo=UTC)


def said_of(kind, outcome):
    of_run = {"topic": "any-topic", "wanted_for": "", "reason": "", "opened_at": NOW}
    of_steps = {"records": [], "failures": [], "seconds": {}}
    found = SimpleNamespace(kind=kind, outcome=outcome, **of_run, **of_steps)
    return run.tell(SimpleNamespace(run=found), {}).words[0]


@pytest.mark.parametrize("kind", ["training", "refresh", *KINDS.values()])
def test_a_run_of_each_kind_has_the_section(kind):
    assert said_of(kind, "running").startswith(f"This {kind} run was opened at")


@pytest.mark.parametrize("outcome", ["published", "failed", "retrying", "running", *ENDS.values()])
def test_the_section_says_how_a_run_with_each_outcome_ended(outcome):
    assert said_of("training", outcome).endswith(".")
