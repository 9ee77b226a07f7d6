"""To remove a version, its BigQuery model is deleted. Then BigQuery removes the version from Vertex AI's registry."""

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import aiplatform_v1 as vertex

from desk.bigquery import PROJECT, connect
from deskcloud import vertex as local_vertex
from deskcloud.bigquery.gateway import app
from deskcloud.web import serving
from shared.chain.registry import DEFAULT, Note, Registry
from shared.deadline import Deadline
from shared.settings import Settings
from shared.vertex import address
from shared.warehouse import Warehouse

DATASET = "removed"
NAME = Settings(project=PROJECT, bucket=PROJECT).serving.model_id
PLACE = f"projects/{PROJECT}/locations/{Settings(project=PROJECT, bucket=PROJECT).serving.region}"
MODEL = f"{PLACE}/models/{NAME}"
RUNS = ("20170801-00000001", "20170802-00000002", "20170803-00000003")
CREATE = """CREATE MODEL removed.{model} OPTIONS(model_type='LOGISTIC_REG') AS
SELECT x, MOD(x, 2) AS label FROM UNNEST(GENERATE_ARRAY(1, 50)) AS x"""


@pytest.fixture
def vertex_url(credentials, tmp_path):
    with serving.serve(local_vertex.create_app(tmp_path / "vertex")) as url:
        yield url


@pytest.fixture
def bigquery(bigquery_emulator, vertex_url, tmp_path):
    with serving.serve(app.create_app(bigquery_emulator, tmp_path, vertex_url=vertex_url)) as url:
        client = connect(url)
        client.create_dataset(DATASET)
        yield client
        client.delete_dataset(DATASET, delete_contents=True)


@pytest.fixture
def settings(vertex_url):
    document = {"project": PROJECT, "bucket": PROJECT, "dataset": DATASET, "serving": {"api_endpoint": vertex_url}}
    return Settings.from_document(document)


@pytest.fixture
def models(settings):
    """Return Google's client for the model registry of Vertex AI."""
    return vertex.ModelServiceClient(client_options={"api_endpoint": address(settings)}, transport="rest")


@pytest.fixture
def registry(settings, bigquery):
    """Register and deploy the models of three runs, one after another.

    Each model became champion when it was deployed. So the third is the champion, and the second the former champion.
    """
    registry = Registry(settings, bigquery)
    endpoints, endpoint = (
        vertex.EndpointServiceClient(client_options={"api_endpoint": address(settings)}, transport="rest"),
        vertex.Endpoint(display_name=NAME),
    )
    endpoints.create_endpoint(parent=PLACE, endpoint=endpoint, endpoint_id=NAME).result()
    for run_id in RUNS:
        model = f"logistic_{run_id.replace('-', '_')}"
        bigquery.query_and_wait(CREATE.format(model=model))
        version = registry.register(
            model, run_id, "logistic", Warehouse(bigquery, settings, run_id, "test", 1, Deadline(30))
        )
        canary = registry.deploy_canary(version, Note(lambda: None, lambda _: None), Deadline(30))
        registry.promote(canary, version)
    return registry


def models_of(bigquery):
    return sorted(model.model_id for model in bigquery.list_models(DATASET))


def make_default(version, models):
    models.merge_version_aliases(name=f"{MODEL}@{version.number}", version_aliases=[DEFAULT])


def test_all_versions_are_removed_with_their_models_though_one_serves_and_one_is_the_default(registry, bigquery):
    versions = registry.versions()
    assert [version.run_id for version in versions] == list(RUNS)
    for left, version in zip((2, 1, 0), versions, strict=True):
        registry.remove(version)
        assert models_of(bigquery) == [kept.model for kept in registry.versions()]
        assert len(registry.versions()) == left
    assert registry.traffic() == {}


@pytest.mark.slow
def test_a_version_that_was_partly_removed_can_be_removed_again(registry, bigquery, models):
    oldest, former, champion = registry.versions()
    make_default(former, models)
    bigquery.delete_model(f"{DATASET}.{oldest.model}")
    for _ in range(2):
        registry.remove(oldest)
        registry.remove(former)
    assert registry.versions() == [champion] == [registry.champion()]
    for _ in range(2):
        registry.remove(champion)
    assert (registry.versions(), models_of(bigquery)) == ([], [])


def test_a_model_is_not_deleted_while_its_version_serves(registry, bigquery):
    champion = registry.champion()
    with pytest.raises(BadRequest, match="deployed"):
        bigquery.delete_model(f"{DATASET}.{champion.model}")
    registry.remove(champion)
    with pytest.raises(NotFound):
        bigquery.get_model(f"{DATASET}.{champion.model}")


def test_vertex_ai_refuses_to_delete_a_version_that_bigquery_owns(registry, bigquery, models):
    oldest, former, _ = registry.versions()
    for delete, named in (
        (models.delete_model_version, f"{MODEL}@{oldest.number}"),
        (models.delete_model, MODEL),
    ):
        with pytest.raises(BadRequest, match="delete the BigQuery model"):
            delete(name=named)
    make_default(former, models)
    bigquery.delete_model(f"{DATASET}.{oldest.model}")
    assert oldest not in registry.versions()
