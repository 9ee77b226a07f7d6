"""The function track_campaign counts repeated deliveries once, and applies suppressions at once.

Uses the local BigQuery and Pub/Sub.
"""

import datetime as dt
import itertools
import json
import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from types import SimpleNamespace

import pytest
from google.cloud import bigquery
from google.cloud import storage as gcs

from deskcloud import pubsub
from fixtures.pubsub import PROJECT, Broker, pushed
from functions import resolve_customers, send_to_files, track_campaign
from shared.chain.environment import Environment, StepContext
from shared.chain.runs import Record
from shared.deadline import Deadline
from shared.events import AudiencePublished, CustomersDue, MembersDelivered
from shared.settings import Settings

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.date(2017, 8, 1)
TOPIC = "campaign-events"
# The states of the lifecycle. An event moves the lifecycle only to a state further to the right.
STATES = ("sent", "bounced", "delivered", "opened", "clicked", "bought", "unsubscribed", "complained")


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with pubsub.serve(tmp_path_factory.mktemp("pubsub")) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBSUB_EMULATOR_HOST", server.host)
        yield Broker(server.host, [TOPIC, "dead-letters"])


@pytest.fixture
def world(warehouse, broker, monkeypatch):
    found = warehouse.settings
    document = {"project": PROJECT, "bucket": found.bucket, "dataset": found.dataset, "files": {"mode": "replace"}}
    campaign = {"control_share": 0.0, "holdout_share": 0.0}
    environment = Environment(Settings.from_document(document | {"campaign": campaign}))
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(found.project)
    monkeypatch.setattr(track_campaign, "clients", lambda: environment)
    written = "customers refused_customers customer_visitors audience_customers exclusions assignments"
    of_destinations = "destination_changes destination_members"
    warehouse.filled.update(written.split(), of_destinations.split(), ("campaign_events", "campaign_suppressions"))
    yield SimpleNamespace(environment=environment, warehouse=warehouse, broker=broker)
    for blob in environment.bucket.list_blobs():
        blob.delete()


def event(kind, event_id="e1", customer_id="a", **more):
    told = {"event_id": event_id, "campaign": "sale", "customer_id": customer_id, "channel": "email", "kind": kind}
    return {**told, "happened_at": NOW.isoformat(), **more}


def deliver(body, message_id="17"):
    assert track_campaign.track_campaign(pushed(body, TOPIC, message_id, published_at=NOW)) == ("", 204)


def rows(world, table):
    world.warehouse.known.clear()
    return world.warehouse.rows(table)


def lifecycles(world):
    found = world.warehouse.run("tables/lifecycles", dataset=f"{world.warehouse.client.project}.statements")
    return {(row["campaign"], row["customer_id"]): row for row in found}


@pytest.mark.slow
def test_an_event_that_pub_sub_delivers_again_and_that_is_sent_again_counts_once(world):
    """Two messages contain the same events. Each message is delivered twice, and all deliveries are simultaneous."""
    world.warehouse.known.clear()
    body = {"events": [event("unsubscribed"), event("bought", "e2", order_id="o1", amount=30, currency="EUR")]}
    for _ in range(2):
        world.environment.send(TOPIC, body)
    messages = world.broker.published(TOPIC)
    assert len(messages) == 2
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: deliver(json.loads(one.data), one.message_id), messages * 2))
    [lifecycle] = lifecycles(world).values()
    assert (lifecycle["state"], lifecycle["bought_at"]) == ("unsubscribed", NOW)
    assert {(one["kind"], one["events"]) for one in lifecycle["by_channel"]} == {("bought", 1), ("unsubscribed", 1)}
    suppressed = {tuple(one.values()) for one in rows(world, "campaign_suppressions")}
    assert suppressed == {("a", "email", "unsubscribe", NOW, None, "sale", "e1")}


def test_a_wrong_event_becomes_a_dead_letter_and_the_others_of_its_message_count(world):
    wrong = event("opened", "e2", happened_at="yesterday")
    deliver({"events": [event("sent"), wrong, event("clicked", "e3")]})
    [letter] = world.broker.published("dead-letters")
    assert json.loads(letter.data) == {"events": [wrong]}
    assert letter.attributes["rejected_for"].startswith("events[0]: happened_at must be a time of RFC 3339")
    assert lifecycles(world)["sale", "a"]["state"] == "clicked"


@pytest.mark.parametrize(
    ("told", "channel", "reason"),
    [
        (event("bounced", bounce="hard"), "email", "hard bounce"),
        (event("complained"), "email", "complaint"),
        (event("unsubscribed", channel="all"), "all", "unsubscribe"),
        (event("unsubscribed", channel="ads"), "ads", "unsubscribe"),
    ],
)
def test_a_bounce_complaint_or_unsubscription_suppresses_the_customer_on_its_channel(world, told, channel, reason):
    deliver(told)
    [found] = rows(world, "campaign_suppressions")
    assert (found["customer_id"], found["channel"], found["reason"]) == ("a", channel, reason)


def test_no_other_event_suppresses_and_a_suppression_applies_even_if_the_senders_clock_is_fast(world):
    deliver({"events": [event("bounced", bounce="soft"), event("delivered"), event("bought")]})
    assert rows(world, "campaign_suppressions") == []
    deliver(event("complained", happened_at=(NOW + dt.timedelta(minutes=30)).isoformat()))
    assert [one["since"] for one in rows(world, "campaign_suppressions")] == [NOW]


def test_an_event_is_stored_with_its_values_and_null_for_missing_ones(world):
    parameters = {
        "event_ids": ["e1", "e2"],
        "ids": ["a", "b"],
        "campaigns": ["sale", "sale"],
        "channels": ["email", "ads"],
        "event_kinds": ["bounced", "bought"],
        "times": [NOW, NOW],
        "bounces": ["soft", ""],
        "order_ids": ["", "o1"],
        "amounts": [0.0, 9.5],
        "currencies": ["", "EUR"],
        "received_at": NOW,
    }
    world.warehouse.run("tracking/record_events", parameters)
    nothing = {"bounce": None, "order_id": None, "amount": None, "currency": None}
    same = {"campaign": "sale", "happened_on": NOW.date(), "happened_at": NOW, "received_at": NOW}
    bounced = {**same, **nothing, "customer_id": "a", "channel": "email", "kind": "bounced", "event_id": "e1"}
    bought = {**same, **nothing, "customer_id": "b", "channel": "ads", "kind": "bought", "event_id": "e2"}
    assert sorted(rows(world, "campaign_events"), key=itemgetter("event_id")) == [
        bounced | {"bounce": "soft"},
        bought | {"order_id": "o1", "amount": 9.5, "currency": "EUR"},
    ]


def history(dice):
    """Return up to five random events of a customer. Some of them can happen at the same time."""
    return [
        {
            "event_id": f"e{number}",
            "channel": dice.choice(["ads", "email"]),
            "kind": dice.choice(STATES),
            "happened_at": NOW - dt.timedelta(minutes=dice.randint(0, 6)),
        }
        for number in range(dice.randint(1, 5))
    ]


def as_it_arrives(events):
    """Compute the lifecycle that must result from the events, by applying one event after another.

    The lifecycle has the state and, for each kind of event, the first time, the last time and the count.
    """
    seen, state, times = set(), -1, {}
    for one in events:
        if one["event_id"] in seen:
            continue
        seen.add(one["event_id"])
        state = max(state, STATES.index(one["kind"]))
        first, last, count = times.get((one["channel"], one["kind"]), (one["happened_at"], one["happened_at"], 0))
        of_kind = min(first, one["happened_at"]), max(last, one["happened_at"]), count + 1
        times[one["channel"], one["kind"]] = of_kind
    return STATES[state], times


@pytest.mark.slow
def test_a_history_has_the_same_lifecycle_in_any_order_and_with_duplicates(world):
    """For each of 1,000 random histories, ten customers get its events, each customer in a random order."""
    dice = random.Random(16)  # noqa: S311 - seeded test data, not for security
    histories = [history(dice) for _ in range(1000)]
    arrivals, given = defaultdict(list), []
    for (number, events), order in itertools.product(enumerate(histories), range(10)):
        told = events + dice.choices(events, k=1)
        dice.shuffle(told)
        arrivals[number].append(told)
        of = {"happened_on": NOW.date(), "customer_id": f"{number}|{order}", "campaign": "sale", "received_at": NOW}
        given += [{**of, **one} for one in told]
    lines = json.loads(json.dumps(given, default=str))
    dice.shuffle(lines)
    table = world.warehouse.path("campaign_events")
    config = bigquery.LoadJobConfig(schema=world.warehouse.schemas["campaign_events"])
    world.warehouse.client.load_table_from_json(lines, table, job_config=config).result()
    found = list(
        world.warehouse.client.query_and_wait(
            f"""select number, state, by_channel, count(*) as orders
            from (
                select split(customer_id, '|')[offset(0)] as number, state, to_json_string(by_channel) as by_channel
                from {table.rpartition(".")[0]}.lifecycles
            )
            group by number, state, by_channel"""  # noqa: S608 - the statement contains only our own names
        )
    )
    assert {int(row["number"]): row["orders"] for row in found} == dict.fromkeys(range(1000), 10)
    for row in found:
        [expected] = {
            repr((state, sorted(times.items()))) for state, times in map(as_it_arrives, arrivals[int(row["number"])])
        }
        times = {
            (one["channel"], one["kind"]): (_time(one["first_at"]), _time(one["last_at"]), one["events"])
            for one in json.loads(row["by_channel"])
        }
        assert repr((row["state"], sorted(times.items()))) == expected


def _time(text):
    return dt.datetime.fromisoformat(text)


def in_run(world, step, message):
    """Open the run that a message asks for, and run the step in this run. Return the step's event.

    Return None if the message opens no run.
    """
    now = dt.datetime.now(dt.UTC)
    due = step.event(message, world.environment, now)
    if due is None:
        return None
    deadline = Deadline(60)
    returned = step.run(due, StepContext(world.environment, due.run_id, step.name, now, deadline))
    world.environment.runs.finish(due.run_id, Record(step.name, returned, now, now, 0.0))
    return returned


def as_message(event):
    return SimpleNamespace(topic=event.topic, body=event.to_json())


TICK = SimpleNamespace(topic=CustomersDue.topic, body={})


@pytest.mark.slow
def test_customers_who_unsubscribe_are_withdrawn_together_by_the_next_scheduled_run(world):
    ids = [f"c{number}" for number in range(40)]
    earlier = NOW - dt.timedelta(days=30)
    of_audience = {"day": DAY, "probability": 0.5, "decile": 1, "offer": "coupon", "model_version": "1", "run_id": "r"}
    consent = {"purpose": "email", "is_granted": True, "stated_at": earlier}
    world.warehouse.fill(
        {
            "crm_customers": [{"customer_id": one, "email": f"{one}@example.com"} for one in ids],
            "crm_visitors": [{"visitor_id": f"v{one}", "customer_id": one} for one in ids],
            "consents": [{"customer_id": one, **consent} for one in ids],
            "audience": [{"visitor_id": f"v{one}", **of_audience} for one in ids],
        }
    )
    assert in_run(world, resolve_customers.STEP, TICK) is None
    published = AudiencePublished("20170801-00000000", DAY, "gs://b/m.json", 1)
    resolved = in_run(world, resolve_customers.STEP, as_message(published))
    assert isinstance(in_run(world, send_to_files.STEP, as_message(resolved)), MembersDelivered)
    assert states(world) == dict.fromkeys(ids, "confirmed")

    for start in range(0, 30, 10):
        deliver({"events": [event("unsubscribed", f"e{one}", one) for one in ids[start : start + 10]]})
    again = in_run(world, resolve_customers.STEP, TICK)
    assert (again.day, again.run_id != resolved.run_id) == (DAY, True)
    assert isinstance(in_run(world, send_to_files.STEP, as_message(again)), MembersDelivered)
    assert states(world) == dict.fromkeys(ids[:30], "removed") | dict.fromkeys(ids[30:], "confirmed")
    assert in_run(world, resolve_customers.STEP, TICK) is None
    runs = [one for one in world.environment.runs.ids() if world.environment.runs.record(one, "resolve_customers")]
    assert sorted(runs) == sorted([resolved.run_id, again.run_id])


def states(world):
    return {row["customer_id"]: row["state"] for row in rows(world, "destination_members")}
