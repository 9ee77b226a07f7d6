"""Removing versions: BigQuery owns them, so Vertex AI's registry follows the models that BigQuery deletes."""

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import aiplatform_v1 as vertex

from desk.bigquery import PROJECT, connect
from deskcloud import vertex as local_vertex
from deskcloud.bigquery.gateway import app
from deskcloud.web import serving
from shared.chain.registry import Note, Registry
from shared.deadline import Deadline
from shared.settings import Settings
from shared.warehouse import Warehouse

DATASET = "removed"
RUNS = ("20170801-00000001", "20170802-00000002", "20170803-00000003")
CREATE = """CREATE MODEL removed.{model} OPTIONS(model_type='LOGISTIC_REG') AS
SELECT x, MOD(x, 2) AS label FROM UNNEST(GENERATE_ARRAY(1, 50)) AS x"""


@pytest.fixture
def registry(bigquery_emulator, credentials, tmp_path):
    """Three runs' models, registered and deployed one after the other: the last is champion, the one before former."""
    with (
        serving.serve(local_vertex.create_app(tmp_path / "vertex")) as vertex_url,
        serving.serve(app.create_app(bigquery_emulator, tmp_path, vertex_url=vertex_url)) as url,
    ):
        bigquery = connect(url)
        bigquery.create_dataset(DATASET)
        document = {"project": PROJECT, "bucket": PROJECT, "dataset": DATASET, "serving": {"api_endpoint": vertex_url}}
        settings = Settings.from_document(document)
        registry = Registry(settings, bigquery)
        place = f"projects/{PROJECT}/locations/{settings.serving.region}"
        endpoint = vertex.Endpoint(display_name="propensity")
        registry._endpoints.create_endpoint(parent=place, endpoint=endpoint, endpoint_id="propensity").result()
        for run_id in RUNS:
            model = f"logistic_{run_id.replace('-', '_')}"
            bigquery.query_and_wait(CREATE.format(model=model))
            version = registry.register(
                model, run_id, "logistic", Warehouse(bigquery, settings, run_id, "test", 1, Deadline(30))
            )
            canary = registry.deploy_canary(version, Note(lambda: None, lambda _: None), Deadline(30))
            registry.promote(canary, version)
        yield registry
        bigquery.delete_dataset(DATASET, delete_contents=True)


def models_of(registry):
    return sorted(model.model_id for model in registry._bigquery.list_models(DATASET))


def test_all_versions_are_removed_with_their_models_though_one_serves_and_one_is_the_default(registry):
    versions = registry.versions()
    assert [version.run_id for version in versions] == list(RUNS)
    for left, version in zip((2, 1, 0), versions, strict=True):
        registry.remove(version)
        assert models_of(registry) == [kept.model for kept in registry.versions()]
        assert len(registry.versions()) == left
    assert list(registry._endpoint().deployed_models) == []


def test_what_is_gone_already_is_removed_all_the_same(registry):
    oldest, former, champion = registry.versions()
    registry._name(former.number, "default")
    registry._bigquery.delete_model(f"{DATASET}.{oldest.model}")
    for _ in range(2):
        registry.remove(oldest)
        registry.remove(former)
    assert registry.versions() == [champion] == [registry.champion()]
    for _ in range(2):
        registry.remove(champion)
    assert (registry.versions(), models_of(registry)) == ([], [])


def test_a_model_is_not_deleted_while_its_version_serves(registry):
    champion = registry.champion()
    with pytest.raises(Exception, match="deployed"):
        registry._bigquery.delete_model(f"{DATASET}.{champion.model}")
    registry.remove(champion)
    with pytest.raises(NotFound):
        registry._bigquery.get_model(f"{DATASET}.{champion.model}")


def test_vertex_ai_itself_deletes_no_version_that_bigquery_owns(registry):
    oldest, former, _ = registry.versions()
    name = registry._endpoint().deployed_models[0].model
    for delete, named in (
        (registry._models.delete_model_version, f"{name}@{oldest.number}"),
        (registry._models.delete_model, name),
    ):
        with pytest.raises(BadRequest, match="delete the BigQuery model"):
            delete(name=named)
    registry._name(former.number, "default")
    registry._bigquery.delete_model(f"{DATASET}.{oldest.model}")
    assert oldest not in registry.versions()
