"""Which customers the measurement of a campaign compares, which orders count, and which effect is stored."""

import datetime as dt
import json
from types import SimpleNamespace

import numpy as np
import pytest
from google.cloud import storage as gcs

from demo import campaign, loading
from demo.schema import GA360_EXPORT
from fixtures.pubsub import delivered
from functions import measure_campaign
from shared import measured_effect, placeholders
from shared.campaign import measuring
from shared.chain.campaign_documents import EFFECTS
from shared.chain.environment import Environment, StepContext
from shared.chain.runs import Record
from shared.deadline import Deadline
from shared.events import CampaignsMeasured
from shared.settings import Settings

DAY = dt.date(2017, 6, 1)
ASSIGNED = dt.date(2017, 5, 1)
NOW = dt.datetime(2017, 6, 2, 8, tzinfo=dt.UTC)
AMOUNT = 50.0


@pytest.fixture
def world(warehouse):
    found = warehouse.settings
    campaign = {"name": "spring", "control_share": 0.5, "planned_buyers": 300, "cost_per_customer": 0.5, "margin": 0.4}
    settings = Settings.from_document(
        {"project": found.project, "bucket": found.bucket, "dataset": found.dataset, "campaign": campaign}
    )
    environment = Environment(settings)
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(settings.project)
    warehouse.filled.update(("campaign_results", "campaign_uplift"))
    yield SimpleNamespace(warehouse=warehouse, environment=environment)
    for blob in environment.bucket.list_blobs():
        blob.delete()


def rows(world, table):
    world.warehouse.known.clear()
    return world.warehouse.rows(table)


def measure(world, now=NOW):
    """Deliver the scheduler's message to measure_campaign. Return the effects that the opened run has measured."""
    tick = delivered({}, "campaigns-due")
    due = measure_campaign.STEP.event(tick, world.environment, now)
    context = StepContext(world.environment, due.run_id, "measure_campaign", now, Deadline(60))
    measure_campaign.STEP.run(due, context)
    return world.environment.runs.read(due.run_id, EFFECTS)


def kept_effect(world, replace=("", "")):
    """Return the stored effect that the offers read.

    If `replace` = (old text, new text) is given, first replace this text in the stored document.
    """
    blob = world.environment.bucket.blob(measured_effect.PATH)
    if all(replace):
        blob.upload_from_string(blob.download_as_text().replace(*replace))
    return measured_effect.read(blob.download_as_bytes())


def shop(treated, control, holdout=0, lift=0.0, rate=0.1):
    """Return the rows of a shop with these numbers of customers in the arms. Each customer has one visitor.

    A share of the customers buy once: `rate` in the control group and the holdout, `rate` * (1 + `lift`) among the
    treated customers.
    """
    assigned, orders, number = [], [], 0
    random = np.random.default_rng(5)
    for arm, count in (("treated", treated), ("control", control), ("holdout", holdout)):
        buys = random.permutation(count) < round(count * rate * (1 + lift * (arm == "treated")))
        for has_bought in buys:
            number += 1
            assigned.append(assignment(f"c{number:05}", arm, probability=float(random.random())))
            if has_bought:
                orders.append(order(str(number), f"v{number:05}"))
    return {
        "source_days": [{"day": DAY, "row_count": 1, "last_modified": 0}],
        "assignments": assigned,
        "customer_visitors": [link(f"v{one['customer_id'][1:]}", one["customer_id"]) for one in assigned],
        "orders": orders,
    }


def assignment(customer_id, arm, **values):
    of = {"campaign": "spring", "exclusions": [], "day": ASSIGNED, "assigned_at": NOW, "run_id": "r"}
    return {"customer_id": customer_id, "arm": arm, **of, "control_share": 0.5, "holdout_share": 0.02, **values}


def link(visitor_id, customer_id):
    return {"visitor_id": visitor_id, "customer_id": customer_id, "customers": 1, "matched_by": "crm_visitors"}


def order(order_id, visitor_id, **values):
    of = {"day": ASSIGNED + dt.timedelta(9), "ordered_at": NOW, "revenue": AMOUNT, "refunded": 0.0, "reports": 1}
    return {"order_id": order_id, "visitor_id": visitor_id, **of, **values}


def result(found, outcome, comparison="control", campaign="spring"):
    [one] = [
        one
        for one in found.results
        if (one.comparison, one.outcome) == (comparison, outcome) and one.campaign in (campaign, None)
    ]
    return one


@pytest.mark.slow
def test_a_planted_effect_is_measured_with_intervals_return_and_deciles(world):
    data = shop(500, 500, lift=0.6, rate=0.2)
    data["assignments"] += [assignment(f"w{number}", "treated", campaign="winter") for number in range(9)]
    world.warehouse.fill(data)
    found = measure(world)
    one = result(found, "conversion")
    assert (one.treated, one.control, one.decision) == (500, 500, "gain")
    assert (one.treated_mean, one.control_mean, one.effect) == (0.32, 0.2, pytest.approx(0.12))
    assert one.always_lower < one.lower < 0.12 < one.upper < one.always_upper
    assert one.relative == pytest.approx(0.6)
    profit = result(found, "profit")
    # A treated customer brings 0.12 * 50 * 0.4 = 2.40 more than a control customer, and costs 0.50.
    assert profit.effect == pytest.approx(2.4)
    assert profit.return_value == pytest.approx(3.8)
    assert profit.return_lower == pytest.approx(profit.lower / 0.5 - 1)
    assert result(found, "revenue").return_value is None
    deciles = [one for one in found.deciles if (one.campaign, one.outcome) == ("spring", "conversion")]
    assert [(one.decile, one.treated + one.control) for one in deciles] == [(number, 100) for number in range(1, 11)]
    assert deciles[-1].reached == pytest.approx(1)
    assert deciles[-1].gain == pytest.approx(0.12, abs=0.02)
    assert one.qini_lower < one.qini < one.qini_upper
    stored = {
        (row["outcome"], row["decile"]): row["gain"]
        for row in rows(world, "campaign_uplift")
        if row["campaign"] == "spring"
    }
    assert len(stored) == 30
    assert stored["conversion", 10] == deciles[-1].gain
    # The offers can read the stored effect of the current campaign. The stored interval is the always-valid one.
    kept = kept_effect(world)
    assert (kept.day, kept.campaign, kept.share) == (DAY, "spring", 0.5)
    expected = measured_effect.OnOutcome(profit.decision, profit.effect, profit.always_lower, profit.always_upper)
    assert kept.outcomes["profit"] == expected


@pytest.mark.slow
def test_the_sizes_of_the_arms_are_checked_and_a_mismatch_forbids_the_numbers(world, capfd):
    lost = shop(500, 500, lift=0.6, rate=0.2)
    # Remove every fourth customer of the control group, so that the sizes of the arms do not match the shares.
    lost["assignments"] = [
        one for number, one in enumerate(lost["assignments"]) if one["arm"] == "treated" or number % 4
    ]
    world.warehouse.fill(lost)
    one = result(measure(world), "conversion")
    assert (one.control, one.decision) == (375, "mismatch")
    assert one.sizes_p_value < 0.001
    assert one.effect == pytest.approx(0.12, abs=0.04)
    assert '"event":"sizes_differ"' in capfd.readouterr().out


@pytest.mark.slow
def test_customers_assigned_before_and_after_a_change_of_the_shares_are_compared_separately(world):
    """If all customers were compared together, the sizes of the arms would not match the shares.

    One arm would also have more of the customers who were assigned later.
    """
    data = shop(460, 240)
    later = {"control_share": 0.1, "day": ASSIGNED + dt.timedelta(5)}
    for one in data["assignments"][200:460] + data["assignments"][670:]:
        one.update(later)
    world.warehouse.fill(data)
    found = [one for one in measure(world).results if (one.comparison, one.outcome) == ("control", "revenue")]
    told = {one.share: (one.treated, one.control, one.first_assigned, one.decision) for one in found}
    assert told == {0.1: (260, 30, later["day"], "too early"), 0.5: (200, 210, ASSIGNED, "undecided")}


@pytest.mark.slow
def test_an_exclusion_at_the_assignment_leaves_a_customer_out_and_a_later_suppression_does_not(world):
    data = shop(150, 150)
    unreachable = ["ads: no consent to ad_user_data", "email: suppressed: complaint"]
    by_id = {one["customer_id"]: one for one in data["assignments"]}
    for number in range(1, 31):
        by_id[f"c{number:05}"]["exclusions"] = unreachable
        by_id[f"c{number + 150:05}"]["exclusions"] = unreachable
        by_id[f"c{number + 50:05}"]["exclusions"] = unreachable[:1]
    complaint = {"channel": "all", "reason": "complaint", "since": NOW - dt.timedelta(days=5)}
    data["suppressions"] = [{"customer_id": f"c{number:05}", **complaint} for number in range(100, 150)]
    data["exclusions"] = [
        {"day": DAY, "customer_id": f"c{number:05}", "channel": "email", "reason": "suppressed", "run_id": "r"}
        for number in range(100, 150)
    ]
    world.warehouse.fill(data)
    found = measure(world)
    one = result(found, "conversion")
    assert (one.treated, one.control) == (120, 120)
    # Customers in the holdout get no message, so they cannot unsubscribe. To leave out customers who unsubscribed would
    # therefore change only the other arms. So the comparison with the holdout leaves nobody out.
    assert result(found, "conversion", "holdout").treated == 300


@pytest.mark.slow
def test_the_holdout_is_compared_with_all_others_by_their_first_assignment(world):
    data = shop(80, 80, holdout=40)
    for one in data["assignments"]:
        one["holdout_share"] = 0.2
    # A later campaign has a larger holdout, which includes a customer who was treated before.
    again = {"campaign": "summer", "day": ASSIGNED + dt.timedelta(20), "holdout_share": 0.4}
    data["assignments"] += [{**data["assignments"][0], **again, "arm": "holdout"}]
    data["assignments"] += [assignment("new", "holdout", **again), assignment("other", "treated", **again)]
    world.warehouse.fill(data)
    found = measure(world)
    shares = {one.share: one for one in found.results if (one.comparison, one.outcome) == ("holdout", "revenue")}
    assert (shares[0.2].treated, shares[0.2].control) == (160, 40)
    assert (shares[0.4].treated, shares[0.4].control) == (1, 1)
    assert (result(found, "revenue").treated, result(found, "revenue").control) == (80, 80)
    assert {one.campaign for one in found.results if one.comparison == "control"} == {"spring", "summer"}


@pytest.mark.slow
def test_a_second_delivery_changes_nothing_and_a_run_of_the_next_day_replaces_the_rows(world):
    world.warehouse.fill(shop(60, 60))
    first = measure(world)
    before = {table: rows(world, table) for table in ("campaign_results", "campaign_uplift")}
    kept = world.environment.bucket.get_blob(measured_effect.PATH)
    assert measure(world) == first
    assert {table: rows(world, table) for table in before} == before
    assert world.environment.bucket.get_blob(measured_effect.PATH).generation == kept.generation
    # On the next day, the export has no newer day of orders. So the next run measures DAY again, and replaces the rows.
    later = kept_effect(world, replace=(str(DAY), "2017-06-09"))
    measure(world, NOW + dt.timedelta(days=1))
    runs = {row["run_id"] for row in rows(world, "campaign_results")}
    assert len(rows(world, "campaign_results")) == len(before["campaign_results"])
    assert runs != {row["run_id"] for row in before["campaign_results"]}
    # The stored effect now has a later day, so the run does not replace it. `propensity reset` would remove it.
    assert kept_effect(world) == later
    assert measuring.kept_run(world.environment) == later.run_id
    measuring.forget(world.environment)
    assert measuring.kept_run(world.environment) is None


def test_a_second_message_of_the_day_is_logged_unless_a_newer_day_was_read(world, capfd):
    """A repeated delivery of the first message is not logged: this message opened the run that measured the day."""
    world.warehouse.fill(shop(1, 1))
    [first, second] = [delivered({}, "campaigns-due", message_id=one) for one in ("1", "2")]
    due = measure_campaign.STEP.event(first, world.environment, NOW)
    done = Record("measure_campaign", CampaignsMeasured(due.run_id, DAY, 0, 0, 0), NOW, NOW, 0.0, first.id)
    world.environment.runs.finish(due.run_id, done)
    assert measure_campaign.STEP.event(first, world.environment, NOW) == due
    assert "measured_already" not in capfd.readouterr().out
    assert measure_campaign.STEP.event(second, world.environment, NOW) == due
    [line] = capfd.readouterr().out.splitlines()
    assert json.loads(line)["event"] == "measured_already"
    assert due.run_id in line
    world.warehouse.fill({"source_days": [{"day": DAY + dt.timedelta(1), "row_count": 1, "last_modified": 0}]})
    assert measure_campaign.STEP.event(second, world.environment, NOW) != due
    assert "measured_already" not in capfd.readouterr().out


def test_without_assignments_no_run_is_opened(world):
    world.warehouse.fill({"source_days": [{"day": DAY, "row_count": 1, "last_modified": 0}]})
    tick = delivered({}, "campaigns-due")
    assert measure_campaign.STEP.event(tick, world.environment, NOW) is None


@pytest.mark.slow
def test_if_customers_respond_with_orders_in_the_export_the_true_effect_is_measured(world, tmp_path):
    """The test is a small version of `propensity demo --campaign`.

    It loads day-tables, runs the statements of build_features, and measures the campaign.
    """
    random = np.random.default_rng(3)
    arms = {f"c{number:04}": "treated" if number % 2 else "control" for number in range(1200)}
    barred = ["ads: no consent to ad_user_data", "email: no consent to email"]
    assigned = [
        assignment(one, arm, probability=float(random.random()), exclusions=barred if number % 6 < 2 else [])
        for number, (one, arm) in enumerate(arms.items())
    ]
    # Every third customer has two visitor ids.
    visitors = {
        one: (f"{number + 1:019}", f"{number + 9001:019}")[: 1 + (number % 3 == 0)] for number, one in enumerate(arms)
    }
    links = [link(visitor, one) for one, mine in visitors.items() for visitor in mine]
    customers = [
        campaign.Customer(
            visitors[one["customer_id"]], one["probability"], one["arm"] == "treated", not one["exclusions"]
        )
        for one in assigned
    ]
    days = [ASSIGNED + dt.timedelta(number) for number in range(1, 5)]
    answered = campaign.answer(1, customers, days[0], len(days), tmp_path)
    loading.load(answered.day_files, world.warehouse.client, "analytics")
    world.warehouse.loaded.update(GA360_EXPORT.table(day) for day in days)
    world.warehouse.filled.update(("order_reports", "orders"))
    suffixes = [f"{day:%Y%m%d}" for day in days]
    read = {"days": days, "suffixes": suffixes, "first_suffix": suffixes[0], "last_suffix": suffixes[-1]}
    source = f"{world.warehouse.client.project}.analytics"
    environment = world.environment
    environment.query("orders/reports_from_ga360", {**read, "no_ids": placeholders.NO_IDS}, source=source)
    environment.query("orders/orders")
    source_days = [{"day": day, "row_count": 1, "last_modified": 0} for day in days]
    world.warehouse.fill({"assignments": assigned, "customer_visitors": links, "source_days": source_days})
    found = measure(world)
    truth = answered.effects(environment.settings.campaign.margin, environment.settings.campaign.cost_per_order)
    ours = {one.outcome: one for one in found.results if one.comparison == "control"}
    assert (ours["conversion"].treated, ours["conversion"].control) == (400, 400)
    for outcome, effect in truth.items():
        assert ours[outcome].lower < effect < ours[outcome].upper
        assert ours[outcome].always_lower < effect < ours[outcome].always_upper
    orders = rows(world, "orders")
    reached = {visitor for one in customers if one.is_compared for visitor in one.visitor_ids}
    revenue = sum(row["revenue"] for row in orders if row["visitor_id"] in reached)
    one = ours["revenue"]
    assert one.treated_mean * one.treated + one.control_mean * one.control == pytest.approx(revenue)
