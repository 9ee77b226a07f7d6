"""The report and the command line know every kind and every outcome of a run."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from cli.report import COLOURS
from shared.chain.run_state import ENDS, KINDS
from shared.report.sections import run

NOW = datetime(2017, 8, 2, 3, 4, 5, tzinfo=UTC)
OUTCOMES = {"published", "failed", "retrying", "running", *ENDS.values()}


def said_of(kind, outcome):
    of_run = {"topic": "any-topic", "wanted_for": "", "reason": "", "opened_at": NOW}
    of_steps = {"records": [], "failures": [], "seconds": {}}
    found = SimpleNamespace(kind=kind, outcome=outcome, **of_run, **of_steps)
    return run.tell(SimpleNamespace(run=found), {}).words[0]


@pytest.mark.parametrize("kind", ["training", "refresh", *KINDS.values()])
def test_the_report_of_a_run_of_each_kind_says_how_it_was_opened(kind):
    assert said_of(kind, "running").startswith(f"This {kind} run was opened at")


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_the_report_says_how_a_run_with_each_outcome_ended(outcome):
    assert said_of("training", outcome).endswith(".")


def test_the_command_line_shows_each_outcome_in_a_colour():
    assert COLOURS.keys() == OUTCOMES
