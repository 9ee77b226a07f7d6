"""What each run has done, kept in the local Cloud Storage."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.errors import Malformed
from shared.events import AudiencePublished, DataRefreshed, FeaturesBuilt, TrainingProgressed
from shared.ledger import Failure, Ledger, Record

RUN = "20170801-0a1b2c3d"
NOW = datetime(2017, 8, 2, 3, 4, 5, tzinfo=UTC)
DAY = date(2017, 8, 1)
OPENED = DataRefreshed(RUN, DAY)
BUILT = FeaturesBuilt(RUN, DAY)


@pytest.fixture
def ledger(bucket):
    return Ledger(bucket)


def record(step="build_features", event=BUILT, finished_at=NOW):
    return Record(step, event, finished_at - timedelta(seconds=3), finished_at, 1.5)


def failure(step="train_models", *, is_permanent=False):
    return Failure(step, "no such table", is_permanent=is_permanent, failed_at=NOW)


def test_a_run_is_opened_once_and_keeps_what_it_first_read(ledger):
    ledger.open_run(OPENED, {"as_of": "2017-08-01"}, NOW)
    ledger.open_run(OPENED, {"as_of": "2017-08-02"}, NOW + timedelta(hours=1))
    run = ledger.run(RUN)
    assert (run["as_of"], run["topic"], run["event"]) == ("2017-08-01", "data-refreshed", OPENED.to_json())
    assert datetime.fromisoformat(run["opened_at"]) == NOW
    assert ledger.runs() == [RUN]


def test_a_run_that_was_reset_is_another_incarnation(ledger):
    ledger.open_run(OPENED, {}, NOW)
    first = ledger.run(RUN)["incarnation"]
    assert ledger.run(RUN)["incarnation"] == first
    ledger.remove(RUN)
    ledger.open_run(OPENED, {}, NOW)
    assert ledger.run(RUN)["incarnation"] != first


def test_a_run_that_nobody_opened_is_named(ledger):
    with pytest.raises(Malformed, match=f"there is no run {RUN}"):
        ledger.run(RUN)


def test_a_step_is_recorded_once_and_the_first_record_stands(ledger):
    assert ledger.record(RUN, "build_features") is None
    first, second = record(), record(event=FeaturesBuilt(RUN, date(2017, 8, 2)))
    assert ledger.finish(RUN, first) == first
    assert ledger.finish(RUN, second) == first
    assert ledger.record(RUN, "build_features") == first


def test_steps_are_told_in_the_order_in_which_they_finished(ledger):
    train = record("train_models", TrainingProgressed(RUN), NOW + timedelta(seconds=9))
    ledger.finish(RUN, train)
    ledger.finish(RUN, record())
    assert ledger.records(RUN) == [record(), train]


def test_the_last_failure_of_a_step_is_told_until_it_finishes(ledger):
    ledger.fail(RUN, failure("build_features"))
    ledger.fail(RUN, failure("build_features", is_permanent=True))
    assert ledger.failures(RUN) == [failure("build_features", is_permanent=True)]
    ledger.finish(RUN, record())
    assert ledger.failures(RUN) == []


def test_what_a_step_found_out_is_replaced(ledger, bucket):
    assert ledger.read(RUN, "checks") is None
    ledger.write(RUN, "checks", {"day": DAY})
    ledger.write(RUN, "checks", {"day": DAY + timedelta(days=1)})
    assert ledger.read(RUN, "checks") == {"day": "2017-08-02"}
    assert ledger.uri(RUN, "checks.json") == f"gs://{bucket.name}/runs/{RUN}/checks.json"


def test_files_of_a_folder_are_listed_in_order(ledger, bucket):
    for name in ("b.csv", "a.csv"):
        bucket.blob(f"runs/{RUN}/audience/{name}").upload_from_string("x")
    bucket.blob(f"runs/{RUN}/audience.json").upload_from_string("{}")
    assert ledger.files(RUN, "audience/") == [
        f"gs://{bucket.name}/runs/{RUN}/audience/{name}" for name in ("a.csv", "b.csv")
    ]


def test_a_reset_forgets_one_run_and_keeps_the_others(ledger):
    other = "20170801-ffffffff"
    ledger.open_run(OPENED, {}, NOW)
    ledger.open_run(DataRefreshed(other, DAY), {}, NOW)
    ledger.finish(RUN, record())
    ledger.remove(RUN)
    ledger.remove(RUN)
    assert ledger.runs() == [other]
    assert ledger.record(RUN, "build_features") is None


def test_a_dead_letter_is_kept_once(ledger):
    ledger.bury("17", {"reason": "first"})
    ledger.bury("17", {"reason": "again"})
    assert ledger.dead_letters() == {"17": {"reason": "first"}}
    ledger.remove_dead_letters()
    assert ledger.dead_letters() == {}


LATER = NOW + timedelta(minutes=1)


def test_a_run_without_a_record_waits_for_its_first_event(ledger):
    ledger.open_run(OPENED, {}, NOW)
    assert ledger.standing_event(RUN, NOW - timedelta(minutes=1)) is None
    assert ledger.standing_event(RUN, LATER) == OPENED


def test_a_run_waits_for_the_event_of_its_last_step(ledger):
    ledger.open_run(OPENED, {}, NOW - timedelta(hours=1))
    ledger.finish(RUN, record())
    ledger.fail(RUN, failure())
    assert ledger.standing_event(RUN, NOW - timedelta(seconds=1)) is None
    assert ledger.standing_event(RUN, LATER) == BUILT


def test_a_failure_is_kept_without_the_secret_of_a_url(ledger):
    ledger.fail(RUN, Failure("build_features", "400 POST http://local:a-secret@127.0.0.1/x: no", True, NOW))
    assert [one.reason for one in ledger.failures(RUN)] == ["400 POST http://127.0.0.1/x: no"]


def test_a_run_that_ended_or_failed_for_good_waits_for_nothing(ledger):
    ledger.open_run(OPENED, {}, NOW)
    ledger.finish(RUN, record())
    ledger.fail(RUN, failure(is_permanent=True))
    assert ledger.standing_event(RUN, LATER) is None
    ended = "20170801-ffffffff"
    ledger.open_run(DataRefreshed(ended, DAY), {}, NOW)
    ledger.finish(ended, record("publish_audience", AudiencePublished(ended, DAY, "gs://x", 3)))
    assert ledger.standing_event(ended, LATER) is None


def test_a_run_that_was_reset_while_a_step_wrote_waits_for_nothing(ledger, bucket):
    ledger.fail(RUN, failure())
    assert ledger.runs() == [RUN]
    assert ledger.standing_event(RUN, LATER) is None


def test_documents_can_be_read_by_people(ledger, bucket):
    ledger.finish(RUN, record())
    blob = bucket.blob(f"runs/{RUN}/steps/build_features.json")
    document = json.loads(blob.download_as_bytes())
    assert document["event"] == {"run_id": RUN, "as_of": "2017-08-01"}
    assert document["bigquery_seconds"] == 1.5
