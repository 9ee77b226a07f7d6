"""When a refresh opens a run, and when the refresh must wait, because only one run at a time reads the export.

Uses the local Cloud Storage.
"""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from fixtures.pubsub import delivered
from shared import champion
from shared.chain import current
from shared.chain.environment import Environment
from shared.chain.opened_runs import DayState
from shared.chain.refreshes import Refresh
from shared.chain.runs import Failure, Record
from shared.events import AudiencePublished, FeaturesBuilt, RunSuperseded
from shared.settings import Settings

NOW = datetime(2017, 8, 2, 3, tzinfo=UTC)
DAY = date(2017, 8, 1)


class World(Environment):
    """The clients that functions use, with a fake export. The test chooses the export's day-tables."""

    def __init__(self, bucket):
        super().__init__(Settings.from_document({"project": "shop-project", "bucket": bucket.name}))
        self.__dict__["storage"] = bucket.client
        self.rows = []
        self.numbers = itertools.count(1)

    def query(self, name, parameters=None, **identifiers):
        assert name == "source/day_tables"
        return [dict(row) for row in self.rows]

    def load(self, day=DAY, modified=1):
        self.rows = [row for row in self.rows if row["day"] != day]
        self.rows.append({"day": day, "row_count": 9, "last_modified": modified, "is_changed": True})

    def refresh(self, reason="", hours=0.0, message_id=None):
        """Announce a refresh `hours` after NOW, with a new message or with the id of an earlier message."""
        message = delivered({}, "data-refreshed", message_id or f"m{next(self.numbers)}", published_at=NOW)
        return current.join(Refresh(reason=reason), message, self, NOW + timedelta(hours=hours))

    def end(self, event, hours=0.0):
        """Record that the run of this event has finished its last step, and that a champion exists."""
        at = NOW + timedelta(hours=hours)
        last = AudiencePublished(event.run_id, event.as_of, "gs://shop/manifest.json", 7)
        self.runs.finish(event.run_id, Record("publish_audience", last, at, at, 0.0))
        self.storage.bucket(self.settings.bucket).blob(champion.POINTER).upload_from_string("{}")

    def fail(self, event):
        self.runs.fail(event.run_id, Failure("train_models", "no quota", is_permanent=True, failed_at=NOW))

    def supersede(self, event, by):
        superseded = RunSuperseded(event.run_id, by.run_id)
        self.runs.finish(event.run_id, Record("train_models", superseded, NOW, NOW, 0.0))

    def reset(self, event):
        current.forget(event.run_id, self)
        self.runs.remove(event.run_id)

    def trains(self, event):
        return self.runs.opened(event.run_id).run.trains


@pytest.fixture
def world(bucket):
    world = World(bucket)
    world.load()
    return world


def test_newer_data_wait_while_a_run_is_open_and_one_following_run_reads_them_all(world):
    first = world.refresh()
    world.load(modified=2)
    world.load(DAY + timedelta(days=1))
    assert world.refresh() == world.refresh() == first
    assert world.runs.ids() == [first.run_id]
    world.end(first)
    second = world.refresh()
    assert second.run_id != first.run_id
    assert second.as_of == DAY + timedelta(days=1)
    assert len(world.runs.opened(second.run_id).run.days) == 2


def test_unchanged_data_open_no_second_run(world):
    first = world.refresh("new campaign")
    world.end(first)
    assert world.refresh() is None
    assert world.runs.ids() == [first.run_id]


def test_a_reason_given_while_a_run_is_open_is_kept_for_the_next_run(world):
    first = world.refresh("new campaign")
    for reason in ("new prices", "new campaign", "new prices", "new shop"):
        assert world.refresh(reason) == first
    world.end(first)
    second = world.refresh()
    assert second.reason == "new prices; new shop"
    world.end(second)
    assert world.refresh() is None


def test_of_many_refreshes_at_once_one_opens_a_run_and_the_others_join_it(world):
    barrier = threading.Barrier(8)

    def refresh(number):
        mine = World(world.storage.bucket(world.settings.bucket))
        mine.load(modified=number)
        barrier.wait()
        return mine.refresh()

    with ThreadPoolExecutor(8) as pool:
        events = set(pool.map(refresh, range(8)))
    assert [event.run_id for event in events] == world.runs.ids()


def test_if_a_process_dies_while_it_opens_a_run_the_next_refresh_opens_the_run(world, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(world.runs, "open", lambda *_: (_ for _ in ()).throw(ConnectionError))
        with pytest.raises(ConnectionError):
            world.refresh()
    assert world.runs.ids() == []
    world.load(modified=2)
    event = world.refresh()
    assert world.runs.ids() == [event.run_id]
    # The run reads the export's state that the first refresh has claimed, and not the newer state.
    assert world.runs.opened(event.run_id).run.days == {DAY: DayState(9, 1, is_changed=True)}


def test_a_run_that_has_failed_for_good_is_not_open(world):
    first = world.refresh()
    world.fail(first)
    world.load(modified=2)
    assert world.refresh().run_id != first.run_id


def test_a_run_without_progress_for_hours_is_not_open_and_is_superseded_if_it_continues(world):
    first = world.refresh()
    world.load(modified=2)
    assert world.refresh(hours=5.9) == first
    second = world.refresh(hours=6)
    assert second.run_id != first.run_id
    assert current.hold(first.run_id, world, NOW + timedelta(hours=6)) == second.run_id
    assert current.hold(second.run_id, world, NOW + timedelta(hours=6)) is None


def test_a_run_that_continues_late_keeps_newer_data_waiting(world):
    first = world.refresh()
    world.load(modified=2)
    assert current.hold(first.run_id, world, NOW + timedelta(hours=7)) is None
    assert world.refresh(hours=8) == first


def test_a_run_whose_last_step_ended_recently_keeps_newer_data_waiting(world):
    first = world.refresh()
    world.load(modified=2)
    at = NOW + timedelta(hours=5)
    world.runs.finish(first.run_id, Record("build_features", FeaturesBuilt(first.run_id, DAY), at, at, 0.0))
    assert world.refresh(hours=10) == first


def test_a_superseded_run_has_ended(world):
    first = world.refresh()
    world.supersede(first, first)
    world.load(modified=2)
    assert world.refresh().run_id != first.run_id


@pytest.mark.parametrize("end", [World.fail, World.reset])
def test_data_that_neither_a_superseded_run_nor_its_successor_has_read_are_read_by_another_run(world, end):
    first = world.refresh()
    second = world.refresh("new prices", hours=7)
    world.supersede(first, second)
    end(world, second)
    third = world.refresh(hours=8)
    assert third.run_id not in {first.run_id, second.run_id}
    assert world.refresh(hours=8) == third
    world.end(third, hours=9)
    assert world.refresh(hours=10) == third


def test_data_of_a_superseded_run_that_its_successor_has_read_are_not_read_again(world):
    first = world.refresh()
    second = world.refresh("new prices", hours=7)
    world.supersede(first, second)
    world.end(second, hours=8)
    assert world.refresh(hours=9) is None


def test_a_repeated_reason_that_a_run_has_combined_with_others_opens_no_run(world):
    first = world.refresh()
    world.refresh("new prices")
    world.refresh("new shop")
    world.end(first)
    world.end(world.refresh())
    assert world.refresh("new prices") is None


@pytest.mark.parametrize(("hours", "reason", "trains"), [(19.9, "", False), (20, "", True), (1, "new prices", True)])
def test_a_refresh_soon_after_a_training_trains_only_for_a_reason(world, hours, reason, trains):
    first = world.refresh()
    assert world.trains(first)
    world.end(first)
    world.load(modified=2)
    assert world.trains(world.refresh(reason, hours)) == trains


def test_refreshes_without_a_training_do_not_delay_the_next_training(world):
    world.end(world.refresh())
    for number, hours in enumerate((7, 14), 2):
        world.load(modified=number)
        event = world.refresh(hours=hours)
        assert not world.trains(event)
        world.end(event, hours)
    world.load(modified=4)
    assert world.trains(world.refresh(hours=21))


def test_after_a_failed_or_superseded_training_the_next_refresh_trains_at_once(world):
    world.end(world.refresh("a champion"))
    failed = world.refresh("new prices")
    world.fail(failed)
    world.load(modified=2)
    superseded = world.refresh(hours=1)
    assert world.trains(superseded)
    world.load(modified=3)
    following = world.refresh(hours=8)
    assert world.trains(following)


def test_the_reason_of_a_stalled_run_passes_to_the_run_that_supersedes_it(world):
    world.end(world.refresh())
    world.refresh("new campaign", hours=1)
    world.load(modified=2)
    following = world.refresh(hours=8)
    assert following.reason == "new campaign"
    assert world.trains(following)


def test_a_repeated_reason_of_several_parts_is_kept_once(world):
    first = world.refresh("new prices; new shop")
    for reason in ("new prices; new shop", "new shop", "new shop; new prices"):
        assert world.refresh(reason) == first
    world.end(first)
    assert world.refresh() is None


@pytest.mark.parametrize("is_open", [False, True])
def test_a_second_delivery_of_a_reason_after_the_data_have_changed_opens_no_second_run(world, is_open):
    if is_open:
        waited_for = world.refresh()
    following = world.refresh("new prices", message_id="17")
    if is_open:
        world.end(waited_for)
        following = world.refresh()
    world.end(following)
    world.load(modified=2)
    newer = world.refresh(hours=1)
    world.end(newer, hours=1)
    assert world.refresh("new prices", hours=2, message_id="17") == newer
    assert world.refresh("new prices", hours=2).reason == "new prices"


def test_without_a_champion_each_run_trains(world):
    first = world.refresh()
    world.end(first)
    world.storage.bucket(world.settings.bucket).blob(champion.POINTER).delete()
    world.load(modified=2)
    assert world.trains(world.refresh(hours=1))


def test_a_run_that_was_reset_can_be_opened_again(world):
    first = world.refresh()
    world.end(first)
    assert current.names(first.run_id, world)
    world.reset(first)
    assert world.refresh() == first
    assert not current.names("20170802-0a1b2c3d", world)
