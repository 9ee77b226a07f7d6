"""A delivery run plans its changes from the audience, the exclusions and the member ledger."""

import datetime as dt
import hashlib

import pytest

DAY = dt.date(2017, 8, 1)
AT = dt.datetime(2017, 8, 2, tzinfo=dt.UTC)
RUN = {"created_on": dt.date(2017, 8, 2), "run_id": "20170801-ffffffff"}
FILES = {
    **RUN,
    "day": DAY,
    "destination": "files",
    "channel": "email",
    "adds": True,
    "removes": True,
    "takes_scores": False,
    "is_keyed_by_address": False,
    "batch_size": 100,
}
ADDRESS = {"first_name": "ann", "last_name": "lee", "country": "FR", "postal_code": "75001"}
BY_ADDRESS = FILES | {"is_keyed_by_address": True}


def customers(*ids, **values):
    return [{"customer_id": one, "email": f"{one}@example.com", "digest": "row", **values} for one in ids]


def audience(*ids, **values):
    rest = {"campaign": "always", "visitors": 1, "orders": 0, "revenue": 0.0, "run_id": "20170801-00000000"}
    of = {"day": DAY, "arm": "treated", "probability": 0.5, "offer": "coupon", "next_products": ["P1"]}
    return [{"customer_id": one, "visitor_id": f"v{one}", **rest, **of, **values} for one in ids]


def exclusions(*ids, **values):
    of = {"day": DAY, "channel": "email", "reason": "no consent to email", "run_id": "20170801-00000000"}
    return [{"customer_id": one, **of, **values} for one in ids]


def members(*ids, **values):
    is_there = values.get("state") not in {"wanted", "removed"}
    of = {"destination": "files", "is_wanted": True, "state": "confirmed", "digest": "before", "request": "r1"}
    of |= {"is_there": is_there}
    rest = {"run_id": "20170731-00000000", "changed_at": AT}
    return [{"customer_id": one, "email": f"{one}@example.com", **of, **rest, **values} for one in ids]


@pytest.fixture
def planned(warehouse):
    """Return a function that fills the tables with `rows`, and plans the changes of a run.

    The function returns the changes as sorted triples (kind, customer, email).
    """

    def run(parameters, **rows):
        warehouse.fill(rows)
        warehouse.run("destinations/plan", parameters, form="customers")
        found = [row for row in warehouse.rows("destination_changes") if row["run_id"] == RUN["run_id"]]
        return sorted((one["kind"], one["customer_id"], one["email"]) for one in found)

    return run


@pytest.mark.slow
def test_treated_customers_without_exclusion_are_added(planned):
    found = planned(
        FILES,
        customers=customers("a", "b", "c", "d", "e"),
        audience_customers=audience("a", "unknown")
        + audience("b", arm="control")
        + audience("c", arm="holdout")
        + audience("d", "e")
        + audience("b", day=dt.date(2017, 7, 31)),
        exclusions=exclusions("d") + exclusions("e", channel="ads") + exclusions("a", day=dt.date(2017, 7, 31)),
    )
    assert found == [("add", "a", "a@example.com"), ("add", "e", "e@example.com")]


@pytest.mark.slow
def test_a_batch_has_at_most_as_many_members_as_the_destination_accepts(warehouse, planned):
    planned(
        FILES | {"batch_size": 2},
        customers=customers("a", "b", "c", "d"),
        audience_customers=audience("a", "b", "c"),
        destination_members=members("d"),
    )
    rows = warehouse.run("destinations/batches", RUN)
    assert [(row["kind"], row["batch"], row["members"]) for row in rows] == [
        ("add", 1, 2),
        ("add", 2, 1),
        ("remove", 1, 1),
    ]
    [member] = warehouse.run("destinations/members_of_batch", {**RUN, "kind": "add", "batch": 2})
    assert (member["customer_id"], member["email"], member["next_products"]) == ("c", "c@example.com", [])


@pytest.mark.slow
def test_a_second_plan_of_the_run_replaces_the_first_and_leaves_other_runs(warehouse, planned):
    other = {"created_on": RUN["created_on"], "destination": "files", "run_id": "20170731-ffffffff"}
    known = {"kind": "add", "batch": 1, "next_products": []}
    rows = [{**other, **known, "customer_id": "z"}, {**other, **RUN, **known, "customer_id": "gone"}]
    given = {"customers": customers("a"), "audience_customers": audience("a"), "destination_changes": rows}
    assert planned(FILES, **given) == [("add", "a", "a@example.com")]
    assert {row["customer_id"] for row in warehouse.rows("destination_changes")} == {"a", "z"}


@pytest.mark.slow
def test_a_member_is_sent_again_only_if_a_field_that_the_destination_uses_has_changed(warehouse, planned):
    given = {"customers": customers("a"), "audience_customers": audience("a")}
    assert planned(FILES, **given, destination_members=members("a")) == [("update", "a", "a@example.com")]
    [row] = warehouse.rows("destination_changes")
    assert len(row["digest"]) == len(hashlib.sha256().hexdigest())
    warehouse.clean()
    assert planned(FILES, **given, destination_members=members("a", digest=row["digest"])) == []
    warehouse.clean()
    # A destination with `takes_scores` = false gets no change if only the score is new.
    given["audience_customers"] = audience("a", probability=0.9)
    assert planned(FILES, **given, destination_members=members("a", digest=row["digest"])) == []
    warehouse.clean()
    with_scores = FILES | {"takes_scores": True}
    assert len(planned(with_scores, **given, destination_members=members("a", digest=row["digest"]))) == 1


@pytest.mark.slow
def test_members_whose_presence_is_uncertain_are_sent_again(planned):
    states = ("sent", "confirmed", "unconfirmed", "failed", "leaving", "refused", "removed", "wanted")
    found = planned(
        FILES,
        customers=customers(*states),
        audience_customers=audience(*states),
        destination_members=[row for state in states for row in members(state, state=state)],
    )
    updated = ["confirmed", "failed", "refused", "sent", "unconfirmed"]
    assert [one for kind, one, _ in found if kind == "update"] == updated
    assert [one for kind, one, _ in found if kind == "add"] == ["leaving", "removed", "wanted"]


@pytest.mark.slow
def test_a_refused_member_is_sent_again_only_with_other_data(warehouse, planned):
    given = {"customers": customers("a"), "audience_customers": audience("a")}
    planned(FILES, **given)
    [row] = warehouse.rows("destination_changes")
    warehouse.clean()
    refused = members("a", state="refused", digest=row["digest"])
    assert planned(FILES, **given, destination_members=refused) == []


@pytest.mark.slow
def test_excluded_members_are_withdrawn_in_each_mode_and_former_members_removed_in_one(planned):
    given = {
        "customers": customers("a", "b"),
        "exclusions": exclusions("a"),
        "destination_members": members("a", "b", "gone")
        + members("c", state="removed")
        # The destination has refused the new data of d, so it still has the former data, which must be withdrawn.
        + members("d", state="refused")
        + members("e", state="refused", is_there=False)
        # The row of f was written before the column `is_there` existed, so the column is NULL.
        + members("f", state="confirmed", is_there=None),
    }
    withdrawn = [("withdraw", one, f"{one}@example.com") for one in ("a", "d", "f", "gone")]
    assert planned(FILES, **given) == [("remove", "b", "b@example.com"), *withdrawn]
    assert planned(FILES | {"adds": False, "removes": False}) == withdrawn


@pytest.mark.slow
def test_a_member_of_the_control_group_is_withdrawn(planned):
    found = planned(
        FILES,
        customers=customers("a"),
        audience_customers=audience("a", arm="control"),
        destination_members=members("a"),
    )
    assert found == [("withdraw", "a", "a@example.com")]


@pytest.mark.slow
def test_in_the_mode_that_only_updates_nobody_is_added(planned):
    found = planned(
        FILES | {"adds": False, "removes": False},
        customers=customers("a", "b"),
        audience_customers=audience("a", "b"),
        destination_members=members("a"),
    )
    assert found == [("update", "a", "a@example.com")]


@pytest.mark.slow
def test_a_former_address_is_removed_if_the_destination_finds_members_by_address(planned):
    given = {
        "customers": customers("a"),
        "audience_customers": audience("a"),
        "destination_members": members("a", email="old@example.com"),
    }
    assert planned(BY_ADDRESS, **given) == [("outdated", "a", "old@example.com"), ("update", "a", "a@example.com")]
    assert planned(FILES) == [("update", "a", "a@example.com")]


@pytest.mark.slow
def test_an_address_that_another_wanted_customer_shares_is_not_taken_away(planned):
    shared = customers("a", "b", email="family@example.com", phone="+33612345678")
    found = planned(
        BY_ADDRESS,
        customers=shared,
        audience_customers=audience("a"),
        destination_members=members("b", email="family@example.com"),
    )
    assert found == [("add", "a", "family@example.com"), ("remove", "b", None)]


def sent_addresses(warehouse):
    rows = warehouse.rows("destination_changes")
    return {(row["kind"], row["customer_id"]): tuple(row[name] for name in ADDRESS) for row in rows}


@pytest.mark.slow
def test_a_removal_has_the_postal_address_that_was_sent_if_the_destination_finds_members_by_address(warehouse, planned):
    given = {"destination_members": members("a", **ADDRESS)}
    planned(BY_ADDRESS, **given)
    assert sent_addresses(warehouse) == {("withdraw", "a"): tuple(ADDRESS.values())}
    warehouse.clean()
    planned(FILES, **given)
    assert sent_addresses(warehouse) == {("withdraw", "a"): (None,) * 4}


@pytest.mark.slow
def test_a_former_postal_address_is_removed_unless_another_wanted_customer_has_it(warehouse, planned):
    moved = ADDRESS | {"postal_code": "13001"}
    known = members("a", **ADDRESS)
    planned(
        BY_ADDRESS,
        customers=customers("a", **moved),
        audience_customers=audience("a"),
        destination_members=known,
    )
    assert sent_addresses(warehouse)["outdated", "a"] == tuple(ADDRESS.values())
    warehouse.clean()
    found = planned(
        BY_ADDRESS,
        customers=customers("a", **moved) + customers("b", **ADDRESS),
        audience_customers=audience("a", "b"),
        destination_members=known,
    )
    assert [(kind, one) for kind, one, _ in found] == [("add", "b"), ("update", "a")]


@pytest.mark.slow
def test_a_first_address_leaves_no_former_address_to_remove(planned):
    found = planned(
        BY_ADDRESS,
        customers=customers("a", phone="+33612345678", **ADDRESS),
        audience_customers=audience("a"),
        destination_members=members("a"),
    )
    assert found == [("update", "a", "a@example.com")]


@pytest.mark.slow
def test_a_part_of_a_postal_address_is_not_removed_when_the_rest_becomes_known(planned):
    found = planned(
        BY_ADDRESS,
        customers=customers("a", **ADDRESS),
        audience_customers=audience("a"),
        destination_members=members("a", country="FR"),
    )
    assert found == [("update", "a", "a@example.com")]


@pytest.mark.slow
def test_the_ledger_records_which_customers_the_plan_wants_as_members(warehouse, planned):
    planned(
        FILES, customers=customers("a", "b"), audience_customers=audience("a"), destination_members=members("b", "c")
    )
    warehouse.run("destinations/want", {**RUN, "now": AT})
    rows = {row["customer_id"]: (row["is_wanted"], row["state"]) for row in warehouse.rows("destination_members")}
    assert rows == {"a": (True, "wanted"), "b": (False, "confirmed"), "c": (False, "confirmed")}
