"""Any file of sql/models can be a candidate. The model's type is read from BigQuery, not from the file's name."""

import json
import shutil
import subprocess
import sys
from datetime import date
from types import SimpleNamespace

import msgspec
import pytest

from demo import generator, loading
from desk.bigquery import connect
from fixtures.deliveries import Export, with_many_buyers
from fixtures.online import endpoint_first, scored_sessions
from shared import warehouse
from shared.calibration import IDENTITY, Calibrator
from shared.chain import calibration, gate, revisions
from shared.chain.calibration import Fitted
from shared.chain.environment import StepContext
from shared.online.scorer import OnlineScorer
from shared.settings import CANDIDATES, Settings
from shared.warehouse import SQL

EXPORT = Export("candidates", 6)
CALIBRATOR = Calibrator(0.8, ((-3.0, -3.5), (-2.0, -1.5), (-1.0, -1.0)))


@pytest.fixture
def sql(tmp_path):
    """Return a copy of the folder sql/, to which a test can add files."""
    shutil.copytree(SQL, tmp_path / "sql")
    return tmp_path / "sql"


@pytest.fixture(scope="module")
def cloud(meeting_cloud, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    files = with_many_buyers(generator.generate(1, date(2017, 3, 1), EXPORT.days, 600, folder))
    loading.load(files, connect(meeting_cloud.bigquery_url), EXPORT.dataset)
    return meeting_cloud


@pytest.mark.parametrize(
    ("name", "text", "scorer"),
    [
        ("forest", "boosted_trees", "boosted_trees"),
        ("boosted_trees", "logistic", "logistic"),
    ],
)
@pytest.mark.slow
def test_a_candidates_deployment_depends_on_its_model_type_and_not_on_its_name(
    name, text, scorer, cloud, sql, monkeypatch
):
    (sql / "models" / f"{name}.sql").write_text((SQL / "models" / f"{text}.sql").read_text())
    monkeypatch.setattr(warehouse, "SQL", sql)
    # The test sets the calibrator itself, because calibration.fit would fit none for so few visitors.
    monkeypatch.setattr(calibration, "fit", lambda *_: Fitted(CALIBRATOR, "as a test wants it"))
    world = cloud.world(EXPORT)
    chosen = msgspec.structs.replace(world.settings.training, candidates=(name,))
    world.settings = msgspec.structs.replace(world.settings, training=chosen)
    world.send("data-refreshed", {})
    while world.pending:
        world.deliver(world.pending[0])
    [run] = world.export_runs()
    assert (run.outcome, run.reason) == ("published", "")
    assert run.documents.evaluation.winner == name
    assert world.serving() == (run.run_id, {run.run_id: 100}, run.run_id)
    artefact = world.document(world.document("serving/champion.json")["scorer"])
    assert artefact["kind"] == scorer
    assert_calibrated_alike(world, run, artefact)


def assert_calibrated_alike(world, run, artefact):
    """Check that all documents contain the same calibrator.

    Also check that the table `scores`, the embedded scorer and the endpoint give the same calibrated probabilities.
    """
    assert run.documents.evaluation.calibrator == CALIBRATOR
    assert msgspec.convert(artefact["calibrator"], Calibrator) == CALIBRATOR
    [pointed] = world.document("serving/champion.json")["calibrators"].values()
    assert msgspec.convert(pointed, Calibrator) == CALIBRATOR
    embedded, endpoint = OnlineScorer(world.settings), OnlineScorer(endpoint_first(world.settings))
    rows = scored_sessions(world, 20)
    assert len(rows) == 20
    for row in rows:
        for scorer, path in ((embedded, "embedded"), (endpoint, "endpoint")):
            scored = scorer.score(row)
            assert (scored.path, scored.version) == (path, row["scored_by"])
            assert scored.probability == pytest.approx(row["scored"], abs=1e-6)


def test_a_model_without_an_embedded_scorer_is_deployed_only_at_the_endpoint(capfd):
    model = SimpleNamespace(model_type="DNN_CLASSIFIER")
    settings = Settings(project="shop-project", bucket="shop-bucket")
    clients = SimpleNamespace(settings=settings, bigquery=SimpleNamespace(get_model=lambda _: model))
    context = StepContext(clients, "20170801-0a1b2c3d", "deploy_model", None, None)
    revisions.keep_scorer("deep", {}, IDENTITY, [], [], context)
    told = "no scorer artefact: deep is a DNN_CLASSIFIER; supported types: LOGISTIC_REGRESSION; BOOSTED_TREE_CLASSIFIER"
    assert told in capfd.readouterr().out


def test_the_settings_may_name_a_new_candidate_only_if_its_file_exists(sql):
    (sql / "models" / "forest.sql").write_text("select 1")
    shutil.copytree(SQL.parent / "shared", sql.parent / "shared")
    assert _settings(sql.parent, "forest") == ""
    assert _settings(sql.parent, "wood").endswith(
        'training.candidates is ["wood"]; it must be a list of at least 1, each one of baseline, boosted_trees, '
        "forest, logistic\n"
    )


def _settings(root, candidate):
    """Read settings with the only candidate `candidate` in a new process. Return what the process prints as errors."""
    environment = {
        "GOOGLE_CLOUD_PROJECT": "shop-project",
        "PROPENSITY_SETTINGS": json.dumps({"training": {"candidates": [candidate]}}),
    }
    starting = "from shared.settings import Settings; Settings.from_environment()"
    return subprocess.run(
        [sys.executable, "-c", starting], cwd=root, env=environment, capture_output=True, text=True, check=False
    ).stderr


def test_no_candidate_has_a_champions_name():
    """The table evaluation_rows has the rows of candidates and champions by name, so their names must differ."""
    assert not {gate.CHAMPION, gate.BEST} & set(CANDIDATES)
