"""The local Cloud Scheduler, publishing to the local Pub/Sub."""

import json
import queue
import time
from datetime import UTC, datetime, timedelta

import pytest
from google.cloud import pubsub_v1

from deskcloud import pubsub, scheduler

TOPIC = "projects/shop/topics/resume-runs"
SCHEDULE = scheduler.Schedule("resume-runs", "*/10 * * * *", "UTC", TOPIC, {"kind": "tick"})


class Topics:
    """Records the published messages in order. The first `fails` calls of `publish` raise an error instead."""

    def __init__(self, fails=0):
        self.messages = queue.Queue()
        self.fails = fails

    def publish(self, topic, messages):
        if self.fails:
            self.fails -= 1
            raise ConnectionError("no Pub/Sub")
        for message in messages:
            self.messages.put((topic, json.loads(message.data)))


def shortly_before(moment):
    """Return a clock that runs at normal speed and shows `moment` after 50 ms."""
    offset = datetime.fromisoformat(moment).replace(tzinfo=UTC) - timedelta(seconds=time.monotonic() + 0.05)
    return lambda: offset + timedelta(seconds=time.monotonic())


def test_a_schedule_publishes_its_body_when_it_is_due():
    topics = Topics()
    with scheduler.run([SCHEDULE], topics.publish, shortly_before("2026-01-01T00:10")):
        assert topics.messages.get(timeout=20) == (TOPIC, {"kind": "tick"})
    assert topics.messages.empty()


def test_a_schedule_that_fails_does_not_stop_the_others():
    topics = Topics(fails=1)
    other = scheduler.Schedule("score-visitors", "10 * * * *", "UTC", "projects/shop/topics/score", {})
    with scheduler.run([SCHEDULE, other], topics.publish, shortly_before("2026-01-01T00:10")):
        assert topics.messages.get(timeout=20) == ("projects/shop/topics/score", {})


def test_schedules_begin_when_they_are_started_and_do_not_make_up_for_earlier_times():
    topics, now = Topics(), [datetime(2026, 1, 1, 0, 9, tzinfo=UTC)]
    with scheduler.run([SCHEDULE], topics.publish, lambda: now[0], is_held=True) as held:
        now[0] += timedelta(minutes=5)
        held.start()
        held.stop()
        assert topics.messages.empty()
        held.trigger("resume-runs")
        assert topics.messages.get(timeout=20) == (TOPIC, {"kind": "tick"})


def test_each_schedule_has_its_own_time_zone():
    topics = Topics()
    morning = scheduler.Schedule("morning", "0 6 * * *", "Europe/Berlin", TOPIC, {})
    with scheduler.run([morning], topics.publish, shortly_before("2026-07-01T04:00")):
        assert topics.messages.get(timeout=20) == (TOPIC, {})


def test_a_schedule_can_be_run_now(tmp_path, monkeypatch):
    with pubsub.serve(tmp_path) as server, scheduler.run([SCHEDULE], pubsub.publisher(server.host)) as running:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.host)
        with pubsub_v1.PublisherClient() as publisher, pubsub_v1.SubscriberClient() as subscriber:
            publisher.create_topic(name=TOPIC)
            subscription = "projects/shop/subscriptions/resume-runs"
            subscriber.create_subscription(name=subscription, topic=TOPIC)
            running.trigger("resume-runs")
            [received] = subscriber.pull(subscription=subscription, max_messages=1, timeout=20).received_messages
    assert json.loads(received.message.data) == {"kind": "tick"}


def test_the_error_about_an_unknown_schedule_names_the_known_ones():
    with (
        scheduler.run([SCHEDULE], Topics().publish) as running,
        pytest.raises(scheduler.ScheduleError, match="'nightly'; the schedules are: resume-runs"),
    ):
        running.trigger("nightly")


@pytest.mark.parametrize(
    ("cron", "zone", "complaint"),
    [("* * * *", "UTC", "has 4 fields"), ("* * * * *", "Mars/Olympus", "Mars/Olympus"), ("* * * * *", "", "''")],
)
def test_an_unusable_schedule_is_named(cron, zone, complaint):
    schedule = scheduler.Schedule("broken", cron, zone, TOPIC, {})
    with pytest.raises(scheduler.ScheduleError) as refusal, scheduler.run([schedule], Topics().publish):
        pass
    assert "the schedule broken" in str(refusal.value)
    assert complaint in str(refusal.value)
