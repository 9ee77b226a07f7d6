"""Google's own clients work with the local Vertex AI.

The clients are the generated ones over REST, and the high-level library google-cloud-aiplatform.
"""

import contextlib
import importlib
import os
import shutil
import threading

import httpx
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1 as v1
from google.protobuf import field_mask_pb2

from desk.vertex import INSTANCE
from deskcloud import vertex
from deskcloud.web import serving

MACHINE = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}


class Clients:
    """Google's clients for a local Vertex AI at `url`. Each instance uses a location that no other test uses."""

    def __init__(self, url):
        options = {"client_options": {"api_endpoint": url}, "transport": "rest", "credentials": AnonymousCredentials()}
        self.url = url
        self.models = v1.ModelServiceClient(**options)
        self.endpoints = v1.EndpointServiceClient(**options)
        self.predictions = v1.PredictionServiceClient(**options)
        self.jobs = v1.JobServiceClient(**options)
        self.place = f"projects/demo/locations/place-{os.urandom(4).hex()}"

    def upload(self, folder, **fields):
        model = {
            "display_name": "propensity",
            "artifact_uri": f"file://{folder}",
            "model_source_info": {"source_type": "BQML"},
        }
        request = {"parent": self.place, "model": model | fields.pop("model", {}), **fields}
        return self.models.upload_model(request).result(timeout=30)

    def endpoint(self, endpoint_id="offers"):
        created = self.endpoints.create_endpoint(
            parent=self.place, endpoint={"display_name": "offers"}, endpoint_id=endpoint_id
        )
        return created.result(timeout=30).name

    def deploy(self, endpoint, model, traffic_split=None):
        deployed = {"model": model, "dedicated_resources": MACHINE}
        operation = self.endpoints.deploy_model(
            endpoint=endpoint, deployed_model=deployed, traffic_split=traffic_split or {}
        )
        return operation.result(timeout=30).deployed_model

    def predict(self, endpoint, *instances):
        return self.predictions.predict(endpoint=endpoint, instances=list(instances))


@contextlib.contextmanager
def refused(status, match=None):
    """Check that a call raises an error with this status in the body.

    Over REST, the class of a client's error shows only the HTTP code. So the status must be checked in the body.
    """
    with pytest.raises(exceptions.GoogleAPICallError, match=match) as caught:
        yield
    assert caught.value.response.json()["error"]["status"] == status


@pytest.fixture
def google(vertex_url):
    return Clients(vertex_url)


@pytest.fixture
def model(google, trained_folder):
    """Upload a model with one version, and return its name."""
    return google.upload(trained_folder, model_id="propensity").model


def test_version_numbers_rise_and_a_deleted_number_is_not_used_again(google, trained_folder, model):
    second = google.upload(trained_folder, parent_model=model, model={"version_aliases": ["challenger"]})
    assert second.model_version_id == "2"
    google.models.delete_model_version(name=f"{model}@2").result(timeout=30)
    assert google.upload(trained_folder, parent_model=model).model_version_id == "3"
    versions = google.models.list_model_versions(name=model)
    assert [(version.version_id, list(version.version_aliases)) for version in versions] == [
        ("1", ["default"]),
        ("3", []),
    ]


def test_an_id_that_is_taken_or_a_parent_that_is_absent_is_an_error(google, trained_folder, model):
    with refused("ALREADY_EXISTS", "parentModel"):
        google.upload(trained_folder, model_id="propensity")
    with pytest.raises(exceptions.NotFound):
        google.upload(trained_folder, parent_model=f"{google.place}/models/absent")
    with refused("INVALID_ARGUMENT", "modelId"):
        google.upload(trained_folder, model_id="No Id")
    with refused("INVALID_ARGUMENT", "a folder that is there"):
        google.upload(trained_folder / "absent", model_id="other")


def test_an_alias_names_one_version_and_moves_when_it_is_applied(google, trained_folder, model):
    google.upload(trained_folder, parent_model=model)
    google.models.merge_version_aliases(name=f"{model}@1", version_aliases=["champion"])
    assert google.models.get_model(name=f"{model}@champion").version_id == "1"
    moved = google.models.merge_version_aliases(name=f"{model}@2", version_aliases=["champion", "default"])
    assert list(moved.version_aliases) == ["champion", "default"]
    assert list(google.models.get_model(name=f"{model}@1").version_aliases) == []
    assert google.models.get_model(name=model).version_id == "2"
    google.models.merge_version_aliases(name=f"{model}@2", version_aliases=["-champion"])
    with pytest.raises(exceptions.NotFound, match="champion"):
        google.models.get_model(name=f"{model}@champion")


@pytest.mark.parametrize("alias", ["-default", "7", "Champion", "a", "champion-", "x" * 129])
def test_an_alias_that_breaks_the_rules_is_refused(google, model, alias):
    with refused("INVALID_ARGUMENT"):
        google.models.merge_version_aliases(name=f"{model}@1", version_aliases=[alias])


def test_labels_and_descriptions_are_patched_on_the_model_or_on_one_version(google, model):
    def patch(name, mask, **fields):
        return google.models.update_model(
            model={"name": name, **fields}, update_mask=field_mask_pb2.FieldMask(paths=[mask])
        )

    patch(model, "labels", labels={"team": "crm", "stage": "none"})
    patched = patch(f"{model}@1", "labels", labels={"stage": "live"})
    assert dict(patched.labels) == {"team": "crm", "stage": "live"}
    assert patch(f"{model}@1", "version_description", version_description="v").version_description == "v"
    assert patch(model, "display_name", display_name="renamed").display_name == "renamed"
    with refused("INVALID_ARGUMENT", "displayName"):
        patch(f"{model}@1", "display_name", display_name="x")
    with refused("ABORTED", "etag"):
        patch(model, "description", description="x", etag="stale")
    found = google.models.list_models(
        request={"parent": google.place, "filter": 'labels.team=crm AND display_name="renamed"'}
    )
    assert [listed.name for listed in found] == [model]
    with refused("INVALID_ARGUMENT", "filter"):
        google.models.list_models(request={"parent": google.place, "filter": "create_time > yesterday"})


def test_lists_come_in_pages(google):
    names = [google.endpoint(f"offers-{number}") for number in range(5)]
    pages = list(google.endpoints.list_endpoints(request={"parent": google.place, "page_size": 2}).pages)
    assert [[endpoint.name for endpoint in page.endpoints] for page in pages] == [names[:2], names[2:4], names[4:]]


def test_a_deployed_model_answers_in_bigquery_mls_own_shape(google, model):
    endpoint = google.endpoint()
    deployed = google.deploy(endpoint, f"{model}@default", {"0": 100})
    answer = google.predict(endpoint, INSTANCE, INSTANCE | {"seconds": 900.0})
    one, other = (dict(prediction) for prediction in answer.predictions)
    assert set(one) == {"bought_values", "bought_probs", "predicted_bought"}
    assert list(one["bought_values"]) == ["1", "0"]
    assert sum(one["bought_probs"]) == pytest.approx(1)
    assert one["bought_probs"][0] < other["bought_probs"][0]
    identity = (answer.deployed_model_id, answer.model, answer.model_version_id, answer.model_display_name)
    assert identity == (deployed.id, model, "1", "propensity")
    raw = httpx.post(f"{google.url}/v1/{endpoint}:rawPredict", json={"instances": [INSTANCE]})
    assert raw.headers["x-vertex-ai-deployed-model-id"] == deployed.id
    assert raw.json()["predictions"][0]["predicted_bought"] == list(one["predicted_bought"])


def test_one_bad_instance_fails_the_whole_request(google, model):
    endpoint = google.endpoint()
    google.deploy(endpoint, model, {"0": 100})
    with refused("INVALID_ARGUMENT", "Instance 1 lacks 'bounces'"):
        google.predict(endpoint, INSTANCE, {"seconds": 1.0})
    with refused("INVALID_ARGUMENT", "limit is 1500000"):
        google.predict(endpoint, INSTANCE | {"source": "x" * 1_600_000})
    with refused("INVALID_ARGUMENT", "instances"):
        google.predict(endpoint)


def test_traffic_moves_from_the_old_model_to_the_new_one_and_back(google, trained_folder, model):
    google.upload(trained_folder, parent_model=model)
    endpoint = google.endpoint()
    with refused("FAILED_PRECONDITION", "receives traffic"):
        google.predict(endpoint, INSTANCE)
    old = google.deploy(endpoint, f"{model}@1", {"0": 100}).id
    new = google.deploy(endpoint, f"{model}@2").id
    assert dict(google.endpoints.get_endpoint(name=endpoint).traffic_split) == {old: 100}

    def move(split):
        return google.endpoints.update_endpoint(
            endpoint={"name": endpoint, "traffic_split": split},
            update_mask=field_mask_pb2.FieldMask(paths=["traffic_split"]),
        )

    move({old: 50, new: 50})
    assert {google.predict(endpoint, INSTANCE).model_version_id for _ in range(40)} == {"1", "2"}
    for wrong in ({old: 50}, {old: 50, "77": 50}, {old: 150, new: -50}):
        with refused("INVALID_ARGUMENT", "trafficSplit"):
            move(wrong)
    with refused("FAILED_PRECONDITION", "trafficSplit without it"):
        google.endpoints.undeploy_model(endpoint=endpoint, deployed_model_id=old)
    google.endpoints.undeploy_model(endpoint=endpoint, deployed_model_id=old, traffic_split={new: 100}).result(
        timeout=30
    )
    left = google.endpoints.get_endpoint(name=endpoint)
    assert ([deployed.id for deployed in left.deployed_models], dict(left.traffic_split)) == ([new], {new: 100})
    google.endpoints.undeploy_model(endpoint=endpoint, deployed_model_id=new).result(timeout=30)
    assert dict(google.endpoints.get_endpoint(name=endpoint).traffic_split) == {}
    google.endpoints.delete_endpoint(name=endpoint).result(timeout=30)
    with pytest.raises(exceptions.NotFound):
        google.endpoints.get_endpoint(name=endpoint)


def test_a_model_or_endpoint_in_use_is_not_deleted(google, trained_folder, model):
    google.upload(trained_folder, parent_model=model)
    endpoint = google.endpoint()
    google.deploy(endpoint, f"{model}@2", {"0": 100})
    for delete in (
        lambda: google.models.delete_model(name=model),
        lambda: google.models.delete_model_version(name=f"{model}@1"),
        lambda: google.models.delete_model_version(name=f"{model}@2"),
        lambda: google.endpoints.delete_endpoint(name=endpoint),
    ):
        with refused("FAILED_PRECONDITION"):
            delete()
    assert google.models.get_model(name=f"{model}@2").deployed_models[0].endpoint == endpoint


def test_replica_counts_are_changed_on_a_deployed_model(google, model):
    endpoint = google.endpoint()
    deployed = google.deploy(endpoint, model, {"0": 100})

    def mutate(path, count):
        return google.endpoints.mutate_deployed_model(
            endpoint=endpoint,
            deployed_model={"id": deployed.id, "dedicated_resources": {"min_replica_count": count}},
            update_mask=field_mask_pb2.FieldMask(paths=[path]),
        ).result(timeout=30)

    changed = mutate("dedicated_resources.min_replica_count", 2).deployed_model
    assert (changed.dedicated_resources.min_replica_count, changed.model_version_id) == (2, "1")
    with refused("INVALID_ARGUMENT", "cannot be updated"):
        mutate("display_name", 2)


def test_a_model_that_did_not_come_from_bigquery_ml_fails_to_deploy_and_says_why(google):
    model = {"display_name": "other", "container_spec": {"image_uri": "image:latest"}, "artifact_uri": "gs://b/m"}
    name = google.models.upload_model(parent=google.place, model=model).result(timeout=30).model
    operation = google.endpoints.deploy_model(
        endpoint=google.endpoint(), deployed_model={"model": name, "dedicated_resources": MACHINE}
    )
    with pytest.raises(exceptions.GoogleAPICallError, match="BQML models only"):
        operation.result(timeout=30)


def test_the_registry_keeps_its_own_copy_of_the_artefact(google, trained_folder, tmp_path):
    folder = shutil.copytree(trained_folder, tmp_path / "copy")
    name = google.upload(folder, model_id="copied").model
    shutil.rmtree(folder)
    endpoint = google.endpoint()
    google.deploy(endpoint, name, {"0": 100})
    assert len(google.predict(endpoint, INSTANCE).predictions) == 1


def test_a_missing_feature_is_unimplemented_in_googles_error_format(google):
    with pytest.raises(exceptions.MethodNotImplemented, match="batchPredictionJobs"):
        google.jobs.list_batch_prediction_jobs(parent=google.place)
    answer = httpx.get(f"{google.url}/v1/{google.place}/endpoints/absent")
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


class Gate:
    """A loader of models that pauses in the middle of its work until the test sets the event `open`.

    The loader sets the event `entered` when a model begins to load.
    """

    def __init__(self):
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, _folder):
        self.entered.set()
        assert self.open.wait(30)
        return lambda instances: [{} for _ in instances]


def test_a_deployment_in_progress_is_an_operation_that_is_not_done(trained_folder, tmp_path):
    gate = Gate()
    with serving.serve(vertex.create_app(tmp_path, load=gate)) as url:
        google = Clients(url)
        model = google.upload(trained_folder, model_id="m").model
        endpoint = google.endpoint()
        operation = google.endpoints.deploy_model(
            endpoint=endpoint, deployed_model={"model": model, "dedicated_resources": MACHINE}, traffic_split={"0": 100}
        )
        assert gate.entered.wait(30)
        name = operation.operation.name
        waited = httpx.post(f"{url}/v1/{name}:wait", params={"timeout": "0.01s"}).json()
        assert waited.get("done", False) is False
        assert not google.endpoints.get_endpoint(name=endpoint).deployed_models
        gate.open.set()
        done = httpx.post(f"{url}/v1/{name}:wait", params={"timeout": "30s"}).json()
        assert done["done"] is True
        listed = httpx.get(f"{url}/v1/{endpoint}/operations").json()["operations"]
        assert done in listed
        assert done["response"]["deployedModel"]["id"] in google.endpoints.get_endpoint(name=endpoint).traffic_split


@pytest.fixture
def aiplatform():
    """Import and return the high-level library. The import takes seconds, and most tests do not need the library."""
    return importlib.import_module("google.cloud.aiplatform")


def test_the_high_level_library_works_unpatched(aiplatform, vertex_url, trained_folder):
    google = Clients(vertex_url)
    google.place = "projects/demo/locations/us-central1"
    google.upload(trained_folder, model_id="high")
    aiplatform.init(
        project="demo",
        location="us-central1",
        api_endpoint=vertex_url,
        api_transport="rest",
        credentials=AnonymousCredentials(),
    )
    version = aiplatform.Model.upload(
        parent_model="high",
        display_name="propensity",
        serving_container_image_uri="image:latest",
        is_default_version=False,
        version_aliases=["other"],
    )
    assert (version.version_id, version.version_aliases) == ("2", ["other"])
    endpoint = aiplatform.Endpoint.create(display_name="high", endpoint_id="high")
    aiplatform.Model("high").deploy(endpoint=endpoint, machine_type="n1-standard-2")
    aiplatform.Model("high@1").deploy(endpoint=endpoint, machine_type="n1-standard-2", traffic_percentage=10)
    assert sorted(endpoint.traffic_split.values()) == [10, 90]
    prediction = endpoint.predict([INSTANCE])
    assert prediction.predictions[0]["bought_values"] == ["1", "0"]
    assert prediction.model_version_id == "1"
    first = endpoint.list_models()[0].id
    endpoint.update(traffic_split={first: 100})
    assert endpoint.traffic_split == {first: 100}
    endpoint.undeploy_all()
    assert endpoint.list_models() == []
    endpoint.delete()
    aiplatform.Model("high").delete()
    assert aiplatform.Model.list() == []
