"""Day-tables of a GA4 export may come late and in any order. The orders are the same as from day-tables in time."""

import datetime as dt

import pytest
from google.cloud import bigquery

from cli import declarations, local_cloud
from demo.loading import bigquery_schema
from demo.schema import GA4
from desk.bigquery import PROJECT, connect
from deskcloud import provisioning
from fixtures.pubsub import delivered
from functions import build_features
from shared.chain.environment import Environment, StepContext
from shared.deadline import Deadline
from shared.settings import Settings

pytestmark = pytest.mark.slow

FIRST = dt.datetime(2021, 1, 1, 12, tzinfo=dt.UTC)
DAYS = range(1, 9)
NOW = dt.datetime(2021, 1, 9, 5, tzinfo=dt.UTC)
TABLES = ("order_reports", "orders", "sessions", "interactions", "conversions", "visitor_features")


def event(day, name, visitor, session=None, order=None, revenue=None, event_value=None):
    at = FIRST + dt.timedelta(days=day - 1)
    params = {"ga_session_id": session, "ga_session_number": session, "value": event_value}
    return {
        "event_date": f"{at:%Y%m%d}",
        "event_timestamp": int(at.timestamp() * 1e6),
        "event_name": name,
        "user_pseudo_id": visitor,
        "event_params": [{"key": key, "value": {"int_value": value}} for key, value in params.items() if value],
        "ecommerce": {"transaction_id": order, "purchase_revenue": revenue},
        "items": [{"item_id": "A", "quantity": 1}] if name == "purchase" else [],
    }


# T1 is reported again five days later. T2 is refunded. T3 is first reported by the shop's server, without a visitor,
# and five days later with a visitor. Three visitors trigger the event that a label can count.
EVENTS = [
    *(event(day, "page_view", f"crowd {day}-{number}", 1) for day in DAYS for number in range(3)),
    *(event(1, "page_view", visitor, 1) for visitor in ("repeats", "refunds", "server")),
    *(event(1, "page_view", visitor, 1) for visitor in ("asks at once", "asks later", "asks for less")),
    event(1, "generate_lead", "asks at once", 1, event_value=20),
    event(4, "generate_lead", "asks later", 2, event_value=20),
    event(4, "generate_lead", "asks for less", 2, event_value=9),
    event(3, "purchase", "repeats", 2, "T1", 50.0),
    event(8, "purchase", "repeats", 3, "T1", 50.0),
    event(4, "purchase", "refunds", 2, "T2", 50.0),
    event(6, "refund", None, None, "T2"),
    event(2, "purchase", "server", None, "T3", 50.0),
    event(7, "purchase", "server", 2, "T3", 50.0),
]


class Shop:
    """A shop with an export, and with the chain's tables. `name` makes the names of its bucket and datasets unique."""

    def __init__(self, name, url, **label):
        document = {"project": PROJECT, "bucket": f"late-{name}", "dataset": f"late_{name}"}
        document |= {"source": {"kind": "ga4", "dataset": f"export_{name}"}, "checks": {"max_age_days": 0}}
        self.clients = Environment(Settings.from_document({**document, "label": {"horizon_days": 5, **label}}))
        self.clients.__dict__["bigquery"] = connect(url)
        self.now = NOW
        self.clients.storage.create_bucket(document["bucket"])
        self.clients.bigquery.create_dataset(f"export_{name}")
        dataset = local_cloud.dataset(PROJECT, f"late_{name}", declarations.read().tables)
        provisioning.make_datasets(PROJECT, (dataset,), url)

    def load(self, *days):
        for day in days:
            date = f"{FIRST + dt.timedelta(days=day - 1):%Y%m%d}"
            config = bigquery.LoadJobConfig(schema=bigquery_schema(GA4))
            told = [one for one in EVENTS if one["event_date"] == date]
            path = f"{PROJECT}.{self.clients.settings.source.dataset}.events_{date}"
            self.clients.bigquery.load_table_from_json(told, path, job_config=config).result()

    def refresh(self):
        # Seven hours are more than `open_hours`, so the former run no longer counts as open.
        self.now += dt.timedelta(hours=7)
        opened = build_features.open_run(delivered({}, "data-refreshed"), self.clients, self.now)
        build_features.step(opened, StepContext(self.clients, opened.run_id, "build_features", self.now, Deadline(60)))

    def rows(self, table):
        path = f"{PROJECT}.{self.clients.settings.dataset}.{table}"
        return sorted((dict(row) for row in self.clients.bigquery.list_rows(path)), key=str)


@pytest.fixture(scope="module")
def in_time(bigquery_url, storage):
    shop = Shop("in_time", bigquery_url)
    shop.load(*DAYS)
    shop.refresh()
    return shop


@pytest.fixture(scope="module")
def late(bigquery_url, storage):
    shop = Shop("late", bigquery_url)
    for days in ((1, 5, 7, 8), (4, 6), (3,), (2,)):
        shop.load(*days)
        shop.refresh()
    return shop


@pytest.mark.parametrize("table", TABLES)
def test_late_days_give_the_same_rows_as_days_in_time(table, in_time, late):
    assert late.rows(table) == in_time.rows(table)
    assert late.rows(table)


def test_each_order_has_one_visitor_session_and_day(late):
    found = {row["order_id"]: (row["session_id"], row["day"].day, row["reports"]) for row in late.rows("orders")}
    assert found == {"T1": ("repeats-2", 3, 2), "T2": ("refunds-2", 4, 1), "T3": (None, 2, 2)}
    counted = {row["session_id"]: row["transactions"] for row in late.rows("sessions") if row["transactions"]}
    assert counted == {"repeats-2": 1, "refunds-2": 1}
    bought = [row["session_id"] for row in late.rows("interactions") if row["action"] == "bought"]
    assert sorted(bought) == ["refunds-2", "repeats-2"]


def test_a_label_counts_orders_except_those_refunded_within_the_horizon(late):
    labels = {row["visitor_id"]: row["will_buy_on_return_visit"] for row in late.rows("visitor_features")}
    assert [labels[visitor] for visitor in ("repeats", "refunds", "server")] == [1, 0, 1]


def test_if_leads_are_the_label_those_of_a_later_visit_count(bigquery_url, storage):
    shop = Shop("leads", bigquery_url, event="generate_lead", min_revenue=10)
    shop.load(*DAYS)
    shop.refresh()
    labels = {row["visitor_id"]: row["will_buy_on_return_visit"] for row in shop.rows("visitor_features")}
    asked = ("asks at once", "asks later", "asks for less", "repeats")
    assert {visitor: labels[visitor] for visitor in asked} == dict(zip(asked, (0, 1, 0, 0), strict=True))
