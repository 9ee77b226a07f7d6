"""The function on_checkout scores each checkout once, even if its message comes repeatedly.

The function stores unusable messages as dead letters.
"""

import copy
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

import main
from deskcloud import pubsub
from fixtures.pubsub import Broker, pushed
from fixtures.shop import CHECKOUT, POINTER, VERSION, VISITOR, forget, put
from shared.clients import clients
from shared.online import checkout, predictions, scorer
from shared.online.contract import CheckoutScored

SECRET = "jane.doe@example.org"  # noqa: S105 - an invented text of a message, which no log line may repeat


@pytest.fixture(scope="module")
def broker(shop, tmp_path_factory):
    with pubsub.serve(tmp_path_factory.mktemp("pubsub")) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBSUB_EMULATOR_HOST", server.host)
        yield Broker(server.host, ["checkout-scored", "dead-letters"])


@pytest.fixture(autouse=True)
def fresh(shop, broker):
    for blob in shop.list_blobs(prefix="checkouts/"):
        blob.delete()
    forget()


def deliver(document, message_id="17"):
    main.on_checkout(pushed(document, "checkout-started", message_id))


def told(broker):
    return [msgspec.convert(one, CheckoutScored) for one in broker.events("checkout-scored")]


def logged(capfd):
    return [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"checkout_scored"' in line]


def test_a_checkout_is_scored_and_published_with_its_visitor(broker, capfd):
    deliver(CHECKOUT)
    [scored] = told(broker)
    assert (scored.visitor_id, scored.model_version, scored.next_products[0]) == (VISITOR, VERSION, "tea")
    [line] = logged(capfd)
    assert VISITOR not in str(line)
    assert (line["prediction"]["source"], line["prediction"]["request_id"]) == ("on_checkout", scored.request_id)


def test_a_repeated_checkout_gets_its_first_score_even_if_another_model_serves(broker, shop, capfd):
    deliver(CHECKOUT)
    put(shop, "serving/champion.json", POINTER | {"version": "8"})
    forget()
    deliver(CHECKOUT)
    deliver(CHECKOUT, "published-twice")
    put(shop, "serving/champion.json", POINTER)
    first, second, third = told(broker)
    assert first == second == third
    lines = [{**line["prediction"], "latency_ms": 0} for line in logged(capfd)]
    assert lines == [lines[0]] * 3
    assert (lines[0]["request_id"], lines[0]["model_version"]) == (first.request_id, VERSION)


def test_a_message_with_its_fields_in_another_order_is_the_same_checkout_but_another_cart_is_not(broker):
    deliver(CHECKOUT)
    deliver(dict(reversed(CHECKOUT.items())))
    deliver(CHECKOUT | {"cart": []})
    first, second, other = told(broker)
    assert first == second
    assert first.request_id != other.request_id


def test_two_deliveries_at_once_publish_and_log_the_same(broker, monkeypatch, capfd):
    together, score = threading.Barrier(2, timeout=20), checkout.score
    probabilities = iter([0.25, 0.75])

    def at_once(*arguments):
        together.wait()
        return msgspec.structs.replace(score(*arguments), probability=next(probabilities))

    monkeypatch.setattr(checkout, "score", at_once)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(deliver, [CHECKOUT, CHECKOUT]))
    first, second = told(broker)
    assert first == second
    assert [line["prediction"]["probability"] for line in logged(capfd)] == [first.probability] * 2


def test_if_a_delivery_dies_before_it_logs_the_next_one_logs(broker, monkeypatch, capfd):
    with monkeypatch.context() as dying:
        dying.setattr(predictions, "record", lambda *_: sys.exit(9))
        with pytest.raises(SystemExit):
            deliver(CHECKOUT)
    deliver(CHECKOUT)
    [scored], [line] = told(broker), logged(capfd)
    assert (line["prediction"]["request_id"], line["prediction"]["probability"]) == (
        scored.request_id,
        scored.probability,
    )


def test_a_stored_answer_contains_no_visitor_id(broker, shop):
    deliver(CHECKOUT)
    told(broker)
    [blob] = shop.list_blobs(prefix="checkouts/")
    assert VISITOR not in blob.name
    assert VISITOR not in blob.download_as_text()


def with_features(**features):
    document = copy.deepcopy(CHECKOUT)
    document["session"]["features"] |= features
    return document


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (with_features(weekday=SECRET), "checkout-started #/session/features/weekday: Invalid enum value"),
        (with_features(**{SECRET: 1}), "checkout-started #/session/features: Object contains an unknown field"),
        (CHECKOUT | {f"x` - at `$.{SECRET}": 1}, "checkout-started #: Object contains an unknown field"),
        (CHECKOUT | {f"x` - at `$.cart[{SECRET}]": 1}, "checkout-started #: Object contains an unknown field"),
        (CHECKOUT | {f"x` - at `$.cart.{SECRET}` and": 1}, "checkout-started #: Object contains an unknown field"),
        (b"no JSON", "the message's data is not JSON"),
        (b'{"visitor_id": "\\ud800"}', "the message's data is not JSON"),
        (b"", "the message has no data: a message to checkout-started is a JSON object"),
    ],
)
def test_a_message_that_breaks_the_contract_is_a_dead_letter_without_its_values_in_the_reason(
    broker, capfd, document, reason
):
    deliver(document)
    assert told(broker) == []
    [letter] = broker.published("dead-letters")
    assert letter.attributes["rejected_for"].startswith(reason)
    assert letter.attributes["rejected_by"] == "on_checkout"
    assert letter.data == (document if isinstance(document, bytes) else json.dumps(document).encode())
    assert SECRET not in "".join(capfd.readouterr()) + letter.attributes["rejected_for"]


def test_while_no_model_serves_the_message_is_delivered_again(broker, bucket, monkeypatch):
    nowhere = {"bucket": bucket.name, "serving": {"api_endpoint": "http://127.0.0.1:9"}}
    monkeypatch.setenv("PROPENSITY_SETTINGS", json.dumps(nowhere))
    forget()
    with pytest.raises(scorer.NoScorerError):
        deliver(CHECKOUT)
    assert told(broker) == []
    assert list(clients().storage.list_blobs(bucket.name)) == []
