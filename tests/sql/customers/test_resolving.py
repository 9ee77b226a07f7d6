"""From an audience's visitors to customers who may be reached: matches, arms, exclusions."""

import datetime as dt
import hashlib
import random
from types import SimpleNamespace

import pytest
from google.cloud import storage as gcs

from functions import resolve_customers
from shared import warehouse, withheld
from shared.chain.audience_documents import RESOLVED, Excluded
from shared.chain.environment import Environment, StepContext
from shared.customers import resolving
from shared.customers.arms import arm
from shared.deadline import Deadline
from shared.destinations.delivery import plan_parameters
from shared.destinations.files import FileDestination
from shared.errors import Permanent
from shared.events import AudiencePublished, CustomersResolved
from shared.settings import Settings
from shared.warehouse import Statement

DAY = dt.date(2017, 8, 1)
NOW = dt.datetime.now(dt.UTC)
EARLIER = NOW - dt.timedelta(days=30)
EVERYTHING = ("ad_user_data", "ad_personalization", "email")


@pytest.fixture
def world(warehouse):
    found = warehouse.settings
    campaign = {"salt": "s", "control_share": 0.2, "holdout_share": 0.1}
    settings = Settings.from_document(
        {"project": found.project, "bucket": found.bucket, "dataset": found.dataset, "campaign": campaign}
    )
    environment = Environment(settings)
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(settings.project)
    written = "customers refused_customers customer_visitors audience_customers exclusions assignments"
    warehouse.filled.update(written.split())
    yield SimpleNamespace(warehouse=warehouse, environment=environment)
    for blob in environment.bucket.list_blobs():
        blob.delete()


def rows(world, table):
    world.warehouse.known.clear()
    return world.warehouse.rows(table)


def crm(*ids, **values):
    return [{"customer_id": one, "email": f"{one}@example.com", "country": "FR", **values} for one in ids]


def links(**visitors):
    return [{"visitor_id": visitor, "customer_id": customer} for visitor, customer in visitors.items()]


def audience(*visitors, **values):
    of = {"day": DAY, "probability": 0.5, "decile": 1, "offer": "coupon", "model_version": "1", "run_id": "r"}
    return [{"visitor_id": visitor, **of, **values} for visitor in visitors]


def consents(*ids, purposes=EVERYTHING, is_granted=True, stated_at=EARLIER):
    of = {"is_granted": is_granted, "stated_at": stated_at}
    return [{"customer_id": one, "purpose": purpose, **of} for one in ids for purpose in purposes]


def resolve(world, number=0, day=DAY):
    event = AudiencePublished(f"{day:%Y%m%d}-0000000{number}", day, "gs://b/m.json", 1)
    message = SimpleNamespace(topic=event.topic, body=event.to_json())
    due = resolve_customers.STEP.event(message, world.environment, NOW)
    context = StepContext(world.environment, due.run_id, "resolve_customers", NOW, Deadline(60))
    resolved = resolve_customers.STEP.run(due, context)
    assert isinstance(resolved, CustomersResolved)
    return world.environment.runs.read(due.run_id, RESOLVED)


def excluded(world):
    return {(row["customer_id"], row["channel"], row["reason"]) for row in rows(world, "exclusions")}


def test_visitors_are_matched_by_link_login_and_hashed_address_and_two_claims_match_nobody(world):
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


def test_a_customer_has_the_orders_of_all_visitors_and_an_expected_value(world):
    order = {"session_id": "1", "day": DAY, "ordered_at": NOW, "refunded": 0.0, "reports": 1}
    world.warehouse.fill(
        {
            "crm_customers": crm("a", "b"),
            "crm_visitors": links(v1="a", v2="a", v3="b"),
            "audience": audience("v1", "v3"),
            "orders": [
                {"order_id": "1", "visitor_id": "v1", "revenue": 10.0, **order},
                {"order_id": "2", "visitor_id": "v2", "revenue": 30.0, **order | {"refunded": 10.0}},
                {"order_id": "3", "visitor_id": "v9", "revenue": 90.0, **order},
                {"order_id": "4", "visitor_id": "v3", "revenue": 5.0, **order | {"refunded_on": DAY}},
            ],
            "visitor_recommendations": [
                {
                    "day": DAY,
                    "visitor_id": "v1",
                    "place": place,
                    "product_id": f"P{place}",
                    "score": 1.0,
                    "method": "popularity",
                    "run_id": "r",
                }
                for place in (2, 1)
            ],
        }
    )
    resolve(world)
    found = {row["customer_id"]: row for row in rows(world, "audience_customers")}
    a, b = found["a"], found["b"]
    assert (a["orders"], a["revenue"], a["expected_value"], a["next_products"]) == (2, 30.0, 7.5, ["P1", "P2"])
    # The mean value of the shop's orders is (10 + 20 + 90) / 3.
    assert (b["orders"], b["expected_value"]) == (0, 20.0)


def test_the_expected_value_of_a_customer_with_a_value_counts_one_probability(world):
    """P(order) of the day times E(revenue | order): the value's own probability counts no second time."""
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


def test_only_whose_latest_statement_consents_may_be_reached(world):
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


def test_the_suppressed_and_recent_buyers_are_excluded_by_channel_and_counted_by_reason(world):
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
    # The checkout also makes no offer to customers who would be in the control group but are not in the audience.
    assert withheld_of(world, ids) == {f"v{number}" for number, one in enumerate(ids) if expected[one] != "treated"}
    counts = [list(expected.values()).count(one) for one in ("holdout", "control")]
    # Within four standard deviations of a binomial count.
    assert abs(counts[0] - 100) < 38
    assert abs(counts[1] - 180) < 49

    # The next day, the control share is another one, and the audience has more customers.
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


def withheld_of(world, ids):
    """Return the visitors to whom the checkout makes no offer."""
    held = withheld.Withheld(world.environment.bucket.blob(withheld.PATH).download_as_bytes())
    return {f"v{number}" for number in range(len(ids) + 10) if f"v{number}" in held}


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


def test_no_payload_contains_a_customer_without_consent_or_with_a_suppression(world):
    """Random histories: a destination is sent exactly those who have consented last and whom nothing suppresses."""
    dice = random.Random(11)  # noqa: S311 - a simulation
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
    """Whether the customer's last statement consents; None without a statement."""
    told = [row for row in statements if row["customer_id"] == customer and row["purpose"] == purpose]
    told = [row for row in told if row["stated_at"] <= NOW]
    newest = max((row["stated_at"] for row in told), default=None)
    return all(row["is_granted"] for row in told if row["stated_at"] == newest) if told else None


def holds(suppression):
    return suppression["since"] <= NOW and (suppression["until"] is None or suppression["until"] > NOW)


def payload(world, channel):
    """The customers whom a destination of the channel would be sent."""
    of_run = {"created_on": DAY, "run_id": f"20170801-{channel}"}
    parameters = plan_parameters(FileDestination, channel, "replace", DAY)
    statement = Statement("destinations/plan", {**of_run, **parameters}, {"form": FileDestination.form})
    warehouse.query(world.warehouse.client, world.warehouse.settings, statement)
    world.warehouse.filled.add("destination_changes")
    return {row["customer_id"] for row in rows(world, "destination_changes") if row["run_id"] == of_run["run_id"]}


@pytest.mark.slow
def test_pages_are_checked_one_by_one(world, monkeypatch):
    monkeypatch.setattr(resolving, "PAGE", 3)
    world.warehouse.fill({"crm_customers": crm(*"abcdefgh"), "audience": audience("v1")})
    assert resolve(world).matched == 0
    assert len(rows(world, "customers")) == 8


def test_a_crm_table_that_lost_its_rows_withdraws_no_customers(world):
    world.warehouse.fill({"crm_customers": crm(*"abcd"), "audience": audience("v1")})
    resolve(world)
    dataset = world.warehouse.settings.dataset
    world.warehouse.client.query_and_wait(f"delete from {dataset}.crm_customers where customer_id > 'a'")  # noqa: S608
    with pytest.raises(Permanent, match=r"crm_customers has 1 rows, and 4 were known: load it again"):
        resolve(world, 1)
    assert len(rows(world, "customers")) == 4


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
def test_each_statement_is_run_once_by_a_run_however_often_its_event_comes(world):
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
    # The first run knows no rows that it could forget.
    for name in ("customers/forget_customers", "customers/forget_refusals"):
        assert not any(name.replace("/", "-") in one for one in mine), name
