"""Two runs build features in any order: the tables hold what they would hold had the runs come one after the other."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from fixtures.bigquery import PROJECT, connect
from google.cloud import storage as gcs

from demo import generator, loading
from functions import build_features
from local import auth, declarations, provision, serving
from local.bigquery import gateway
from shared.chain import current
from shared.chain.refreshes import Refresh
from shared.cloud import Clients, Cloud
from shared.settings import Settings

FIRST_DAY, KNOWN_DAYS, DAYS = date(2017, 3, 1), 5, 8
NOW = datetime(2017, 3, 9, 5, tzinfo=UTC)
SHARED = ("sessions", "interactions", "visitor_features", "source_days")
# Deliveries of build_features to the older run, A, and to the one that reads newer data, B. B is opened by its first.
ONE_AFTER_THE_OTHER = "AB"
ORDERS = ("BA", "ABA", "BAB", pytest.param("BAAB", marks=pytest.mark.slow))


class Export(Clients):
    """The functions' clients; of the export's day-tables they see so many."""

    days = DAYS

    def query(self, name, parameters=None, **identifiers):
        rows = super().query(name, parameters, **identifiers)
        return rows[: self.days] if name == "source/day_tables" else rows


@pytest.fixture(scope="module")
def project(bigquery_emulator, tmp_path_factory, storage):
    """The URL of a BigQuery with the generated export."""
    folder = tmp_path_factory.mktemp("meeting")
    with (
        serving.serve(gateway.create_app(bigquery_emulator.url, folder / "gateway")) as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("BIGQUERY_EMULATOR_HOST", url)
        account = auth.service_account_file(folder, "http://127.0.0.1:9/token", PROJECT)
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
        files = generator.generate(1, FIRST_DAY, DAYS, 400, folder / "export")
        loading.load(files, connect(url), "meeting_export")
        yield url


def clients_of(url, bucket, dataset):
    document = {"project": PROJECT, "bucket": bucket.name, "dataset": dataset, "checks": {"max_age_days": 0}}
    document["label"] = {"horizon_days": 2}
    clients = Export(Settings.from_document(document | {"source": {"dataset": "meeting_export"}}))
    clients.__dict__["bigquery"] = connect(url)
    names = provision.Names(PROJECT, bucket.name, dataset, "us-central1", "propensity")
    declared = [one for one in declarations.read().tables if one.name in {*SHARED, "session_features"}]
    provision.make_tables(names, declared, url)
    return clients


def built(url, bucket, order):
    """What the tables hold once build_features was delivered in this order."""
    clients = clients_of(url, bucket, f"meeting_{order.lower()}")
    clients.days = KNOWN_DAYS
    runs = {"A": current.join(Refresh(), clients, NOW, NOW)}
    clients.days = DAYS
    outcomes = {}
    for number, run in enumerate(order):
        # The older run has stood still for so long that it is not open any more.
        now = NOW + timedelta(hours=7 * ("B" in order[: number + 1]), minutes=number)
        if run not in runs:
            runs[run] = current.join(Refresh(), clients, now, now)
        outcomes[run] = build_features.step(runs[run], Cloud(clients, runs[run].run_id, "build_features", now))
    assert runs["B"].as_of > runs["A"].as_of
    return {table: rows(clients, table) for table in SHARED}, outcomes


def rows(clients, table):
    found = clients.bigquery.query_and_wait(f"select to_json_string(t) from {clients.settings.dataset}.{table} as t")  # noqa: S608
    return sorted(json.dumps(json.loads(text), sort_keys=True) for (text,) in found)


@pytest.fixture(scope="module")
def expected(project, storage):
    return built(project, gcs.Client(project="demo").create_bucket("meeting-expected"), ONE_AFTER_THE_OTHER)


@pytest.mark.parametrize("order", ORDERS)
def test_in_any_order_the_tables_hold_what_one_run_after_the_other_leaves(project, bucket, expected, order):
    tables, outcomes = built(project, bucket, order)
    for table in SHARED:
        assert tables[table] == expected[0][table], table
    assert type(outcomes["B"]) is type(expected[1]["B"])


def test_an_older_run_that_comes_late_is_superseded(project, bucket):
    _, outcomes = built(project, bucket, "BA")
    assert (outcomes["A"].topic, outcomes["A"].by) == ("run-superseded", outcomes["B"].run_id)
