"""Models of BigQuery ML appear in Vertex AI's model registry."""

import httpx
import pytest
from google.api_core import exceptions

from desk.bigquery import PROJECT, connect
from deskcloud import vertex
from deskcloud.bigquery.gateway import app
from deskcloud.web import serving

CREATE = """CREATE OR REPLACE MODEL registered.{name} OPTIONS(model_type='LOGISTIC_REG'{options}) AS
SELECT x, MOD(x, 2) AS label FROM UNNEST(GENERATE_ARRAY(1, 50)) AS x"""


@pytest.fixture(scope="module")
def cloud(bigquery_emulator, tmp_path_factory):
    """Return a client of BigQuery, and a client of the Vertex AI in which BigQuery registers its models."""
    state = tmp_path_factory.mktemp("registered")
    with (
        serving.serve(vertex.create_app(state / "vertex")) as vertex_url,
        serving.serve(app.create_app(bigquery_emulator, state, vertex_url=vertex_url)) as url,
    ):
        client = connect(url)
        client.create_dataset("registered")
        base = f"{vertex_url}/v1/projects/{PROJECT}/locations/us-central1/models/"
        with httpx.Client(base_url=base, trust_env=False) as registry:
            yield client, registry
        client.delete_dataset("registered", delete_contents=True)


@pytest.fixture
def run(cloud):
    return lambda text: list(cloud[0].query(text).result())


def create(name, options=""):
    return CREATE.format(name=name, options=options)


def run_of(cloud, name):
    run = cloud[0].get_model(f"registered.{name}").to_api_repr()["trainingRuns"][-1]
    return run.get("vertexAiModelId"), run.get("vertexAiModelVersion")


def versions(cloud, vertex_id):
    # Give the complete URL: the relative URL "id:listVersions" would be parsed as a URL of the scheme "id".
    answer = cloud[1].get(f"{cloud[1].base_url}{vertex_id}:listVersions")
    return [model["versionId"] for model in answer.json().get("models", [])]


def test_alter_model_registers_a_version_and_its_id_stays(cloud, run):
    for number, name in enumerate(("a", "b"), start=1):
        run(create(name))
        for _ in range(2):
            run(f"ALTER MODEL registered.{name} SET OPTIONS(vertex_ai_model_id='propensity')")
        assert run_of(cloud, name) == ("propensity", str(number))
    assert versions(cloud, "propensity") == ["1", "2"]
    with pytest.raises(exceptions.BadRequest, match="cannot be changed"):
        run("ALTER MODEL registered.a SET OPTIONS(vertex_ai_model_id='other')")


def test_a_replaced_model_gets_a_new_version_and_a_dropped_model_leaves_the_registry(cloud, run):
    options = ", MODEL_REGISTRY='vertex_ai', VERTEX_AI_MODEL_ID='chain', VERTEX_AI_MODEL_VERSION_ALIASES=['staging']"
    run(create("c", options))
    assert cloud[1].get("chain@staging").json()["versionId"] == "1"
    run(create("c"))
    assert run_of(cloud, "c") == ("chain", "2")
    assert versions(cloud, "chain") == ["2"]
    run("DROP MODEL registered.c")
    assert versions(cloud, "chain") == []


def test_a_registry_option_without_the_option_model_registry_is_refused(run):
    with pytest.raises(exceptions.BadRequest, match="needs MODEL_REGISTRY"):
        run(create("d", ", VERTEX_AI_MODEL_ID='chain'"))
    with pytest.raises(exceptions.BadRequest, match="Invalid vertex_ai_model_id"):
        run(create("d", ", MODEL_REGISTRY='VERTEX_AI', VERTEX_AI_MODEL_ID='Not Valid'"))


def test_a_matrix_factorization_is_not_registered_and_replaces_no_registered_model(cloud, run):
    def factorize(name, options=""):
        rows = "SELECT MOD(x, 5) AS user, x AS item, 1 AS rating FROM UNNEST(GENERATE_ARRAY(1, 50)) AS x"
        return (
            f"CREATE OR REPLACE MODEL registered.{name} OPTIONS(model_type='MATRIX_FACTORIZATION'{options}) AS {rows}"
        )

    message = "Registering a model of type MATRIX_FACTORIZATION with Vertex AI is not supported"
    run(create("e", ", MODEL_REGISTRY='vertex_ai', VERTEX_AI_MODEL_ID='kept'"))
    run(factorize("f"))
    for text in (
        factorize("g", ", MODEL_REGISTRY='vertex_ai'"),
        factorize("e"),
        "ALTER MODEL registered.f SET OPTIONS(vertex_ai_model_id='kept')",
    ):
        with pytest.raises(exceptions.BadRequest, match=message):
            run(text)
    assert run_of(cloud, "e") == ("kept", "1")
    assert cloud[0].get_model("registered.e").model_type == "LOGISTIC_REGRESSION"
