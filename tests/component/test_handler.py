"""How a function handles a message. Each event has at most one effect.

Uses the local Cloud Storage and Pub/Sub.
"""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from google.api_core.exceptions import Forbidden, NotFound
from google.rpc.error_details_pb2 import ErrorInfo

from fixtures.handling import APPROVED, DEPLOYED, RUN
from fixtures.pubsub import PROJECT, delivered
from shared.chain.steps import Opening, Step
from shared.dead_letters import TooLargeError
from shared.errors import NotReady, Permanent
from shared.events import FeaturesBuilt, ModelDeployed, ScoringDue, TrainingFailed
from shared.handler import handle


def take(message, work, opening=None):
    """Handle a message as the function deploy_model does, but call `work` instead of the step of deploy_model."""
    handle(message, Step("deploy_model", work, opening=opening))


SECRET = "jane.doe@example.org"  # noqa: S105 - an invented text of a message, which no log line may repeat


class Calls:
    """A fake for the work of a step. It records its calls, and returns or raises `outcome`."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.calls = []

    def __call__(self, event, cloud):
        self.calls.append((event, cloud.run_id, cloud.step))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def test_a_redelivered_event_publishes_what_was_recorded_and_does_no_work_again(world, broker):
    step = Calls(DEPLOYED)
    take(delivered(APPROVED.to_json()), step)
    step.outcome = ModelDeployed(RUN, "2")
    take(delivered(APPROVED.to_json()), step)
    assert step.calls == [(APPROVED, RUN, "deploy_model")]
    assert broker.events("model-deployed") == [DEPLOYED.to_json()] * 2
    [record] = world.runs.records(RUN)
    assert (record.step, record.event) == ("deploy_model", DEPLOYED)
    assert record.started_at <= record.finished_at


def test_two_deliveries_of_a_message_at_once_give_one_record_and_publish_the_same_event(world, broker):
    together = threading.Barrier(2, timeout=20)

    def step(event, cloud):
        return ModelDeployed(RUN, str(together.wait()))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: take(delivered(APPROVED.to_json()), step), range(2)))
    [record] = world.runs.records(RUN)
    assert broker.events("model-deployed") == [record.event.to_json()] * 2


def test_if_two_messages_are_handled_at_once_only_the_first_to_finish_publishes(world, broker):
    together = threading.Barrier(2, timeout=20)

    def step(event, cloud):
        return ModelDeployed(RUN, str(together.wait()))

    messages = [delivered(APPROVED.to_json(), message_id=name) for name in ("17", "18")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda message: take(message, step), messages))
    [record] = world.runs.records(RUN)
    assert broker.events("model-deployed") == [record.event.to_json()]


def test_an_event_whose_publishing_failed_is_published_by_the_next_delivery(world, broker):
    step = Calls(FeaturesBuilt(RUN, date(2017, 8, 1)))
    topic = f"projects/{PROJECT}/topics/features-built"
    broker.publisher.delete_topic(topic=topic)
    broker.subscriber.delete_subscription(subscription=broker.path("features-built"))
    with pytest.raises(NotFound):
        take(delivered(APPROVED.to_json()), step)
    broker.create("features-built")
    take(delivered(APPROVED.to_json()), step)
    assert len(step.calls) == 1
    assert broker.events("features-built") == [step.outcome.to_json()]


def test_a_step_that_returns_no_event_is_not_finished_and_runs_again(world, broker):
    step = Calls(None)
    take(delivered(APPROVED.to_json()), step)
    take(delivered(APPROVED.to_json()), step)
    assert len(step.calls) == 2
    assert world.runs.records(RUN) == []
    assert broker.events("model-deployed") == []


def test_a_repeated_step_has_a_record_and_failures_for_each_attempt(world, broker):
    def failed(event):
        return delivered(event.to_json(), event.topic)

    step = Calls(DEPLOYED)
    take(failed(TrainingFailed(RUN, 1, ["logistic"])), step)
    take(failed(TrainingFailed(RUN, 1, ["logistic"])), step)
    take(failed(TrainingFailed(RUN, 2, ["logistic"])), step)
    # A late delivery of the event with attempt 1 does not run the step again.
    take(failed(TrainingFailed(RUN, 1, ["logistic"])), step)
    assert [(call[0].attempt, call[2]) for call in step.calls] == [(1, "deploy_model"), (2, "deploy_model")]
    assert [record.step for record in world.runs.records(RUN)] == ["deploy_model.2", "deploy_model.3"]
    assert broker.events("model-deployed") == [DEPLOYED.to_json()] * 3
    step.outcome = Permanent("no more")
    take(failed(TrainingFailed(RUN, 3, ["logistic"])), step)
    assert [failure.step for failure in world.runs.failures(RUN)] == ["deploy_model.4"]


def test_a_permanent_failure_is_acknowledged_and_recorded_in_the_run(world, broker, capfd):
    take(delivered(APPROVED.to_json()), Calls(Permanent("the endpoint differs")))
    [failure] = world.runs.failures(RUN)
    assert (failure.step, failure.reason, failure.is_permanent) == ("deploy_model", "the endpoint differs", True)
    assert broker.events("model-deployed") == broker.published("dead-letters") == []
    assert broker.events("run-failed") == [{"run_id": RUN, "step": "deploy_model"}]
    errors = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"ERROR"' in line]
    assert [(one["event"], one["message"], one["run_id"]) for one in errors] == [
        ("step_failed_for_good", "deploy_model failed for good: the endpoint differs", RUN)
    ]


@pytest.mark.parametrize("error", [ConnectionError("reset by peer"), Permanent("no such model")])
def test_a_step_that_fails_because_its_run_was_reset_writes_nothing_and_is_not_retried(world, broker, error):
    def reset_and_fail(event, cloud):
        world.runs.remove(RUN)
        raise error

    take(delivered(APPROVED.to_json()), reset_and_fail)
    assert world.runs.ids() == []
    [letter] = broker.published("dead-letters")
    assert letter.attributes["rejected_for"] == f"run {RUN} was reset while deploy_model was running"


def test_any_other_error_is_raised_and_recorded_until_a_delivery_succeeds(world, broker):
    step = Calls(ConnectionError("reset by peer"))
    with pytest.raises(ConnectionError):
        take(delivered(APPROVED.to_json()), step)
    [failure] = world.runs.failures(RUN)
    assert (failure.reason, failure.is_permanent) == ("ConnectionError: reset by peer", False)
    step.outcome = DEPLOYED
    take(delivered(APPROVED.to_json()), step)
    assert world.runs.failures(RUN) == []
    assert broker.events("model-deployed") == [DEPLOYED.to_json()]


@pytest.mark.parametrize("error", [ConnectionError("reset by peer"), Permanent("the endpoint differs")])
@pytest.mark.parametrize(("other", "published"), [("17", 2), ("18", 1)])
def test_an_error_in_a_step_that_another_delivery_has_finished_is_not_recorded(
    world, broker, capfd, error, other, published
):
    def step(event, cloud):
        take(delivered(APPROVED.to_json(), message_id=other), Calls(DEPLOYED))
        raise error

    take(delivered(APPROVED.to_json(), message_id="17"), step)
    assert world.runs.failures(RUN) == []
    assert broker.events("model-deployed") == [DEPLOYED.to_json()] * published
    assert '"ERROR"' not in capfd.readouterr().out


def forbidden(reason):
    return Forbidden("Access Denied: as a test wants it", errors=[{"reason": reason}])


def test_a_missing_right_is_retried_for_ten_minutes_and_then_fails_the_run(world, broker):
    with pytest.raises(Forbidden):
        take(delivered(APPROVED.to_json(), age_minutes=9), Calls(forbidden("accessDenied")))
    assert [failure.is_permanent for failure in world.runs.failures(RUN)] == [False]
    take(delivered(APPROVED.to_json(), age_minutes=11), Calls(forbidden("accessDenied")))
    [failure] = world.runs.failures(RUN)
    assert (failure.reason, failure.is_permanent) == ("403 Access Denied: as a test wants it", True)
    assert broker.published("dead-letters") == []


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "quotaExceeded", "billingNotEnabled"])
def test_too_many_requests_and_an_exhausted_quota_are_retried_however_old_the_event_is(world, reason):
    with pytest.raises(Forbidden):
        take(delivered(APPROVED.to_json(), age_minutes=600), Calls(forbidden(reason)))
    assert [failure.is_permanent for failure in world.runs.failures(RUN)] == [False]


def test_a_right_missing_at_vertex_ai_is_treated_as_one_missing_at_bigquery(world):
    details = ErrorInfo(reason="IAM_PERMISSION_DENIED", domain="iam.googleapis.com")
    take(delivered(APPROVED.to_json(), age_minutes=11), Calls(Forbidden("denied", error_info=details)))
    assert [failure.is_permanent for failure in world.runs.failures(RUN)] == [True]


def test_if_a_right_is_missing_before_a_run_is_open_an_old_message_becomes_a_dead_letter(world, broker):
    def open_run(message, environment, now):
        raise forbidden("accessDenied")

    opening = opens_by(open_run)
    with pytest.raises(Forbidden):
        take(delivered({}, "scoring-due"), Calls(DEPLOYED), opening)
    assert broker.published("dead-letters") == []
    take(delivered({}, "scoring-due", age_minutes=11), Calls(DEPLOYED), opening)
    [letter] = broker.published("dead-letters")
    assert "Access Denied" in letter.attributes["rejected_for"]


def test_an_error_that_cannot_be_recorded_is_still_raised(world, bucket):
    def loses_all(event, cloud):
        bucket.delete(force=True)
        raise ConnectionError("reset by peer")

    with pytest.raises(ConnectionError, match="reset by peer"):
        take(delivered(APPROVED.to_json()), loses_all)


def test_a_step_that_must_wait_raises_an_error_but_has_not_failed(world):
    with pytest.raises(NotReady):
        take(delivered(APPROVED.to_json()), Calls(NotReady("job x still runs")))
    assert world.runs.failures(RUN) == []


@pytest.mark.parametrize(
    ("body", "topic", "reason"),
    [
        (b"{", "model-approved", "the message's data is not JSON"),
        (b'{"run_id": "\\ud800"}', "model-approved", "the message's data is not JSON"),
        (b'{"run_id": 1e400}', "model-approved", "the message's data is not JSON: Number out of range"),
        (b"[1]", "model-approved", "the message's data is a JSON list, not an object"),
        (b"", "model-approved", "the message has no data: a message to model-approved is a JSON object"),
        ({}, "model-approved", "model-approved needs the field candidate, run_id"),
        ({"run_id": RUN, SECRET: "x"}, "model-approved", "unknown fields: 1; model-approved has run_id, candidate"),
        (
            {"run_id": RUN, "candidate": [SECRET]},
            "model-approved",
            "field candidate of model-approved is not of type str",
        ),
        ({"run_id": SECRET, "candidate": "x"}, "model-approved", "run_id is not of the form YYYYMMDD-xxxxxxxx"),
        ({"run_id": RUN}, "model-aproved", "no event belongs to topic 'model-aproved'"),
    ],
)
def test_a_malformed_message_becomes_a_dead_letter_unchanged_with_the_reason(body, topic, reason, world, broker, capfd):
    step = Calls(DEPLOYED)
    message = delivered(body, topic, attributes={"origin": "a shop"})
    take(message, step)
    [letter] = broker.published("dead-letters")
    assert letter.data == message.data
    about = dict(letter.attributes)
    assert about.pop("rejected_for").startswith(reason)
    assert about == {
        "origin": "a shop", "rejected_by": "deploy_model", "rejected_topic": topic, "rejected_id": "17"
    }  # fmt: skip
    assert step.calls == broker.events("model-deployed") == []
    assert SECRET not in capfd.readouterr().out + letter.attributes["rejected_for"]


@pytest.mark.parametrize("attributes", [{}, {f"name {number}": "x" for number in range(100)}])
def test_if_a_message_is_too_large_to_add_the_reason_only_the_reason_is_published(attributes, world, broker):
    """The function publishes only the reason, without the data of the message.

    The message itself is not lost: Pub/Sub forwards the whole message to the dead letters after the last attempt.
    """
    body = b"x" if attributes else b"x" * 9_999_000
    with pytest.raises(TooLargeError, match="too large to publish with the reason"):
        take(delivered(body, attributes=attributes), Calls(DEPLOYED))
    [letter] = broker.published("dead-letters")
    assert (letter.data, letter.attributes["rejected_bytes"]) == (b"", str(len(body)))
    assert letter.attributes["rejected_for"].startswith("the message's data is not JSON")


def test_an_event_of_an_unknown_run_becomes_a_dead_letter_and_writes_nothing_else(world, broker):
    step = Calls(ConnectionError("whatever a step does first"))
    take(delivered({"run_id": "20990101-ffffffff", "candidate": "logistic"}), step)
    [letter] = broker.published("dead-letters")
    assert letter.attributes["rejected_for"].startswith("there is no run 20990101-ffffffff")
    assert world.runs.ids() == [RUN]
    assert step.calls == []


def opens_by(open_run):
    return Opening(ScoringDue, (ScoringDue.topic, FeaturesBuilt.topic), open_run)


def test_a_message_that_opens_no_run_is_acknowledged_without_effect(world):
    step = Calls(DEPLOYED)
    take(delivered({}, "scoring-due"), step, opens_by(lambda *_: None))
    assert step.calls == []


def test_a_message_without_a_run_opens_one_and_an_event_with_a_run_id_belongs_to_that_run(world):
    step, due = Calls(DEPLOYED), ScoringDue(RUN)
    opening = opens_by(lambda *_: due)
    other = {"run_id": "20170801-ffffffff", "as_of": "2017-08-01"}
    for body, topic in (({}, "scoring-due"), (other, "features-built"), ({"run_id": RUN}, "scoring-due")):
        take(delivered(body, topic), step, opening)
        world.bucket.blob(f"runs/{RUN}/steps/deploy_model.json").delete()
    take(delivered(APPROVED.to_json()), step, opening)
    assert [event for event, *_ in step.calls] == [due, due, due, APPROVED]
