"""A WakingThread does its work after each wake-up, even if the wake-up comes while the thread is busy."""

import contextlib
import queue
import threading

import pytest

from deskcloud.bigquery.gateway.waking import WakingThread

SECONDS = 20


class InterruptedEvent(threading.Event):
    """An event that runs `actions` just before the event is cleared. A wake-up at this moment could easily be lost."""

    def clear(self):
        while InterruptedEvent.actions:
            InterruptedEvent.actions.pop()()
        super().clear()


@pytest.fixture(autouse=True)
def interrupted(monkeypatch):
    monkeypatch.setattr("deskcloud.bigquery.gateway.waking.threading.Event", InterruptedEvent)
    InterruptedEvent.actions = []


def test_the_work_is_done_at_the_start_and_after_each_wake_up():
    calls = queue.Queue()
    thread = WakingThread("test", lambda: calls.put("called"))
    calls.get(timeout=SECONDS)
    thread.wake()
    calls.get(timeout=SECONDS)
    thread.close()


def test_the_work_is_done_again_after_the_seconds_that_it_returns():
    calls = queue.Queue()

    def work():
        calls.put("called")
        return 0.001

    thread = WakingThread("test", work)
    for _ in range(3):
        calls.get(timeout=SECONDS)
    thread.close()


def test_the_work_is_done_again_after_it_has_failed(monkeypatch):
    monkeypatch.setattr("deskcloud.bigquery.gateway.waking._SECONDS_AFTER_A_FAILURE", 0.001)
    calls = queue.Queue()

    def work():
        calls.put("called")
        raise ValueError

    thread = WakingThread("test", work)
    for _ in range(3):
        calls.get(timeout=SECONDS)
    thread.close()


def test_work_that_is_added_while_a_wake_up_is_cleared_is_seen():
    waiting, seen = ["first"], queue.Queue()

    def work():
        while waiting:
            seen.put(waiting.pop())

    def add():
        waiting.append("second")
        thread.wake()

    thread = WakingThread("test", work)
    assert seen.get(timeout=SECONDS) == "first"
    InterruptedEvent.actions.append(add)
    thread.wake()
    assert seen.get(timeout=SECONDS) == "second"
    thread.close()


def test_a_thread_that_is_closed_while_a_wake_up_is_cleared_ends():
    closed = queue.Queue()

    def close():
        # The thread itself calls this function. It cannot wait for its own end, so close() fails when it waits.
        with contextlib.suppress(RuntimeError):
            thread.close()
        closed.put("closed")

    InterruptedEvent.actions.append(close)
    thread = WakingThread("closed", lambda: None)
    thread.wake()
    closed.get(timeout=SECONDS)
    for running in [one for one in threading.enumerate() if one.name == "closed"]:
        running.join(SECONDS)
        assert not running.is_alive()
