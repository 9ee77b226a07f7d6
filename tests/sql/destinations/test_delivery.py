"""A delivery run sends the changes of a destination in order, and does not wait for the destination's outcome.

Each change takes effect exactly once, even if requests fail.
"""

import csv
import datetime as dt
from types import SimpleNamespace

import pytest

from functions import send_to_files, send_to_topic
from shared.chain.audience_documents import DELIVERY
from shared.chain.environment import StepContext
from shared.chain.opened_runs import CustomersRun, DeliveryRun
from shared.deadline import Deadline
from shared.destinations.claims import claim, is_followed
from shared.destinations.contract import Answer, Busy
from shared.destinations.documents import Current
from shared.errors import NotReady, Permanent
from shared.events import CustomersDue, CustomersResolved, MembersDelivered, MembersDue, RunSuperseded
from sql.destinations.test_plan import audience, customers, exclusions, members

DAY = dt.date(2017, 8, 1)
HALF_AN_HOUR, MINUTE = dt.timedelta(minutes=30), dt.timedelta(minutes=1)


def now():
    """Return the current time.

    A constant of the module would be too old: tests of other files run between the import of this module and its tests.
    """
    return dt.datetime.now(dt.UTC)


class Platform:
    """A fake destination that records the requests to it, and gives the answers that a test sets."""

    name = "platform"
    form = "customers"
    batch_size = 2
    takes_scores = True
    is_keyed_by_address = False
    waits_for_earlier = False
    first_look = HALF_AN_HOUR
    last_look = dt.timedelta(hours=24)
    channel = "email"
    mode = "replace"

    def __init__(self):
        self.sent = []
        self.members = {}
        self.answers = {}
        self.fault = None

    def validate(self, member):
        return "has no e-mail address" if member.email is None else None

    def apply(self, batch):
        if self.fault and not self.fault.accepts:
            raise self.fault.error
        self.sent.append((batch.name, [one.customer_id for one in batch.members]))
        for one in batch.members:
            if batch.puts:
                self.members[one.customer_id] = one.email
            else:
                self.members.pop(one.customer_id, None)
        if self.fault:
            raise self.fault.error
        return Answer(batch.name, "sent")

    def status(self, request, members):
        answer = self.answers.get(request, Answer(request, "confirmed"))
        if isinstance(answer, Busy):
            raise answer
        return answer


@pytest.fixture
def platform():
    return Platform()


def resolved(world, number=0, day=DAY):
    """Open a run of resolve_customers, and return its last event."""
    run_id = f"{day:%Y%m%d}-0000000{number}"
    at = now() + dt.timedelta(minutes=number)
    world.environment.runs.open(CustomersRun(at, CustomersDue(run_id), day, "20170801-ffffffff"))
    return CustomersResolved(run_id, day, 3)


def bring_forward(world, event, later=dt.timedelta(0), step=None, seconds=60):
    """Deliver an event to a step at the time now + `later`. The step's deadline is `seconds` after its start.

    Return the event that the step returns. Return None if the step returns none, or if the message opens no run.
    """
    step = step or world.step
    message = SimpleNamespace(topic=event.topic, body=event.to_json() if event.run_id else {})
    due = step.event(message, world.environment, now())
    if due is None:
        return None
    return step.run(due, StepContext(world.environment, due.run_id, step.name, now() + later, Deadline(seconds)))


TICK = SimpleNamespace(topic=MembersDue.topic, run_id="", to_json=dict)


def open_delivery_run(world, destination, number="0000000d"):
    due = MembersDue(f"20170801-{number}")
    opened = DeliveryRun(opened_at=now(), event=due, as_of=DAY, destination=destination, mode="replace")
    world.environment.runs.open(opened)
    return due


def states(world):
    world.warehouse.known.clear()
    return {row["customer_id"]: row["state"] for row in world.warehouse.rows("destination_members")}


@pytest.mark.slow
def test_the_audience_becomes_files_and_a_second_delivery_changes_nothing(world):
    world.warehouse.fill({"customers": customers("a", "b", "c"), "audience_customers": audience("a", "b")})
    delivered = bring_forward(world, resolved(world), step=send_to_files.STEP)
    assert isinstance(delivered, MembersDelivered)
    assert (delivered.destination, delivered.members) == ("files", 2)
    assert states(world) == {"a": "confirmed", "b": "confirmed"}
    [blob] = world.environment.bucket.list_blobs(prefix="deliveries/")
    rows = list(csv.DictReader(blob.download_as_text().splitlines()))
    assert [(row["operation"], row["customer_id"], row["offer"], row["next_products"]) for row in rows] == [
        ("put", "a", "coupon", "P1"),
        ("put", "b", "coupon", "P1"),
    ]
    assert bring_forward(world, resolved(world), step=send_to_files.STEP) == delivered
    assert len(list(world.environment.bucket.list_blobs(prefix="deliveries/"))) == 1


@pytest.mark.slow
def test_a_pending_request_is_not_delivered_and_its_outcome_is_requested_when_due(world, platform):
    world.warehouse.fill({"customers": customers("a", "b", "c"), "audience_customers": audience("a", "b", "c")})
    assert bring_forward(world, resolved(world)) is None
    assert len(platform.sent) == 2
    assert set(states(world).values()) == {"sent"}
    # The scheduled message has no effect, because it is too early to ask the platform again.
    assert bring_forward(world, TICK) is None
    of_c = platform.sent[1][0]
    platform.answers = {of_c: Busy("429", now() + 2 * HALF_AN_HOUR)}
    assert bring_forward(world, TICK, later=HALF_AN_HOUR + MINUTE) is None
    assert states(world) == {"a": "confirmed", "b": "confirmed", "c": "sent"}
    platform.answers = {of_c: Answer(of_c, "failed", detail="the list is closed")}
    delivered = bring_forward(world, TICK, later=2 * HALF_AN_HOUR)
    assert delivered.members == 2
    assert states(world) == {"a": "confirmed", "b": "confirmed", "c": "failed"}
    found = world.environment.runs.read(delivered.run_id, DELIVERY)
    assert (found.planned, found.outcomes, found.problems) == (
        {"add": 3},
        {"confirmed": 2, "failed": 1},
        ["the list is closed"],
    )


@pytest.mark.slow
def test_a_member_whose_former_address_is_refused_is_sent_with_the_new_one(world, platform):
    platform.is_keyed_by_address = True
    former = members("a", destination="platform", phone="+33612345678")
    given = {"customers": customers("a", phone="+33687654321"), "audience_customers": audience("a")}
    world.warehouse.fill({**given, "destination_members": former})
    assert bring_forward(world, resolved(world)) is None
    # The platform refuses members without an e-mail address. The former address is a phone number, so its removal is
    # not sent.
    assert [customers for _, customers in platform.sent] == [["a"]]
    assert states(world) == {"a": "sent"}


@pytest.mark.slow
def test_a_request_that_stays_pending_for_a_day_is_unconfirmed_and_not_delivered(world, platform):
    world.warehouse.fill({"customers": customers("a"), "audience_customers": audience("a")})
    bring_forward(world, resolved(world))
    platform.answers = {platform.sent[0][0]: Answer(platform.sent[0][0], "sent")}
    assert bring_forward(world, TICK, later=HALF_AN_HOUR * 2) is None
    delivered = bring_forward(world, TICK, later=dt.timedelta(hours=25))
    assert (delivered.members, states(world)) == (0, {"a": "unconfirmed"})


@pytest.mark.slow
def test_one_member_that_the_destination_cannot_accept_does_not_delay_the_others(world, platform):
    people = customers("a", "c") + customers("b", email=None)
    world.warehouse.fill({"customers": people, "audience_customers": audience("a", "b", "c")})
    bring_forward(world, resolved(world))
    assert sorted(platform.members) == ["a", "c"]
    assert states(world) == {"a": "sent", "b": "refused", "c": "sent"}
    delivered = bring_forward(world, TICK, later=2 * HALF_AN_HOUR)
    found = world.environment.runs.read(delivered.run_id, DELIVERY)
    assert (found.outcomes, found.refused) == ({"confirmed": 2}, {"has no e-mail address": 1})


@pytest.mark.slow
@pytest.mark.parametrize("accepts", [False, True])
def test_a_batch_is_sent_again_after_a_fault_and_has_one_effect(world, platform, accepts):
    world.warehouse.fill({"customers": customers("a", "b", "c"), "audience_customers": audience("a", "b", "c")})
    event = resolved(world)
    platform.fault = SimpleNamespace(accepts=accepts, error=ConnectionResetError("between two batches"))
    with pytest.raises(ConnectionResetError):
        bring_forward(world, event)
    platform.fault = None
    assert bring_forward(world, event) is None
    assert platform.members == {one: f"{one}@example.com" for one in "abc"}
    assert len({name for name, _ in platform.sent}) == 2
    assert set(states(world).values()) == {"sent"}


@pytest.mark.slow
def test_batches_that_were_sent_before_a_fault_are_recorded_in_the_ledger(world, platform):
    world.warehouse.fill({"customers": customers("a", "b", "c"), "audience_customers": audience("a", "b", "c")})
    apply = platform.apply

    def second_fails(batch):
        if batch.number == 2:
            raise ConnectionResetError("before the second batch")
        return apply(batch)

    platform.apply = second_fails
    event = resolved(world)
    with pytest.raises(ConnectionResetError):
        bring_forward(world, event)
    assert states(world) == {"a": "sent", "b": "sent", "c": "wanted"}
    platform.apply = apply
    bring_forward(world, event)
    assert [members for _, members in platform.sent] == [["a", "b"], ["c"]]


@pytest.mark.slow
def test_if_a_destination_asks_to_wait_the_rest_is_sent_in_a_later_delivery(world, platform):
    world.warehouse.fill({"customers": customers("a"), "audience_customers": audience("a")})
    event = resolved(world)
    platform.fault = SimpleNamespace(accepts=False, error=Busy("429", now() + dt.timedelta(hours=1)))
    with pytest.raises(NotReady, match="platform asks to wait until"):
        bring_forward(world, event)
    platform.fault = None
    assert bring_forward(world, event) is None
    assert len(platform.sent) == 1


@pytest.mark.slow
def test_customers_without_consent_are_removed_first_and_other_removals_follow_all_additions(world, platform):
    world.warehouse.fill({"customers": customers("a", "b", "c"), "audience_customers": audience("a", "b")})
    bring_forward(world, resolved(world))
    bring_forward(world, TICK, later=2 * HALF_AN_HOUR)
    platform.sent.clear()
    tomorrow = DAY + dt.timedelta(1)
    world.warehouse.fill(
        {"audience_customers": audience("c", day=tomorrow), "exclusions": exclusions("a", day=tomorrow)}
    )
    assert bring_forward(world, resolved(world, 1, tomorrow)) is None
    assert [(name.split("-")[2], members) for name, members in platform.sent] == [("withdraw", ["a"]), ("add", ["c"])]
    assert bring_forward(world, TICK, later=3 * HALF_AN_HOUR) is None
    assert platform.sent[-1][1] == ["b"]
    assert isinstance(bring_forward(world, TICK, later=6 * HALF_AN_HOUR), MembersDelivered)
    assert states(world) == {"a": "removed", "b": "removed", "c": "confirmed"}


@pytest.mark.slow
def test_a_newer_audience_replaces_the_former_one_and_follows_its_pending_requests(world, platform):
    world.warehouse.fill({"customers": customers("a", "b"), "audience_customers": audience("a")})
    first = resolved(world)
    assert bring_forward(world, first) is None
    tomorrow = DAY + dt.timedelta(1)
    world.warehouse.fill({"audience_customers": audience("a", "b", day=tomorrow)})
    second = resolved(world, 1, tomorrow)
    assert bring_forward(world, second) is None
    # The first batch, with member a, is not sent again, although the platform has not confirmed the batch yet.
    assert [members for _, members in platform.sent] == [["a"], ["b"]]
    assert bring_forward(world, first) is None
    delivered = bring_forward(world, TICK, later=2 * HALF_AN_HOUR)
    assert isinstance(delivered, MembersDelivered)
    assert states(world) == {"a": "confirmed", "b": "confirmed"}
    runs = world.environment.runs
    [former] = [run for run in runs.ids() if run.startswith("20170801") and run != first.run_id]
    context = StepContext(world.environment, former, world.step.name, now(), Deadline(60))
    assert world.step.run(MembersDue(former), context) == RunSuperseded(former, delivered.run_id)


def test_functions_of_other_destinations_do_not_handle_a_resumed_run_even_if_they_are_off(world):
    due = open_delivery_run(world, "platform")
    assert world.environment.settings.topic.mode == "off"
    assert bring_forward(world, due, step=send_to_topic.STEP) is None


def test_scheduled_messages_continue_only_the_current_run_of_a_destination_that_is_on(world):
    of_files, of_topic = open_delivery_run(world, "files", "0000000f"), open_delivery_run(world, "topic", "0000000d")
    for destination, due in (("files", of_files), ("topic", of_topic)):
        claim(destination, world.environment).replace(Current(due.run_id, now()), 0)
    assert is_followed(of_files.run_id, world.environment)
    assert not is_followed(of_topic.run_id, world.environment)
    current = claim("files", world.environment)
    current.replace(Current("20170801-0000000e", now()), current.read()[1])
    assert not is_followed(of_files.run_id, world.environment)


def test_a_run_whose_destination_was_switched_off_fails_and_names_the_setting(world):
    due = open_delivery_run(world, "topic")
    with pytest.raises(Permanent, match=rf"topic is off: set topic\.mode, or reset run {due.run_id}"):
        bring_forward(world, due, step=send_to_topic.STEP)


def test_a_scheduled_message_without_pending_requests_opens_no_run(world):
    assert bring_forward(world, TICK) is None
    assert world.environment.runs.ids() == []


@pytest.mark.slow
def test_the_members_of_all_destinations_are_counted_by_state(world):
    world.warehouse.fill({"customers": customers("a", "b"), "audience_customers": audience("a", "b")})
    bring_forward(world, resolved(world))
    bring_forward(world, resolved(world), step=send_to_files.STEP)
    assert world.warehouse.run("destinations/states") == [
        {"destination": "files", "state": "confirmed", "reason": None, "members": 2},
        {"destination": "platform", "state": "sent", "reason": None, "members": 2},
    ]
