"""What `propensity status` prints about the runs and alerts of an environment.

Uses a real ledger, and log lines in the local Cloud Logging.
"""

import json
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from typer.testing import CliRunner

from cli import declarations, logs, main, world
from cli.errors import UsageError
from deskcloud import logs as cloud_logging
from deskcloud.logs.filter import parse
from deskcloud.web import serving
from shared.campaign.log_events import SizesDiffer
from shared.chain.current import PATH, Current
from shared.chain.log_events import (
    ChampionReturned,
    CheckFailed,
    GateRejected,
    HealthFound,
    StepEnded,
    StepFailed,
    StepFailedForGood,
)
from shared.chain.opened_runs import ExportRun, Reading
from shared.chain.runs import Runs
from shared.champion import POINTER, Pointer
from shared.dead_letters import DeadLetter, DeadLetters
from shared.erasure.log_events import ErasureOverdue
from shared.events import DataRefreshed
from shared.log import log
from shared.online.log_events import CheckoutScored, EmbeddedStoodIn
from shared.settings import Settings

RUN = "20170801-0a1b2c3d"
PUBLISHED = ("publish_audience", StepEnded(RUN, "publish_audience", "audience-published", 1.5))
SCORED = ("score_checkout", CheckoutScored({"request_id": "r-1", "scored_by": "embedded"}))
STOOD_IN = ("score_checkout", EmbeddedStoodIn("the endpoint did not answer"))

# Maps each alert on the log to two lists of log lines: lines that raise the alert, and lines that do not.
RAISED = {
    "no_audience": ([], [PUBLISHED]),
    "run_failed": ([("build_features", StepFailedForGood(RUN, "build_features", "no such table"))], []),
    "errors": ([("deploy_model", StepFailed(RUN, "deploy_model", "out of memory"))], []),
    "gate_rejected_twice": (
        [("evaluate_models", GateRejected(RUN, "logistic", ["too few buyers"], 2))],
        [("evaluate_models", GateRejected(RUN, "logistic", ["too few buyers"], 1))],
    ),
    "check_failed": ([("build_features", CheckFailed(RUN, "fail/row_count", "3 sessions"))], []),
    "champion_old": ([("monitor_model", HealthFound(RUN, "champion_age", "act", "50 days old"))], []),
    "drift": (
        [("monitor_model", HealthFound(RUN, "drift", "warn", "drifted: source"))],
        [("monitor_model", HealthFound(RUN, "drift", "fine", "drifted: source; worth has not changed"))],
    ),
    "campaign_mismatch": ([("measure_campaign", SizesDiffer(RUN, "spring", "control", "p = 1e-9"))], []),
    "champion_worse": (
        [("monitor_model", HealthFound(RUN, "performance", "warn", "ROC AUC 0.61"))],
        [("monitor_model", HealthFound(RUN, "performance", "fine", "ROC AUC 0.75"))],
    ),
    "champion_returned": ([("watch_checkouts", ChampionReturned("2", "1", "5 of 45 checkouts got no score"))], []),
    "run_cost": (
        [("monitor_model", HealthFound(RUN, "run_cost", "warn", "3 GiB"))],
        [("monitor_model", HealthFound(RUN, "run_cost", "fine", "1 GiB"))],
    ),
    "erasure_overdue": ([("erase_subject", ErasureOverdue(RUN, "dsar-1", ["meta"], 4))], []),
    "dead_letters": ([("record_dead_letter", DeadLetter("train-models", "given up after 20 deliveries"))], []),
    "fallbacks": ([SCORED] * 20 + [STOOD_IN] * 2, [SCORED] * 20 + [STOOD_IN]),
}


class Shop:
    """A fake environment whose champion was promoted an hour ago."""

    def __init__(self, bucket):
        self.settings = Settings.from_document({"project": "shop-project", "bucket": bucket.name})
        self.bucket = bucket
        self.runs = Runs(bucket)
        self.dead_letters = DeadLetters(bucket)

    def has_run(self):
        day, at = date(2017, 8, 1), datetime.now(UTC) - timedelta(hours=1)
        self.runs.open(ExportRun(opened_at=at, event=DataRefreshed(RUN, day), as_of=day, trains=True))
        pointer = Pointer(version="3", run_id=RUN, candidate="logistic", scorer=None, inputs={}, percentiles=[])
        self.bucket.blob(POINTER).upload_from_string(msgspec.json.encode(pointer))
        claim = Current(RUN, day, "", Reading(day), opened_at=at, held_at=at)
        self.bucket.blob(PATH).upload_from_string(msgspec.json.encode(claim))


@pytest.fixture
def shop(bucket, monkeypatch):
    shop = Shop(bucket)
    monkeypatch.setattr(world, "connected", lambda: shop)
    return shop


@pytest.fixture
def router(tmp_path, monkeypatch):
    router = cloud_logging.Router(tmp_path, [], lambda *_: None)
    with serving.serve(cloud_logging.create_app(router)) as url:
        monkeypatch.setenv(logs.URL, url)
        yield router


@pytest.fixture
def logged(router, capfd):
    """Return a function that logs events as the functions do, and writes the lines to the local Cloud Logging."""

    def write(lines):
        for function, event in lines:
            log(event)
            line = capfd.readouterr().out
            router.write([cloud_logging.entry_from_line(line, function.replace("_", "-"), "shop-project")])

    return write


def status(*words):
    result = CliRunner().invoke(main.app, ["status", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def open_alerts():
    return {one["alert"] for one in json.loads(status("--json"))["alerts"]}


def test_every_alert_on_the_log_has_a_test_case():
    assert RAISED.keys() == {name for name, alert in declarations.watched().alerts.items() if alert.count}


@pytest.mark.parametrize("alert", RAISED)
def test_an_alert_is_raised_by_enough_log_lines_and_not_by_fewer(alert, shop, logged):
    enough, too_few = RAISED[alert]
    if alert != "no_audience":
        logged([PUBLISHED, *too_few])
        assert open_alerts() == set()
    logged(enough)
    assert open_alerts() == {alert}
    if alert == "no_audience":
        logged(too_few)
        assert open_alerts() == set()


def test_the_state_is_shown_on_one_screen(shop, logged):
    shop.has_run()
    logged([PUBLISHED, *RAISED["dead_letters"][0]])
    shown = status()
    assert f"version 3 of run {RUN}, 1 hours old" in shown
    assert "until 2017-08-01" in shown
    assert "docs/runbook.md#dead_letters" in shown
    state = json.loads(status("--json"))
    assert state["champion"] == {"run_id": RUN, "version": "3", "age_seconds": pytest.approx(3600, abs=60)}
    assert (state["data"]["newest_day"], state["newest_run"]["run_id"]) == ("2017-08-01", RUN)


def test_for_an_empty_environment_it_names_what_does_not_exist_yet(shop, logged):
    assert {"champion": None, "newest_run": None, "data": None}.items() <= json.loads(status("--json")).items()
    assert status().count("none yet") == 2


def test_if_the_log_does_not_answer_one_line_says_so(shop, monkeypatch):
    monkeypatch.setenv(logs.URL, "http://127.0.0.1:9")
    result = CliRunner().invoke(main.app, ["status"])
    assert str(result.exception) == "Cloud Logging does not answer: ConnectError"


def test_printed_filters_select_the_log_of_a_run_and_of_a_checkout(logged, router):
    logged([PUBLISHED, SCORED])
    logged([("build_features", StepFailed("20170801-00000000", "build_features", "x"))])

    def selected(*words):
        result = CliRunner().invoke(main.app, ["show", *words, "--filter"])
        assert result.exit_code == 0, result.output
        return [kept.entry["jsonPayload"]["event"] for kept in router.kept(parse(result.stdout))]

    assert selected(RUN) == ["step_ended"]
    assert selected("--request", "r-1") == ["checkout_scored"]
    assert selected("--request", '"') == []
    for words in ([], ["--request", "r-1"], [RUN, "--request", "r-1"]):
        assert isinstance(CliRunner().invoke(main.app, ["show", *words]).exception, UsageError)


def test_every_saved_query_is_a_filter():
    for narrower in declarations.watched().queries.values():
        parse(logs.own(narrower))
