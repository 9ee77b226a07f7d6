"""Which customers may be sent to a destination, depending on consent, suppressions and recent orders."""

import datetime as dt
import random

import pytest

from shared import warehouse
from shared.chain.audience_documents import Excluded
from shared.customers.arms import arm
from shared.destinations.delivery import plan_parameters
from shared.destinations.files import FileDestination
from shared.warehouse import Statement
from sql.customers.scene import (
    DAY,
    EARLIER,
    EVERYTHING,
    NOW,
    audience,
    consents,
    crm,
    excluded,
    links,
    resolve,
    rows,
)


@pytest.mark.slow
def test_only_customers_whose_latest_statement_consents_may_be_reached(world):
    people = ("all", "none", "email", "withdrew", "tie", "tomorrow", "analytics")
    world.warehouse.fill(
        {
            "crm_customers": crm(*people, "unconcerned"),
            "crm_visitors": links(**{f"v{one}": one for one in people}),
            "audience": audience(*(f"v{one}" for one in people)),
            "consents": [
                *consents("all", "withdrew", "tie", "analytics"),
                *consents("email", purposes=["email"]),
                *consents("withdrew", purposes=["ad_user_data"], is_granted=False, stated_at=NOW - dt.timedelta(1)),
                *consents("tie", purposes=["email"], is_granted=False),
                *consents("tomorrow", stated_at=NOW + dt.timedelta(1)),
                *consents("analytics", purposes=["analytics"], is_granted=False),
            ],
        }
    )
    resolve(world)
    no = {purpose: f"no consent to {purpose}" for purpose in (*EVERYTHING, "analytics")}
    of_ads = {("ads", no["ad_user_data"]), ("ads", no["ad_personalization"])}
    assert excluded(world) == {
        *((one, *why) for one in ("none", "tomorrow") for why in {*of_ads, ("email", no["email"])}),
        *(("email", *why) for why in of_ads),
        ("withdrew", "ads", no["ad_user_data"]),
        ("tie", "email", no["email"]),
        ("analytics", "ads", no["analytics"]),
        ("analytics", "email", no["analytics"]),
    }


@pytest.mark.slow
def test_suppressed_customers_and_recent_buyers_are_excluded_by_channel_and_counted_by_reason(world):
    order = {"order_id": "1", "visitor_id": "v2", "day": DAY - dt.timedelta(13), "ordered_at": NOW, "revenue": 1.0}
    suppression = {"reason": "complaint", "since": EARLIER}
    world.warehouse.fill(
        {
            "crm_customers": crm("a", "b", "c"),
            "crm_visitors": links(v1="a", v2="b", v3="c"),
            "audience": audience("v1", "v2", "v3"),
            "consents": consents("a", "b", "c"),
            "orders": [
                {**order, "refunded": 0.0, "reports": 1},
                {
                    **order,
                    "order_id": "2",
                    "visitor_id": "v3",
                    "day": DAY - dt.timedelta(14),
                    "refunded": 0.0,
                    "reports": 1,
                },
            ],
            "suppressions": [
                {"customer_id": "a", "channel": "email", **suppression},
                {"customer_id": "a", "channel": "ads", **suppression | {"reason": "call Anna at 01 99 00 01 23"}},
                {"customer_id": "c", "channel": "all", **suppression, "until": NOW - dt.timedelta(1)},
                {"customer_id": "c", "channel": "ads", **suppression | {"since": NOW + dt.timedelta(1)}},
            ],
            "assignments": [
                {
                    "campaign": "always_on",
                    "customer_id": one,
                    "arm": "treated",
                    "exclusions": [],
                    "day": DAY,
                    "assigned_at": EARLIER,
                    "run_id": "r",
                }
                for one in "abc"
            ],
        }
    )
    found = resolve(world)
    assert excluded(world) == {
        ("a", "email", "suppressed: complaint"),
        ("a", "ads", "suppressed: another reason"),
        ("b", "ads", "bought recently"),
        ("b", "email", "bought recently"),
    }
    assert found.arms == {"treated": 3}
    assert found.excluded == [
        Excluded("ads", "bought recently", 1),
        Excluded("ads", "suppressed: another reason", 1),
        Excluded("email", "bought recently", 1),
        Excluded("email", "suppressed: complaint", 1),
    ]


@pytest.mark.slow
def test_no_payload_contains_a_customer_without_consent_or_with_a_suppression(world):
    """A destination gets exactly the treated customers who consented in their last statements and have no suppression.

    The histories of consents and suppressions are random.
    """
    dice = random.Random(11)  # noqa: S311 - seeded test data, not for security
    ids = [f"c{number}" for number in range(300)]
    statements = [
        {
            "customer_id": dice.choice(ids),
            "purpose": dice.choice([*EVERYTHING, "analytics"]),
            "is_granted": dice.random() < 0.6,
            "stated_at": NOW + dt.timedelta(hours=dice.randint(-20, 3)),
        }
        for _ in range(4000)
    ]
    suppressions = [
        {
            "customer_id": dice.choice(ids),
            "channel": dice.choice(["ads", "email", "all"]),
            "reason": dice.choice(["complaint", "Anna called"]),
            "since": NOW + dt.timedelta(days=dice.randint(-9, 2)),
            "until": dice.choice([None, NOW - dt.timedelta(1), NOW + dt.timedelta(1)]),
        }
        for _ in range(200)
    ]
    world.warehouse.fill(
        {
            "crm_customers": crm(*ids),
            "crm_visitors": [{"visitor_id": f"v{one}", "customer_id": one} for one in ids],
            "audience": audience(*(f"v{one}" for one in ids)),
            "consents": statements,
            "suppressions": suppressions,
        }
    )
    resolve(world)
    treated = {one for one in ids if arm(one, world.environment.settings.campaign) == "treated"}
    needs = {"ads": {"ad_user_data", "ad_personalization"}, "email": {"email"}}
    for channel, purposes in needs.items():

        def may(one, channel=channel, purposes=purposes):
            agreed = all(consented(statements, one, purpose) for purpose in purposes)
            refused = consented(statements, one, "analytics") is False
            mine = [row for row in suppressions if row["customer_id"] == one and row["channel"] in {channel, "all"}]
            return agreed and not refused and not any(holds(row) for row in mine)

        expected = {one for one in treated if may(one)}
        assert payload(world, channel) == expected
        assert 0 < len(expected) < len(treated)


def consented(statements, customer, purpose):
    """Return whether the customer's last statement about the purpose is a consent. None if there is no statement."""
    told = [row for row in statements if row["customer_id"] == customer and row["purpose"] == purpose]
    told = [row for row in told if row["stated_at"] <= NOW]
    newest = max((row["stated_at"] for row in told), default=None)
    return all(row["is_granted"] for row in told if row["stated_at"] == newest) if told else None


def holds(suppression):
    return suppression["since"] <= NOW and (suppression["until"] is None or suppression["until"] > NOW)


def payload(world, channel):
    """Return the ids of the customers that a destination of the channel would get."""
    of_run = {"created_on": DAY, "run_id": f"20170801-{channel}"}
    parameters = plan_parameters(FileDestination, channel, "replace", DAY)
    statement = Statement("destinations/plan", {**of_run, **parameters}, {"form": FileDestination.form})
    warehouse.query(world.warehouse.client, world.warehouse.settings, statement)
    world.warehouse.filled.add("destination_changes")
    return {row["customer_id"] for row in rows(world, "destination_changes") if row["run_id"] == of_run["run_id"]}
