"""How recommendations are made in a project without a BigQuery reservation.

Uses the local BigQuery and Cloud Storage.
"""

import datetime as dt
import json

import msgspec
import numpy as np
import pytest

from cli import declarations, local_cloud
from desk.bigquery import PROJECT, connect
from deskcloud import provisioning
from deskcloud.bigquery.gateway import app as gateway
from deskcloud.web import credentials as auth
from deskcloud.web import serving
from shared import recommendations
from shared.chain import recommending
from shared.chain.documents import RECOMMENDATIONS
from shared.chain.environment import Environment, StepContext
from shared.deadline import Deadline
from shared.errors import Permanent
from shared.events import RecommendationsDue
from shared.online.recommendations import Recommender
from shared.recommendations import Artefact
from shared.settings import Settings

pytestmark = pytest.mark.slow

DAY = dt.date(2017, 8, 10)
NOW = dt.datetime(2017, 8, 11, 5, tzinfo=dt.UTC)
SHELF = 6


@pytest.fixture(scope="module")
def project(bigquery_emulator, tmp_path_factory, storage):
    """Return the functions' clients for a project without a reservation.

    The products are on four shelves, and each visitor adds products of one shelf to the cart.
    """
    folder = tmp_path_factory.mktemp("project")
    app = gateway.create_app(bigquery_emulator, folder / "gateway", storage_url=storage.url, is_on_demand=True)
    with serving.serve(app) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", url)
        patch.setenv(
            "GOOGLE_APPLICATION_CREDENTIALS",
            str(auth.service_account_file(folder, "http://127.0.0.1:9/token", PROJECT)),
        )
        document = {"project": PROJECT, "bucket": "recommending", "dataset": "recommending"}
        document["recommendations"] = {"methods": ["similarity", "matrix_factorization"]}
        clients = Environment(Settings.from_document(document))
        clients.storage.create_bucket("recommending")
        clients.__dict__["bigquery"] = connect(url)
        dataset = local_cloud.dataset(PROJECT, "recommending", declarations.read().tables)
        provisioning.make_datasets(PROJECT, (dataset,), url)
        fill(clients)
        yield clients


def fill(clients):
    random = np.random.default_rng(1)
    rows = {"source_days": [{"day": DAY, "row_count": 1, "last_modified": 1}], "sessions": [], "interactions": []}
    for visitor in range(200):
        at = {"session_id": f"{visitor}-1", "visitor_id": str(visitor), "day": DAY}
        began = dt.datetime(2017, 8, 10, 12, tzinfo=dt.UTC)
        rows["sessions"].append({**at, "started_at": began, "is_new_visit": True, "is_internal": False})
        rows["interactions"] += [
            {**at, "interacted_at": began, "product_id": f"P{product}", "action": "added", "quantity": 1}
            for product in random.integers(4) * SHELF + random.choice(SHELF, 3, replace=False)
        ]
    for table, content in rows.items():
        path = f"{PROJECT}.recommending.{table}"
        assert clients.bigquery.insert_rows_json(path, json.loads(json.dumps(content, default=str))) == []


def opened(clients, run_id=None, as_of=None, at=NOW):
    """Open a run of recommendations, and return the context of its step."""
    run = recommending.look(clients, at)
    event = RecommendationsDue(run_id or run.event.run_id)
    clients.runs.open(msgspec.structs.replace(run, event=event, as_of=as_of or run.as_of))
    return StepContext(clients, event.run_id, "build_recommendations", NOW, Deadline(60))


def served(clients):
    blob = clients.storage.bucket("recommending").blob(recommendations.ARTEFACT)
    return msgspec.json.decode(blob.download_as_bytes(), type=Artefact)


def stock(clients, content):
    clients.storage.bucket("recommending").blob(recommendations.OUT_OF_STOCK).upload_from_string(content)


def test_without_a_reservation_similarity_recommends_and_the_log_says_why(project, capfd):
    stock(project, '["P0"]')
    cloud = opened(project)
    report = recommending.build(cloud)
    assert report.method == "similarity"
    assert report.methods.keys() == {"similarity", "popularity"}
    assert report.visitors == 200
    assert report == cloud.runs.read(cloud.run_id, RECOMMENDATIONS)
    [line] = [line for line in capfd.readouterr().out.splitlines() if "no matrix factorization" in line]
    assert "reservation" in line
    recommended = project.bigquery.list_rows(f"{PROJECT}.recommending.visitor_recommendations")
    assert "P0" not in {row["product_id"] for row in recommended}

    # A process may die before it records the step. Then the next delivery builds the recommendations again, by the same
    # BigQuery jobs, and writes the same artefact.
    document = served(project)
    assert recommending.build(cloud) == report
    assert served(project) == document
    recommender = Recommender(document)
    [other] = recommender.next_products(["P1"], {"P2", "P3", "P4"}, 1)
    assert other == "P5"
    assert "P0" not in recommender.next_products(["P1"], set(), 100)


def test_older_data_and_an_older_run_on_the_same_data_leave_the_artefact_unchanged(project):
    def artefact(run_id, as_of, opened_at):
        return Artefact(run_id=run_id, as_of=as_of, opened_at=opened_at, rules=[], similar={}, popular=[])

    assert recommending.serve(artefact("20170810-00000001", DAY, NOW), opened(project, "20170810-00000001", at=NOW))
    day_before, day_after = DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=1)
    for number, (as_of, opened_at) in enumerate(
        [(day_before, NOW + dt.timedelta(hours=1)), (DAY, NOW - dt.timedelta(microseconds=1))]
    ):
        run_id = f"{as_of:%Y%m%d}-1000000{number}"
        assert not recommending.serve(artefact(run_id, as_of, opened_at), opened(project, run_id, as_of, opened_at))
        assert served(project).run_id == "20170810-00000001"
    newer = artefact("20170811-00000001", day_after, NOW)
    assert recommending.serve(newer, opened(project, "20170811-00000001", day_after))
    assert recommending.served_run(project) == "20170811-00000001"
    recommending.withdraw(project)
    recommending.withdraw(project)
    assert recommending.served_run(project) is None


@pytest.mark.parametrize("content", ["{", '{"P1": false}', "[1]"])
def test_a_stock_list_that_cannot_be_read_is_refused_with_its_name_and_rule(project, content):
    stock(project, content)
    with pytest.raises(Permanent, match=r"gs://recommending/serving/out_of_stock\.json cannot be read"):
        recommending.look(project, NOW)
    project.storage.bucket("recommending").blob(recommendations.OUT_OF_STOCK).delete()
    assert recommending.look(project, NOW).out_of_stock == []
