"""What the member ledger holds after requests were sent, and after the platform has processed them."""

import datetime as dt

import pytest

from sql.destinations.test_plan import ADDRESS

AT = dt.datetime(2017, 8, 2, tzinfo=dt.UTC)
RUN = {"created_on": dt.date(2017, 8, 2), "run_id": "20170801-ffffffff"}


def changes(*ids, kind="add", batch=1):
    of = {**RUN, "destination": "files", "kind": kind, "batch": batch, "next_products": [], "digest": "after"}
    return [{**of, "customer_id": one, "email": f"{one}@example.com", **ADDRESS} for one in ids]


def members(*ids, **values):
    of = {"destination": "files", "is_wanted": True, "state": "wanted", "changed_at": AT, "run_id": RUN["run_id"]}
    is_there = values.get("state", "wanted") not in {"wanted", "removed"}
    return [{"customer_id": one, "is_there": is_there, **of, **values} for one in ids]


def there(warehouse):
    return {row["customer_id"] for row in warehouse.rows("destination_members") if row["is_there"]}


def sent(*requests, refused=None):
    refused = refused or {}
    kinds, batches, names = zip(*requests, strict=True)
    lists = {"kinds": list(kinds), "batches": list(batches), "requests": list(names)}
    return {**RUN, **lists, "refused": list(refused), "reasons": list(refused.values()), "now": AT}


def ended(outcomes, reason="", refused=None):
    refused = refused or {}
    lists = {"requests": list(outcomes), "outcomes": list(outcomes.values()), "reasons": [reason] * len(outcomes)}
    return {"destination": "files", **lists, "refused": list(refused), "complaints": list(refused.values()), "now": AT}


@pytest.fixture
def states(warehouse):
    def read():
        return {row["customer_id"]: (row["state"], row["request"]) for row in warehouse.rows("destination_members")}

    return read


def test_members_of_a_sent_batch_have_the_state_sent_and_not_confirmed(warehouse, states):
    rows = changes("a", "b") + changes("c", batch=2) + changes("d", kind="withdraw")
    warehouse.fill(
        {"destination_changes": rows, "destination_members": members("a", "b", "c") + members("d", state="confirmed")}
    )
    parameters = sent(("add", 1, "r1"), ("withdraw", 1, "r2"), refused={"b": "has no address"})
    warehouse.run("destinations/record_sent", parameters)
    assert states() == {"a": ("sent", "r1"), "b": ("refused", "r1"), "c": ("wanted", None), "d": ("leaving", "r2")}
    [a, b] = [row for row in warehouse.rows("destination_members") if row["customer_id"] in "ab"]
    assert (a["email"], a["digest"], b["reason"]) == ("a@example.com", "after", "has no address")
    assert {name: a[name] for name in ADDRESS} == ADDRESS
    assert there(warehouse) == {"a", "d"}


@pytest.mark.slow
def test_recording_sent_members_again_does_not_undo_their_outcome(warehouse, states):
    warehouse.fill({"destination_changes": changes("a"), "destination_members": members("a")})
    warehouse.run("destinations/record_sent", sent(("add", 1, "r1")))
    warehouse.run("destinations/record_outcome", ended({"r1": "confirmed"}))
    warehouse.run("destinations/record_sent", sent(("add", 1, "r1")))
    assert states() == {"a": ("confirmed", "r1")}


def test_a_request_that_has_ended_changes_the_state_of_its_members(warehouse, states):
    before = ("sent", "leaving", "refused", "removed")
    outcomes = ("confirmed", "failed", "unconfirmed")
    rows = [members(f"{one} {how}", state=one, request=how) for one in before for how in outcomes]
    warehouse.fill({"destination_members": [row for some in rows for row in some] + members("b", request="other")})
    for _ in range(2):
        warehouse.run("destinations/record_outcome", ended({how: how for how in outcomes}, "the list is closed"))
    assert {name: state for name, (state, _) in states().items()} == {
        "sent confirmed": "confirmed",
        "sent failed": "failed",
        "sent unconfirmed": "unconfirmed",
        "leaving confirmed": "removed",
        "leaving failed": "unconfirmed",
        "leaving unconfirmed": "unconfirmed",
        **{f"{one} {how}": one for one in ("refused", "removed") for how in outcomes},
        "b": "wanted",
    }
    assert {name for name in states() if name.startswith("leaving")} - there(warehouse) == {"leaving confirmed"}


def test_only_the_members_that_the_destination_refuses_have_the_state_refused(warehouse, states):
    warehouse.fill({"destination_members": members("a", "b", state="sent", request="r1")})
    warehouse.run("destinations/record_outcome", ended({"r1": "confirmed"}, refused={"b": "the row has no key"}))
    assert states() == {"a": ("confirmed", "r1"), "b": ("refused", "r1")}


def test_members_of_another_destination_or_of_a_later_request_are_unchanged(warehouse, states):
    warehouse.fill(
        {
            "destination_members": members("a", destination="meta", state="sent", request="r1")
            + members("b", state="sent", request="later")
        }
    )
    warehouse.run("destinations/record_outcome", ended({"r1": "confirmed"}))
    assert states() == {"a": ("sent", "r1"), "b": ("sent", "later")}
