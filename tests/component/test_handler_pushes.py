"""How a function handles the messages that Pub/Sub pushes to it over HTTP."""

import base64
import json
from datetime import UTC, date, datetime, timedelta

import functions_framework
import pytest

from cli.declarations import ROOT
from desk.bigquery import connect, forbidding
from deskcloud.web import serving
from fixtures.handling import DEPLOYED, RUN, forget_clients
from fixtures.pubsub import PROJECT, delivered
from shared.chain.documents import CHECKS
from shared.chain.runs import Record
from shared.dead_letters import Letter
from shared.events import FeaturesBuilt


def served(function):
    return functions_framework.create_app(function, str(ROOT / "main.py"), "http").test_client()


def push(function, topic, data=b"{}", message_id="23", /, age_minutes=0, **attributes):
    published = (datetime.now(UTC) - timedelta(minutes=age_minutes)).isoformat()
    message = {"messageId": message_id, "attributes": attributes}
    message |= {"data": base64.b64encode(data).decode()} if data else {}
    message |= {"publishTime": published.replace("+00:00", "Z")}
    body = {"subscription": f"projects/{PROJECT}/subscriptions/x", "message": message}
    return served(function).post(f"/projects/{PROJECT}/topics/{topic}", json=body)


def test_a_function_acknowledges_a_malformed_push_and_the_dead_letter_is_stored_once(world, broker):
    assert push("train_models", "features-built", b"{}", origin="a shop").status_code == 204
    [letter] = broker.published("dead-letters")
    for name in (letter.message_id, letter.message_id, "published again"):
        kept = push("record_dead_letter", "dead-letters", letter.data, name, **letter.attributes)
        assert kept.status_code == 204
    [(name, document)] = world.dead_letters.all().items()
    assert name == "23-train_models"
    assert document.received_at.tzinfo
    assert document == Letter(
        function="train_models",
        reason="features-built needs the field as_of, run_id",
        received_at=document.received_at,
        topic="features-built",
        attributes={"origin": "a shop"},
        data=base64.b64encode(b"{}").decode(),
    )


@pytest.mark.parametrize(("age_minutes", "status"), [(9, 500), (11, 204)])
def test_a_function_judges_a_missing_right_by_when_pub_sub_published_the_message(world, age_minutes, status):
    built = FeaturesBuilt(RUN, date(2017, 8, 1))
    with serving.serve(forbidding("accessDenied")) as url:
        world.__dict__["bigquery"] = connect(url)
        data = json.dumps(built.to_json()).encode()
        assert push("train_models", "features-built", data, age_minutes=age_minutes).status_code == status
    [failure] = world.runs.failures(RUN)
    assert "as a test wants it" in failure.reason
    assert (failure.step, failure.is_permanent) == ("train_models", status == 204)


def test_a_message_that_pubsub_forwards_as_a_dead_letter_is_stored_with_its_attempts(world):
    given_up = {
        "CloudPubSubDeadLetterSourceSubscription": "train-models-features-built",
        "CloudPubSubDeadLetterSourceDeliveryCount": "20",
        "origin": "a shop",
    }
    assert push("record_dead_letter", "dead-letters", b"{}", **given_up).status_code == 204
    [document] = world.dead_letters.all().values()
    assert document.function == "train-models-features-built"
    assert document.reason.startswith("given up after 20 deliveries")
    assert document.attributes == {"origin": "a shop"}


def test_a_message_published_to_dead_letters_directly_is_stored_as_such(world):
    assert push("record_dead_letter", "dead-letters", b"{}", origin="a shop").status_code == 204
    [document] = world.dead_letters.all().values()
    assert document.reason.startswith("published to dead-letters directly")
    assert (document.function, document.topic) == ("", "")


@pytest.mark.parametrize(
    ("data", "attributes"),
    [
        (b"", {}),
        (b"\xff{", {"reason": "none", "": "x"}),
        (b"[1e400]", {"rejected_by": "x" * 999, "rejected_bytes": "x"}),
    ],
)
def test_a_dead_letter_with_any_content_is_stored(world, data, attributes):
    assert push("record_dead_letter", "dead-letters", data, **attributes).status_code == 204
    [document] = world.dead_letters.all().values()
    assert base64.b64decode(document.data) == data


def test_an_empty_refresh_message_is_valid_but_any_other_empty_event_is_a_dead_letter(world, broker):
    assert push("train_models", "features-built", b"").status_code == 204
    [letter] = broker.published("dead-letters")
    assert letter.attributes["rejected_for"].startswith("the message has no data")
    assert delivered(b"", "data-refreshed", attributes={"eventType": "TRANSFER_RUN_FINISHED"}).body == {}


def test_a_stalled_run_is_resumed_even_if_another_run_is_broken(world, broker, vertex_url, monkeypatch):
    world.runs.write("20170101-00000000", CHECKS, {})
    world.runs.finish(RUN, Record("deploy_model", DEPLOYED, datetime.now(UTC), datetime.now(UTC), 0.0))
    serving = {"api_endpoint": vertex_url}
    settings = {"bucket": world.settings.bucket, "resume_after_minutes": 0, "serving": serving}
    monkeypatch.setenv("PROPENSITY_SETTINGS", json.dumps(settings))
    forget_clients()
    assert push("resume_runs", "resume-due").status_code == 204
    assert broker.events("model-deployed") == [DEPLOYED.to_json()]
