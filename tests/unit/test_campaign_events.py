"""The rules by which campaign events are accepted or refused, and the reasons that a refusal gives."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Malformed
from shared.tracking.contract import MOST, RULES, CampaignEvent, read
from shared.tracking.recording import why_suppressed

NOW = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
SENT = {
    "event_id": "e1",
    "campaign": "sale",
    "customer_id": "anna@example.com",
    "channel": "email",
    "kind": "sent",
    "happened_at": "2026-11-28T09:30:00Z",
}
BOUGHT = SENT | {"kind": "bought", "order_id": "o1", "amount": 9.5, "currency": "EUR"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(list(RULES)), inner),
    max_leaves=10,
)


def test_a_message_is_one_event_or_a_list_of_them():
    assert read(SENT, NOW) == read({"events": [SENT]}, NOW)
    [taken], refused = read(BOUGHT, NOW)
    assert (taken.amount, taken.currency, taken.order_id, refused) == (9.5, "EUR", "o1", [])
    assert len(read({"events": [SENT] * MOST}, NOW)[0]) == MOST


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"events": []}, "with at least one event"),
        ({"events": SENT}, "with at least one event"),
        ({"events": [SENT] * (MOST + 1)}, "has 1,001 events; send at most 1,000 in one message"),
    ],
)
def test_a_message_without_events_or_with_too_many_is_refused_as_a_whole(body, said):
    with pytest.raises(Malformed, match=said):
        read(body, NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", ""),
        ("event_id", None),
        ("campaign", "Summer Sale"),
        ("customer_id", 17),
        ("customer_id", "a\x00"),
        ("customer_id", " anna"),
        ("customer_id", "anna\t"),
        ("customer_id", "\ud800"),
        ("channel", "e-mail"),
        ("channel", "all"),
        ("kind", "viewed"),
        ("happened_at", "2026-11-28T09:30:00"),
        ("happened_at", 1764322200),
        ("bounce", "hard"),
        ("order_id", "o1"),
        ("amount", 3),
        ("currency", "EUR"),
    ],
)
def test_the_error_about_a_wrong_value_names_its_field_and_rule_but_not_the_value(field, value):
    event = SENT | {field: value}
    taken, [refused] = read({"events": [event, SENT]}, NOW)
    assert (len(taken), refused.event) == (1, event)
    assert refused.reason == f"{field} {RULES[field]}"
    assert "anna" not in refused.reason


@pytest.mark.parametrize("field", ["event_id", "campaign", "customer_id", "channel", "kind", "happened_at"])
def test_the_error_about_a_missing_field_names_its_rule(field):
    _, [refused] = read({name: value for name, value in SENT.items() if name != field}, NOW)
    assert refused.reason == f"{field} {RULES[field]}"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (SENT | {"anna@example.com": 1}, "an event is an object with the fields event_id,"),
        (["sent"], "an event is an object with the fields event_id,"),
        (SENT | {"kind": "bounced"}, "bounce must be hard or soft"),
        (BOUGHT | {"currency": None}, "amount must be a number"),
        (BOUGHT | {"amount": None}, "currency must be three"),
        (BOUGHT | {"currency": "euro"}, "currency must be three"),
        (BOUGHT | {"amount": -1}, "amount must be a number"),
        (SENT | {"happened_at": "2026-11-28T13:00:01Z"}, "happened_at must not lie in the future"),
        (SENT | {"happened_at": "2024-11-01T00:00:00Z"}, "happened_at must lie within the last 730 days"),
        (SENT | {"happened_at": "1970-01-21T10:00:00Z"}, "happened_at must lie within the last 730 days"),
    ],
)
def test_an_event_that_contradicts_itself_or_has_an_unlikely_time_is_refused_with_a_remedy(event, said):
    taken, [refused] = read({"events": [event]}, NOW)
    assert taken == []
    assert refused.reason.startswith(said)
    assert "anna" not in refused.reason


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text() | st.just("events"), JSON))
def test_no_message_makes_the_reader_fail(body):
    try:
        taken, refused = read(body, NOW)
    except Malformed:
        return
    assert (taken, len(refused) > 0) == ([], True)


def test_every_field_has_a_rule():
    assert tuple(RULES) == CampaignEvent.__struct_fields__


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (SENT | {"kind": "bounced", "bounce": "hard"}, "hard bounce"),
        (SENT | {"kind": "bounced", "bounce": "soft"}, None),
        (SENT | {"kind": "complained", "channel": "all"}, "complaint"),
        (SENT | {"kind": "unsubscribed"}, "unsubscribe"),
        *((SENT | {"kind": kind}, None) for kind in ("sent", "delivered", "opened", "clicked", "bought")),
    ],
)
def test_hard_bounces_complaints_and_unsubscribes_suppress(event, reason):
    assert why_suppressed(msgspec.convert(event, CampaignEvent)) == reason
