"""resolve_customers finds the customers of an audience's visitors, and their values and arms."""

import datetime as dt
import hashlib

import pytest

from shared.customers import resolving
from shared.customers.arms import arm
from shared.errors import Permanent
from shared.settings import Settings
from sql.customers.scene import (
    DAY,
    EARLIER,
    NOW,
    audience,
    crm,
    links,
    resolve,
    rows,
    withheld_of,
)


@pytest.mark.slow
def test_visitors_are_matched_by_link_login_or_hashed_address_unless_two_customers_match(world):
    hashed = hashlib.sha256(b"c@example.com").hexdigest().upper()
    session = {"day": DAY, "started_at": NOW, "is_new_visit": True}
    logins = [
        {"session_id": "1", "visitor_id": "v4", "user_id": "d", **session},
        {"session_id": "2", "visitor_id": "v5", "user_id": "u-5", **session},
        {"session_id": "3", "visitor_id": "v6", "user_id": "d", **session},
    ]
    world.warehouse.fill(
        {
            "crm_customers": crm("a", "b", "c", "d", "e"),
            "crm_visitors": [
                *links(v1="a", v2="a", v6="b", v9="nobody"),
                {"visitor_id": "v3", "email_sha256": hashed},
                {"user_id": "u-5", "customer_id": "e"},
            ],
            "sessions": logins,
            "audience": audience("v1", "v3", "v4", "v5", "v6", "v7") + audience("v2", probability=0.9),
        }
    )
    found = resolve(world)
    assert (found.visitors, found.matched, found.conflicts, found.unmatched) == (7, 5, 1, 1)
    matched = {row["visitor_id"]: (row["customer_id"], row["matched_by"]) for row in rows(world, "customer_visitors")}
    assert matched == {
        "v1": ("a", "crm_visitors"),
        "v2": ("a", "crm_visitors"),
        "v3": ("c", "email_sha256"),
        "v4": ("d", "user_id"),
        "v5": ("e", "user_id"),
        "v6": (None, "crm_visitors"),
    }
    best = {row["customer_id"]: (row["visitor_id"], row["visitors"]) for row in rows(world, "audience_customers")}
    assert best["a"] == ("v2", 2)


@pytest.mark.slow
def test_a_customer_has_the_orders_of_all_visitors_and_an_expected_value(world):
    order = {"session_id": "1", "day": DAY, "ordered_at": NOW, "refunded": 0.0, "reports": 1}
    world.warehouse.fill(
        {
            "crm_customers": crm("a", "b"),
            "crm_visitors": links(v1="a", v2="a", v3="b"),
            "audience": audience("v1", "v3", next_products=["P1", "P2"]),
            "orders": [
                {"order_id": "1", "visitor_id": "v1", "revenue": 10.0, **order},
                {"order_id": "2", "visitor_id": "v2", "revenue": 30.0, **order | {"refunded": 10.0}},
                {"order_id": "3", "visitor_id": "v9", "revenue": 90.0, **order},
                {"order_id": "4", "visitor_id": "v3", "revenue": 5.0, **order | {"refunded_on": DAY}},
            ],
        }
    )
    resolve(world)
    found = {row["customer_id"]: row for row in rows(world, "audience_customers")}
    a, b = found["a"], found["b"]
    assert (a["orders"], a["revenue"], a["expected_value"], a["next_products"]) == (2, 30.0, 7.5, ["P1", "P2"])
    # Customer b has no order left, so the mean value of the shop's orders is used: (10 + 20 + 90) / 3 = 40.
    assert (b["orders"], b["expected_value"]) == (0, 20.0)


@pytest.mark.slow
def test_the_expected_value_of_a_valued_customer_contains_only_the_days_probability(world):
    """The expected value is the day's probability of an order times the expected revenue of an order.

    The table customer_value has a probability of its own, by which the product must not be multiplied again.
    """
    valued = {"horizon_days": 90, "expected_orders": 3.0, "probability": 0.9, "method": "bgnbd", "run_id": "r"}
    days = ((DAY - dt.timedelta(days=1), 30.0), (DAY - dt.timedelta(days=8), 99.0))
    world.warehouse.fill(
        {
            "crm_customers": crm("a"),
            "crm_visitors": links(v1="a"),
            "audience": audience("v1"),
            "customer_value": [
                {"day": day, "customer_id": "a", "revenue_per_order": one, "expected_revenue": 3 * one, **valued}
                for day, one in days
            ],
        }
    )
    resolve(world)
    [a] = rows(world, "audience_customers")
    assert a["expected_value"] == a["probability"] * 30.0


@pytest.mark.slow
def test_the_arm_is_the_same_in_sql_and_python_has_its_share_and_never_changes(world):
    ids = [f"customer {number} é" for number in range(1000)]
    world.warehouse.fill(
        {
            "crm_customers": crm(*ids),
            "crm_visitors": [{"visitor_id": f"v{number}", "customer_id": one} for number, one in enumerate(ids)],
            "audience": audience(*(f"v{number}" for number in range(500))),
        }
    )
    campaign = world.environment.settings.campaign
    expected = {one: arm(one, campaign) for one in ids}
    resolve(world)
    found = {row["customer_id"]: row["arm"] for row in rows(world, "audience_customers")}
    assert found == {one: expected[one] for one in ids[:500]}
    # The checkout makes no offer to customers of the control group and of the holdout, whether or not the audience has
    # them.
    assert withheld_of(world, ids) == {f"v{number}" for number, one in enumerate(ids) if expected[one] != "treated"}
    counts = [list(expected.values()).count(one) for one in ("holdout", "control")]
    # The tolerances are four standard deviations of the binomial counts of 1,000 customers with shares 0.1 and 0.18.
    assert abs(counts[0] - 100) < 38
    assert abs(counts[1] - 180) < 49

    # On the next day, the settings have another share of the control group, and the audience has all customers.
    everybody = Settings.from_document(
        {
            "project": "local-project",
            "bucket": "statements",
            "dataset": "statements",
            "campaign": {"salt": "s", "control_share": 1.0, "holdout_share": 0.1},
        }
    )
    world.environment.settings = everybody
    tomorrow = DAY + dt.timedelta(1)
    world.warehouse.fill({"audience": audience(*(f"v{number}" for number in range(1000)), day=tomorrow)})
    resolve(world, 1, tomorrow)
    later = {row["customer_id"]: row["arm"] for row in rows(world, "audience_customers") if row["day"] == tomorrow}
    assert {one: later[one] for one in ids[:500]} == found
    assert {later[one] for one in ids[500:]} == {"control", "holdout"}
    assert len(rows(world, "assignments")) == 1000
    treated = {f"v{ids.index(one)}" for one, of in found.items() if of == "treated"}
    assert withheld_of(world, ids) == {f"v{number}" for number in range(1000)} - treated


@pytest.mark.slow
def test_a_second_delivery_changes_nothing_and_a_changed_row_is_checked_again(world):
    world.warehouse.fill(
        {
            "crm_customers": [
                *crm("a", phone="06 12 34 56 78"),
                *crm("b", email="no address"),
                *crm("c"),
                *crm("c ", email="other@example.com"),
                *crm("d"),
                *crm("d"),
            ],
            "crm_visitors": links(v1="a"),
            "audience": audience("v1"),
        }
    )
    found = resolve(world)
    assert (found.refused_rows, found.refused_values) == (2, 1)
    customers = {row["customer_id"]: (row["email"], row["phone"]) for row in rows(world, "customers")}
    assert customers == {"a": ("a@example.com", "+33612345678"), "b": (None, None), "d": ("d@example.com", None)}
    refused = [(row["customer_id"], row["field"], row["is_refused"]) for row in rows(world, "refused_customers")]
    assert sorted(refused) == [("b", "email", False), ("c", "customer_id", True), ("c", "customer_id", True)]
    assert all("no address" not in row["rule"] for row in rows(world, "refused_customers"))
    assert resolve(world) == found
    before = rows(world, "customers")
    world.warehouse.client.query_and_wait(
        f"update {world.warehouse.settings.dataset}.crm_customers set email = 'b@example.com' where customer_id = 'b'"  # noqa: S608
    )
    assert resolve(world, 1).refused_values == 0
    assert len(rows(world, "customers")) == len(before)


@pytest.mark.slow
def test_pages_are_checked_one_by_one(world, monkeypatch):
    monkeypatch.setattr(resolving, "PAGE", 3)
    world.warehouse.fill({"crm_customers": crm(*"abcdefgh"), "audience": audience("v1")})
    assert resolve(world).matched == 0
    assert len(rows(world, "customers")) == 8


@pytest.mark.slow
def test_if_the_crm_table_has_lost_its_rows_no_customers_are_withdrawn(world):
    world.warehouse.fill({"crm_customers": crm(*"abcd"), "audience": audience("v1")})
    resolve(world)
    dataset = world.warehouse.settings.dataset
    world.warehouse.client.query_and_wait(f"delete from {dataset}.crm_customers where customer_id > 'a'")  # noqa: S608
    with pytest.raises(Permanent, match=r"crm_customers has 1 rows, and 4 were known: load it again"):
        resolve(world, 1)
    assert len(rows(world, "customers")) == 4


@pytest.mark.slow
def test_a_customer_in_the_holdout_stays_in_it_in_the_next_campaign(world):
    before = {
        "campaign": "spring",
        "arm": "holdout",
        "exclusions": [],
        "day": DAY,
        "assigned_at": EARLIER,
        "run_id": "r",
    }
    world.warehouse.fill(
        {
            "crm_customers": crm("a"),
            "crm_visitors": links(v1="a"),
            "audience": audience("v1"),
            "assignments": [{"customer_id": "a", "day": DAY, "run_id": "r", **before}],
        }
    )
    assert resolve(world).arms == {"holdout": 1}
    assert withheld_of(world, ["a", "b"]) == {"v1"}


def test_a_shop_without_a_crm_has_no_customers_and_pays_for_one_statement(world):
    world.warehouse.fill({"audience": audience("v1")})
    found = resolve(world)
    assert (found.customers, found.visitors) == (0, 0)
    assert rows(world, "exclusions") == []


@pytest.mark.slow
def test_a_run_runs_each_statement_once_even_if_its_event_is_delivered_repeatedly(world):
    named = {
        *("customers/sizes", "customers/unchecked", "customers/checked", "customers/refused"),
        *("customers/visitors", "customers/audience"),
        *("customers/exclusions", "customers/assignments", "customers/matches", "customers/arms"),
        *("customers/excluded", "customers/withheld"),
    }
    world.warehouse.fill({"crm_customers": crm("a", phone="wrong"), "audience": audience("v1")})
    day = dt.date(2017, 8, 7)
    for _ in range(2):
        resolve(world, 7, day)
    ids = [job.job_id for job in world.warehouse.client.list_jobs(max_results=200)]
    mine = [one for one in ids if one.startswith("20170807-")]
    for name in named:
        assert sum(name.replace("/", "-") in one for one in mine) == 1, name
    # These two statements delete rows of former runs. The first run leaves them out, because there are no such rows.
    for name in ("customers/forget_customers", "customers/forget_refusals"):
        assert not any(name.replace("/", "-") in one for one in mine), name
