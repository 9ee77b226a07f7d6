"""What the function message_customer sends, how often it sends a message, and what it logs.

Uses the local BigQuery, Cloud Storage and SMTP relay.
"""

import datetime as dt
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import msgspec
import pytest
from google.cloud import storage as gcs

from desk.platforms import running
from deskcloud.document import MailRelay
from fixtures.pubsub import pushed
from functions import message_customer, track_campaign
from shared import warehouse as running_sql
from shared.audience_settings import Campaign
from shared.clients import Clients
from shared.customers.arms import arm
from shared.errors import NotReady
from shared.messages import relay, sending
from shared.settings import Settings
from shared.tracking.contract import read
from shared.warehouse import Statement

NOW = dt.datetime(2017, 8, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PEOPLE = {"a": "anna@example.com", "b": "nobody@example.com", "c": "later@example.com"}


class World:
    """The function message_customer and the services that it uses. The clock shows `now`, which a test can set."""

    def __init__(self, warehouse, platforms, patch):
        self.platforms, self.now, self._patch = platforms, NOW, patch
        found, campaign = warehouse.settings, {"control_share": 0.0, "holdout_share": 0.0}
        mail = {
            "mode": "on",
            "relay": platforms.url["mail"],
            "starttls": "off",
            "sender": "Shop <hello@shop.example>",
            "most": 2,
        }
        at = {"project": found.project, "bucket": found.bucket, "dataset": found.dataset}
        self.clients = Clients(Settings.from_document(at | {"campaign": campaign, "mail": mail}))
        self.clients.__dict__["bigquery"] = warehouse.client
        self.events = []
        patch.setattr(self.clients, "send", lambda topic, body: self.events.append((topic, body)))
        self.clients.__dict__["storage"] = gcs.Client(found.project)
        known = platforms.running.credentials
        patch.setattr(message_customer, "clients", lambda: self.clients)
        patch.setattr(message_customer, "CREDENTIALS", relay.Credentials(known["MAIL_USER"], known["MAIL_PASSWORD"]))
        patch.setattr(message_customer, "datetime", SimpleNamespace(now=lambda _: self.now))

    def set(self, **mail):
        settings = self.clients.settings
        changed = msgspec.structs.replace(settings.mail, **mail)
        self.clients.settings = msgspec.structs.replace(settings, mail=changed)

    def deliver(self, visitor="va", request_id="r1", offer="coupon"):
        scored = {
            "probability": 0.6,
            "decile": 1,
            "model_version": "7",
            "offer": offer,
            "next_products": ["TEA"],
            "request_id": request_id,
            "scored_by": "embedded",
            "visitor_id": visitor,
        }
        message_customer.message_customer(pushed(scored, "checkout-scored", published_at=self.now))

    def kept(self):
        """Return (recipient, id) of each message that the relay has accepted."""
        found = self.platforms.admin("GET", "mail/messages")["messages"]
        return [(one["to"], one["message_id"]) for one in found]

    def outcomes(self):
        """Map the key of each intent to send a message to the intent's outcome."""
        documents = [
            json.loads(blob.download_as_bytes()) for blob in self.clients.bucket.list_blobs(prefix="messages/")
        ]
        return {one["key"]: one["outcome"] for document in documents for one in document["intents"]}


@pytest.fixture
def world(warehouse, tmp_path, monkeypatch):
    answers = MailRelay(refused_recipients=(PEOPLE["b"],), deferred_recipients=(PEOPLE["c"],))
    warehouse.fill(
        {
            "customers": [
                {"customer_id": one, "email": email, "first_name": "Anna", "digest": "d"}
                for one, email in PEOPLE.items()
            ],
            "customer_visitors": [
                {"visitor_id": f"v{one}", "customer_id": one, "customers": 1, "matched_by": "user_id"} for one in PEOPLE
            ],
            "consents": [
                {"customer_id": one, "purpose": "email", "is_granted": True, "stated_at": NOW - DAY} for one in PEOPLE
            ],
        }
    )
    with running(tmp_path, mail=answers) as platforms:
        world = World(warehouse, platforms, monkeypatch)
        yield world
        for blob in world.clients.bucket.list_blobs():
            blob.delete()


def lines(capfd):
    found = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"message_' in line]
    assert not any(name in str(found) for name in ("Anna", *PEOPLE.values()))
    return [(one["event"], one.get("outcome"), one.get("reason")) for one in found]


def test_a_message_is_sent_once_even_if_its_event_is_delivered_twice(world, capfd):
    world.deliver()
    world.deliver()
    assert [to for to, _ in world.kept()] == [[PEOPLE["a"]]]
    assert world.outcomes() == {"always_on/r1": "sent"}
    assert lines(capfd) == [
        ("message_sent", None, None),
        ("message_skipped", None, "a former delivery has ended: sent"),
    ]
    [blob] = world.clients.bucket.list_blobs(prefix="messages/")
    assert PEOPLE["a"] not in blob.download_as_text()
    # The second delivery publishes the same event again, because the first may have died before it published the event.
    [(topic, event), again] = world.events
    assert again == (topic, event)
    [taken], refused = read(event, NOW)
    assert (topic, taken.campaign, taken.customer_id, taken.kind) == ("campaign-events", "always_on", "a", "sent")
    assert (taken.channel, taken.happened_at, refused) == ("email", NOW, [])


@pytest.mark.slow
def test_without_an_offer_a_customer_or_permission_nothing_is_sent(world, warehouse, capfd):
    world.deliver(offer="none")
    world.deliver(visitor="somebody")
    warehouse.fill(
        {"suppressions": [{"customer_id": "a", "channel": "all", "reason": "complaint", "since": NOW - DAY}]}
    )
    world.deliver()
    world.set(mode="off")
    world.deliver()
    assert [reason for _, _, reason in lines(capfd)] == [
        "the checkout got no offer",
        "the visitor is no customer that is known",
        "suppressed: complaint",
        "mail.mode is off",
    ]
    assert (world.kept(), world.outcomes(), world.events) == ([], {}, [])


@pytest.mark.slow
def test_a_customer_who_unsubscribes_gets_no_message_at_the_next_checkout(world, warehouse, monkeypatch, capfd):
    monkeypatch.setattr(track_campaign, "clients", lambda: world.clients)
    warehouse.filled.update(("campaign_events", "campaign_suppressions"))
    told = {"event_id": "e1", "campaign": "always_on", "customer_id": "a", "channel": "email", "kind": "unsubscribed"}
    told |= {"happened_at": NOW.isoformat()}
    track_campaign.track_campaign(pushed(told, "campaign-events", published_at=NOW))
    world.deliver()
    assert [reason for _, _, reason in lines(capfd)] == ["suppressed: unsubscribe"]
    assert (world.kept(), world.events) == ([], [])


@pytest.mark.slow
def test_several_checkouts_at_once_do_not_exceed_the_cap(world, capfd):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: world.deliver(request_id=f"r{number}"), range(4)))
    assert len(world.kept()) == len({name for _, name in world.kept()}) == 2
    assert list(world.outcomes().values()) == ["sent", "sent"]
    skipped = "the customer has had 2 messages in 7 days (mail.most)"
    assert sorted(lines(capfd), key=str).count(("message_skipped", None, skipped)) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("dies_after", "messages"), [(False, 0), (True, 1)])
def test_a_message_that_may_have_been_sent_before_a_process_died_is_never_sent_again(
    world, monkeypatch, capfd, dies_after, messages
):
    """The process dies after it has recorded the intent to send: before or after the relay accepts the message."""
    addressed = relay.addressed

    class Dying:
        def __init__(self, *of):
            self._of = addressed(*of)

        def __enter__(self):
            transmit = self._of.__enter__()

            def die(message):
                if dies_after:
                    transmit(message)
                sys.exit(9)

            return die

        def __exit__(self, *error):
            return self._of.__exit__(*error)

    with monkeypatch.context() as dying:
        dying.setattr(sending.relay, "addressed", Dying)
        with pytest.raises(SystemExit):
            world.deliver()
    assert world.outcomes() == {"always_on/r1": "intended"}
    with pytest.raises(NotReady, match="another delivery is sending"):
        world.deliver()
    world.now += sending.AT_WORK
    world.deliver()
    assert world.outcomes() == {"always_on/r1": "unconfirmed"}
    assert len(world.kept()) == messages
    assert lines(capfd) == [("message_not_delivered", "unconfirmed", sending.DIED)]


@pytest.mark.parametrize(("kind", "messages"), [("reset_before", 0), ("reset_after", 1)])
def test_a_connection_that_breaks_while_the_message_is_sent_leaves_it_unconfirmed(world, capfd, kind, messages):
    world.platforms.plan("mail", {"kind": kind})
    world.deliver()
    world.deliver()
    assert len(world.kept()) == messages
    assert world.outcomes() == {"always_on/r1": "unconfirmed"}
    assert [outcome for _, outcome, _ in lines(capfd)] == ["unconfirmed", None]


def test_a_refused_recipient_is_reported_with_a_remedy_and_not_tried_again(world, capfd):
    world.deliver("vb")
    world.deliver("vb")
    assert world.outcomes() == {"always_on/r1": "refused"}
    (_, outcome, reason), _ = lines(capfd)
    assert outcome == "refused"
    assert reason.startswith("the relay answered 550 to the recipient: correct the address in crm_customers")


def test_a_refused_message_is_logged_and_does_not_count_for_the_cap(world, capfd):
    world.set(most=1)
    world.platforms.plan("mail", {"kind": "server_error"})
    world.deliver()
    world.deliver(request_id="r2")
    assert world.outcomes() == {"always_on/r1": "refused", "always_on/r2": "sent"}
    assert [event for event, _, _ in lines(capfd)] == ["message_not_delivered", "message_sent"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "too_many_requests"}, "451 to the message: it asks to come back later"),
        ({"kind": "blocked"}, "421 to the message"),
        ({"kind": "expired_token", "request": "AUTH"}, "store the right ones in the secrets MAIL_USER"),
    ],
)
def test_a_message_that_the_relay_has_certainly_not_accepted_is_sent_by_the_next_delivery(world, fault, said):
    world.platforms.plan("mail", fault)
    with pytest.raises(relay.RelayError, match=said):
        world.deliver()
    assert world.outcomes() == {}
    world.deliver()
    assert len(world.kept()) == 1


def test_if_the_relay_defers_a_recipient_the_next_delivery_tries_again(world):
    with pytest.raises(relay.RelayError, match="451 to the recipient"):
        world.deliver("vc")
    assert world.outcomes() == {}


def test_a_relay_that_cannot_be_reached_is_tried_again_and_gets_the_message_later(world):
    here = world.clients.settings.mail.relay
    world.set(relay="127.0.0.1:9")
    with pytest.raises(relay.RelayError, match=r"127\.0\.0\.1:9 does not answer .*check mail\.relay"):
        world.deliver()
    world.set(relay=here)
    world.deliver()
    assert (len(world.kept()), world.outcomes()) == (1, {"always_on/r1": "sent"})


def test_a_password_is_never_sent_to_a_relay_without_encryption(world):
    world.set(starttls="required")
    with pytest.raises(relay.RelayError, match="offers no STARTTLS"):
        world.deliver()
    assert world.platforms.received("mail") == []


def test_the_arm_agrees_with_the_hash_of_the_customer(warehouse):
    ids = ["c0", "c1", "c2", "c3"]
    campaign = Campaign(salt="s", control_share=0.4, holdout_share=0.3)
    warehouse.fill(
        {
            "customers": [{"customer_id": one, "digest": "d"} for one in ids],
            "customer_visitors": [
                {"visitor_id": f"v{one}", "customer_id": one, "customers": 1, "matched_by": "user_id"} for one in ids
            ],
        }
    )
    at = {"now": NOW, "recent_since": NOW.date(), "campaign": campaign.name, "salt": "s"}
    shares = {"control_share": campaign.control_share, "holdout_share": campaign.holdout_share}
    found = {}
    for one in ids:
        statement = Statement("messages/recipient", {"visitor_id": f"v{one}", **at, **shares})
        [row] = running_sql.query(warehouse.client, warehouse.settings, statement)
        found[one] = row["arm"]
    assert found == {one: arm(one, campaign) for one in ids}
    assert set(found.values()) == {"treated", "control", "holdout"}
