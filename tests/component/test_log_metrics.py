"""Which log metrics of functions/alerts.yaml count a line that shared/handler.py logs."""

import pytest

from deskcloud.logs.wire import entry_from_line
from fixtures import alerts
from fixtures.handling import APPROVED, DEPLOYED
from fixtures.pubsub import delivered, pushed
from functions import record_dead_letter
from shared import dead_letters
from shared.chain.steps import Step
from shared.errors import NotReady, Permanent
from shared.handler import handle

pytestmark = pytest.mark.usefixtures("world")


def counted(lines: str, function: str) -> list[set[str]]:
    """Return for each printed line the names of the log metrics that count this line."""
    return alerts.counted_by([alerts.entry_of(line, function) for line in lines.splitlines()])


def run_step(outcome):
    """Handle a message as deploy_model does, but with a step that returns or raises the given outcome."""

    def step(*_):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    handle(delivered(APPROVED.to_json()), Step("deploy_model", step))


def test_a_finished_step_logs_its_seconds_and_counts_as_no_error(capfd):
    run_step(DEPLOYED)
    lines = capfd.readouterr().out
    assert counted(lines, "deploy_model") == [set(), set()]
    ended = entry_from_line(lines.splitlines()[1], "deploy-model")["jsonPayload"]
    assert (ended["step"], type(ended["seconds"])) == ("deploy_model", float)


def test_a_step_that_fails_counts_as_a_failed_run_or_as_an_error_that_is_retried(capfd):
    run_step(Permanent("no such model"))
    assert counted(capfd.readouterr().out, "deploy_model") == [set(), {"failed_runs"}]
    with pytest.raises(ValueError, match="out of memory"):
        run_step(ValueError("out of memory"))
    assert counted(capfd.readouterr().out, "deploy_model") == [set(), {"errors"}]


def test_a_step_that_waits_counts_as_no_error(capfd):
    with pytest.raises(NotReady):
        run_step(NotReady("the deployment goes on"))
    assert counted(capfd.readouterr().out, "deploy_model") == [set(), set()]


def test_a_dead_letter_counts_only_as_a_dead_letter(capfd):
    letter = pushed(b"", "dead-letters", attributes={dead_letters.REJECTED_FOR: "no JSON"})
    assert record_dead_letter.record_dead_letter(letter) == ("", 204)
    assert counted(capfd.readouterr().out, "record_dead_letter") == [{"dead_letters"}]


def test_log_lines_of_other_services_do_not_count(capfd):
    run_step(DEPLOYED)
    assert counted(capfd.readouterr().out, "shop_frontend") == [set(), set()]
