"""Value the customers of a simulated shop whose campaign makes treated customers order more.

Uses the local BigQuery and Cloud Storage.
"""

import datetime as dt
import json
import statistics
from collections import Counter

import pytest

from cli import declarations, local_cloud
from desk.bigquery import PROJECT, connect
from deskcloud import provisioning
from deskcloud.bigquery.gateway import app as gateway
from deskcloud.web import credentials as auth
from deskcloud.web import serving
from fixtures import regulars
from functions import value_customers
from shared.chain.documents import VALUE
from shared.chain.environment import Environment, StepContext
from shared.deadline import Deadline
from shared.push import Message
from shared.settings import Settings
from shared.value import valuing

pytestmark = pytest.mark.slow

NOW = dt.datetime(2026, 7, 1, 4, tzinfo=dt.UTC)
TICK = Message("1", "value-due", b"{}", {}, NOW, "value-customers", 1)


@pytest.fixture(scope="module")
def project(bigquery_emulator, tmp_path_factory, storage):
    """Return the functions' clients for a project that holds the orders of a simulated shop."""
    folder = tmp_path_factory.mktemp("project")
    app = gateway.create_app(bigquery_emulator, folder / "gateway", storage_url=storage.url)
    with serving.serve(app) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", url)
        key = auth.service_account_file(folder, "http://127.0.0.1:9/token", PROJECT)
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
        clients = Environment(Settings.from_document({"project": PROJECT, "bucket": "valuing", "dataset": "valuing"}))
        clients.storage.create_bucket("valuing")
        clients.__dict__["bigquery"] = connect(url)
        provisioning.make_datasets(PROJECT, (local_cloud.dataset(PROJECT, "valuing", declarations.read().tables),), url)
        yield clients


def fill(clients, table, rows):
    path = f"{PROJECT}.valuing.{table}"
    assert clients.bigquery.insert_rows_json(path, json.loads(json.dumps(rows, default=str))) == []


def rows(clients, table):
    return [dict(row) for row in clients.bigquery.list_rows(f"{PROJECT}.valuing.{table}")]


def context(clients, event):
    return StepContext(clients, event.run_id, "value_customers", NOW, Deadline(60))


def test_without_orders_of_customers_no_run_is_opened_and_the_log_says_what_is_missing(project, capfd):
    assert value_customers.open_run(TICK, project, NOW) is None
    assert "no day-table has been read yet" in capfd.readouterr().out
    fill(project, "source_days", [{"day": regulars.LAST_DAY, "row_count": 1, "last_modified": 1}])
    assert value_customers.open_run(TICK, project, NOW) is None
    assert "no customer has ordered" in capfd.readouterr().out


@pytest.fixture(scope="module")
def shop(project):
    drawn = regulars.shop(1500, 5, lift=1.0)
    for table in ("orders", "customer_visitors", "assignments"):
        fill(project, table, getattr(drawn, table))
    return drawn


def test_customers_are_valued_by_the_best_method_and_the_treated_like_the_others(project, shop):
    event = value_customers.open_run(TICK, project, NOW)
    assert value_customers.open_run(TICK, project, NOW) == event
    valued = value_customers.step(event, context(project, event))
    report = project.runs.read(event.run_id, VALUE)
    values, methods = rows(project, "customer_value"), rows(project, "customer_value_methods")
    assert (valued.day, valued.method, valued.customers) == (regulars.LAST_DAY, report.method, len(values))
    assert {row["method"] for row in methods} == set(valuing.METHODS)
    [chosen] = [row for row in methods if row["is_chosen"]]
    assert chosen["reason"] == report.reason
    assert all(row["error_lower"] < row["squared_error"] < row["error_upper"] for row in methods)

    # The campaign doubles the orders of treated customers, so it has caused half of these orders.
    assert report.incremental_shares == {regulars.CAMPAIGN: pytest.approx(0.5, abs=0.05)}
    arms = {row["customer_id"]: row["arm"] for row in shop.assignments}
    of_visitor = {row["visitor_id"]: row["customer_id"] for row in shop.customer_visitors}
    ordered = Counter(of_visitor[row["visitor_id"]] for row in shop.orders)
    assert ratio(ordered, arms) > 1.3
    assert ratio({row["customer_id"]: row["expected_revenue"] for row in values}, arms) == pytest.approx(1, abs=0.1)

    # A process may die before it records the step. Then the step runs again, with the same result.
    assert value_customers.step(event, context(project, event)) == valued
    assert rows(project, "customer_value") == values


def ratio(numbers, arms):
    """Return the mean of `numbers` of the treated customers divided by the mean of the control group."""
    means = [statistics.fmean(numbers[one] for one in numbers if arms[one] == arm) for arm in ("treated", "control")]
    return means[0] / means[1]
