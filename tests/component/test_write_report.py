"""The reports of runs that failed or were rejected in an early step. Uses the local Cloud Storage and Pub/Sub."""

from datetime import UTC, date, datetime, timedelta

import pytest

from fixtures.handling import RUN
from fixtures.pubsub import pushed
from functions.write_report import write_report
from shared.chain.documents import CHECKS, Check
from shared.chain.opened_runs import ExportRun
from shared.chain.runs import Failure, Record
from shared.events import DataRefreshed, FeaturesBuilt, RunFailed, RunSuperseded

NOW = datetime(2017, 8, 2, 3, 4, 5, tzinfo=UTC)
FAILED = "20170801-1a1b2c3d"
FOUND = 'table <b>"x"</b> lacks the column hits'


def take(event):
    return write_report(pushed(event.to_json(), event.topic, "17"))


def page(world, run_id):
    return world.runs.content(run_id, "report.html").decode()


@pytest.fixture
def failed(world):
    """Return a run that has failed, because its data did not pass a check."""
    event = DataRefreshed(FAILED, date(2017, 8, 1), "new prices")
    world.runs.open(ExportRun(opened_at=NOW, event=event, as_of=event.as_of, reason=event.reason, trains=True))
    world.runs.write(FAILED, CHECKS, {"fail/columns": Check(is_ok=False, found=FOUND)})
    world.runs.fail(FAILED, Failure("build_features", FOUND, is_permanent=True, failed_at=NOW))
    return world


def test_a_failed_runs_report_shows_its_existing_documents(failed):
    take(RunFailed(FAILED, "build_features"))
    found = page(failed, FAILED)
    assert f"<h1>Run {FAILED}: failed</h1>" in found
    assert "0 of 1 checks of the data are satisfied." in found
    assert "build_features: failed" in found
    assert "train_models: not reached" in found
    assert "Reason: new prices." in found


def test_texts_from_outside_are_escaped_in_the_page(failed):
    take(RunFailed(FAILED, "build_features"))
    assert "<b>" not in page(failed, FAILED)
    assert "table &lt;b&gt;" in page(failed, FAILED)


def test_a_second_delivery_writes_nothing(failed):
    take(RunFailed(FAILED, "build_features"))
    before = [blob.generation for blob in failed.bucket.list_blobs(prefix=f"runs/{FAILED}/report")]
    take(RunFailed(FAILED, "build_features"))
    assert [blob.generation for blob in failed.bucket.list_blobs(prefix=f"runs/{FAILED}/report")] == before


def test_a_second_delivery_keeps_what_the_first_has_found_even_if_rows_or_documents_have_changed_since(failed):
    take(RunFailed(FAILED, "build_features"))
    before = page(failed, FAILED)
    failed.runs.write(FAILED, CHECKS, {"fail/columns": Check(is_ok=True, found="no fault")})
    take(RunFailed(FAILED, "build_features"))
    assert page(failed, FAILED) == before


def test_a_run_that_continues_after_a_failure_gets_a_new_report(failed):
    take(RunFailed(FAILED, "build_features"))
    built = Record("build_features", FeaturesBuilt(FAILED, date(2017, 8, 1)), NOW, NOW + timedelta(seconds=5), 1.5)
    failed.runs.finish(FAILED, built)
    ended = RunSuperseded(FAILED, "20170802-1a1b2c3d")
    failed.runs.finish(
        FAILED, Record("score_visitors", ended, NOW + timedelta(seconds=9), NOW + timedelta(seconds=9), 0)
    )
    take(ended)
    found = page(failed, FAILED)
    assert f"<h1>Run {FAILED}: superseded</h1>" in found
    assert "run 20170802-1a1b2c3d reads newer data" in found
    assert "build_features: 5.0 s" in found


def test_an_event_of_a_run_that_was_reset_is_a_dead_letter(world, broker):
    world.runs.remove(RUN)
    take(RunFailed(RUN, "score_visitors"))
    [letter] = broker.published("dead-letters")
    assert letter.attributes["rejected_by"] == "write_report"
    assert letter.attributes["rejected_for"].startswith(f"there is no run {RUN}")
