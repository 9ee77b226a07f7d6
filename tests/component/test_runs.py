"""The ledger stores what each run has done. Uses the local Cloud Storage."""

import json
import math
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.chain.documents import CHAMPION, CHECKS, EVALUATION, Check, HeldAgainst
from shared.chain.opened_runs import DayState, ExportRun
from shared.chain.runs import Failure, Record, Runs
from shared.chain.versions import Version
from shared.dead_letters import DeadLetters, Letter
from shared.errors import Malformed, Permanent
from shared.events import AudiencePublished, DataRefreshed, FeaturesBuilt, TrainingProgressed
from shared.store import Store

RUN = "20170801-0a1b2c3d"
NOW = datetime(2017, 8, 2, 3, 4, 5, tzinfo=UTC)
DAY = date(2017, 8, 1)
BUILT = FeaturesBuilt(RUN, DAY)


@pytest.fixture
def runs(bucket):
    return Runs(bucket)


def opened(run_id=RUN, at=NOW, reason=""):
    days = {DAY: DayState(9, 1, is_changed=True)}
    return ExportRun(opened_at=at, event=DataRefreshed(run_id, DAY), as_of=DAY, reason=reason, days=days)


def record(step="build_features", event=BUILT, finished_at=NOW):
    return Record(step, event, finished_at - timedelta(seconds=3), finished_at, 1.5)


def failure(step="train_models", *, is_permanent=False):
    return Failure(step, "no such table", is_permanent=is_permanent, failed_at=NOW)


def test_a_run_is_opened_once_and_keeps_what_it_first_read(runs):
    runs.open(opened())
    runs.open(opened(at=NOW + timedelta(hours=1), reason="new prices"))
    assert runs.opened(RUN).run == runs.find(RUN) == opened()
    assert runs.ids() == [RUN]


def test_a_run_that_was_reset_is_another_incarnation(runs):
    runs.open(opened())
    first = runs.opened(RUN).incarnation
    assert runs.opened(RUN).incarnation == first
    runs.remove(RUN)
    runs.open(opened())
    assert runs.opened(RUN).incarnation != first


def test_the_error_about_an_unknown_run_names_it(runs):
    with pytest.raises(Malformed, match=f"there is no run {RUN}"):
        runs.opened(RUN)


def test_a_step_is_recorded_once_and_a_second_record_changes_nothing(runs):
    assert runs.record(RUN, "build_features") is None
    first, second = record(), record(event=FeaturesBuilt(RUN, date(2017, 8, 2)))
    assert runs.finish(RUN, first) == first
    assert runs.finish(RUN, second) == first
    assert runs.record(RUN, "build_features") == first


def test_steps_are_listed_in_the_order_in_which_they_finished(runs):
    train = record("train_models", TrainingProgressed(RUN), NOW + timedelta(seconds=9))
    runs.finish(RUN, train)
    runs.finish(RUN, record())
    assert runs.records(RUN) == [record(), train]


def test_the_last_failure_of_a_step_is_shown_until_it_finishes(runs):
    runs.fail(RUN, failure("build_features"))
    runs.fail(RUN, failure("build_features", is_permanent=True))
    assert runs.failures(RUN) == [failure("build_features", is_permanent=True)]
    runs.finish(RUN, record())
    assert runs.failures(RUN) == []


def test_a_document_that_is_written_again_replaces_the_former_one(runs, bucket):
    assert runs.read(RUN, CHECKS) is None
    runs.write(RUN, CHECKS, {"fail/columns": Check(is_ok=False, found="none")})
    runs.write(RUN, CHECKS, {"fail/columns": Check(is_ok=True, found="all")})
    assert runs.require(RUN, CHECKS) == {"fail/columns": Check(is_ok=True, found="all")}
    assert runs.uri(RUN, "checks.json") == f"gs://{bucket.name}/runs/{RUN}/checks.json"


def test_a_document_that_must_not_change_is_written_once(runs):
    champion = HeldAgainst(version=Version("1", RUN, "logistic"))
    assert runs.keep(RUN, CHAMPION, champion) == champion
    assert runs.keep(RUN, CHAMPION, HeldAgainst(version=None)) == champion


def test_the_error_about_a_missing_document_names_it_and_its_run(runs):
    with pytest.raises(Permanent, match=rf"run {RUN} has no evaluation\.json"):
        runs.require(RUN, EVALUATION)


def test_the_error_about_an_invalid_document_names_it_and_its_field(runs, bucket):
    bucket.blob(f"runs/{RUN}/checks.json").upload_from_string('{"fail/columns": {"found": "all"}}')
    with pytest.raises(Permanent, match=rf"runs/{RUN}/checks\.json cannot be read: .*is_ok"):
        runs.require(RUN, CHECKS)


def test_files_of_a_folder_are_listed_in_order(runs, bucket):
    for name in ("b.csv", "a.csv"):
        bucket.blob(f"runs/{RUN}/audience/{name}").upload_from_string("x")
    bucket.blob(f"runs/{RUN}/audience.json").upload_from_string("{}")
    assert runs.files(RUN, "audience/") == [
        f"gs://{bucket.name}/runs/{RUN}/audience/{name}" for name in ("a.csv", "b.csv")
    ]


def test_a_reset_removes_one_run_and_keeps_the_others(runs):
    other = "20170801-ffffffff"
    runs.open(opened())
    runs.open(opened(other))
    runs.finish(RUN, record())
    runs.remove(RUN)
    runs.remove(RUN)
    assert runs.ids() == [other]
    assert runs.record(RUN, "build_features") is None


def test_a_dead_letter_is_stored_once(bucket):
    letters = DeadLetters(bucket)
    first = Letter(function="train_models", reason="first", received_at=NOW)
    letters.bury("17", first)
    letters.bury("17", Letter(function="train_models", reason="again", received_at=NOW))
    assert letters.all() == {"17": first}
    letters.remove_all()
    assert letters.all() == {}


LATER = NOW + timedelta(minutes=1)


def test_a_run_without_a_record_waits_for_its_first_event(runs):
    runs.open(opened())
    assert runs.stalled_event(RUN, NOW - timedelta(minutes=1)) is None
    assert runs.stalled_event(RUN, LATER) == DataRefreshed(RUN, DAY)


def test_a_run_waits_for_the_event_of_its_last_step(runs):
    runs.open(opened(at=NOW - timedelta(hours=1)))
    runs.finish(RUN, record())
    runs.fail(RUN, failure())
    assert runs.stalled_event(RUN, NOW - timedelta(seconds=1)) is None
    assert runs.stalled_event(RUN, LATER) == BUILT


def test_a_failure_is_stored_without_the_secret_in_a_url(runs):
    runs.fail(RUN, Failure("build_features", "400 POST http://local:a-secret@127.0.0.1/x: no", True, NOW))
    assert [one.reason for one in runs.failures(RUN)] == ["400 POST http://127.0.0.1/x: no"]


def test_a_run_that_ended_or_failed_for_good_waits_for_nothing(runs):
    runs.open(opened())
    runs.finish(RUN, record())
    runs.fail(RUN, failure(is_permanent=True))
    assert runs.stalled_event(RUN, LATER) is None
    ended = "20170801-ffffffff"
    runs.open(opened(ended))
    runs.finish(ended, record("publish_audience", AudiencePublished(ended, DAY, "gs://x", 3)))
    assert runs.stalled_event(ended, LATER) is None


def test_a_run_that_was_reset_while_a_step_wrote_waits_for_nothing(runs, bucket):
    runs.fail(RUN, failure())
    assert runs.ids() == [RUN]
    assert runs.stalled_event(RUN, LATER) is None


def test_documents_can_be_read_by_people(runs, bucket):
    runs.finish(RUN, record())
    blob = bucket.blob(f"runs/{RUN}/steps/build_features.json")
    document = json.loads(blob.download_as_bytes())
    assert document["event"] == {"run_id": RUN, "as_of": "2017-08-01"}
    assert document["bigquery_seconds"] == 1.5


def test_a_document_with_nan_is_valid_json(bucket):
    Store(bucket).write("runs/a/evaluation.json", {"candidates": {"logistic": {"roc_auc": math.nan}}})
    [blob] = bucket.list_blobs()
    assert '"roc_auc": null' in blob.download_as_text()
