"""How long a delivery waits for Google's services."""

import time

from shared.deadline import MINIMUM_TIMEOUT, MINIMUM_WAIT, Deadline


def test_before_the_deadline_a_request_may_take_all_the_remaining_time(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    deadline = Deadline(480)
    monkeypatch.setattr(time, "monotonic", lambda: 200.0)
    assert not deadline.has_passed
    assert deadline.wait_seconds == deadline.request_timeout == 380


def test_after_the_deadline_ended_jobs_are_still_noticed_and_requests_still_answered(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    deadline = Deadline(480)
    monkeypatch.setattr(time, "monotonic", lambda: 581.0)
    assert deadline.has_passed
    assert (deadline.wait_seconds, deadline.request_timeout) == (MINIMUM_WAIT, MINIMUM_TIMEOUT)
