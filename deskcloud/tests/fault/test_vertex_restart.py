"""The states of Vertex AI's long-running operations after Vertex AI's process was killed and started again."""

import shutil
import subprocess
import sys

import httpx
import pytest

from deskcloud import vertex
from deskcloud.vertex.service import Service
from deskcloud.web import serving

PLACE = "projects/demo/locations/here"

# A program that starts a deployment which never ends, and prints the name of the deployment's operation.
_DEPLOYER = """
import sys, threading, random
from pathlib import Path
from deskcloud.vertex.service import Service

loading = threading.Event()

def load(_folder):
    loading.set()
    threading.Event().wait()

service = Service(Path(sys.argv[1]), load, random.Random(0))
place = "projects/demo/locations/here"
upload = service.models.prepare_upload(place, {
    "modelId": "m",
    "model": {
        "displayName": "m", "modelSourceInfo": {"sourceType": "BQML"}, "artifactUri": f"file://{sys.argv[2]}",
    },
})
service.operations.wait(service.operations.start(upload["name"], "upload", upload)["name"], 30)
wanted = service.endpoints.prepare_create(place, "e", {"displayName": "e"})
service.operations.wait(service.operations.start(wanted["name"], "create endpoint", wanted)["name"], 30)
request = service.endpoints.prepare_deploy(f"{place}/endpoints/e", {
    "deployedModel": {"model": upload["name"], "dedicatedResources": {"minReplicaCount": 1}},
    "trafficSplit": {"0": 100},
})
name = service.operations.start(f"{place}/endpoints/e", "deploy", request)["name"]
loading.wait()
print(name, flush=True)
threading.Event().wait()
"""


@pytest.fixture
def killed(tmp_path):
    """Kill a Vertex AI during a deployment. Return the folder of its state, and the name of the operation.

    The uploaded model's files are deleted, so the restarted Vertex AI can only use its own copy of the files.
    """
    folder = tmp_path / "artefact"
    folder.mkdir()
    (folder / "model.json").write_text("{}")
    command = [sys.executable, "-c", _DEPLOYER, str(tmp_path / "state"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        operation = process.stdout.readline().strip()
        process.kill()
    shutil.rmtree(folder)
    return tmp_path / "state", operation


def finished(url, operation):
    return httpx.post(f"{url}/v1/{operation}:wait", json={"timeout": "30s"}, timeout=40).json()


def test_a_deployment_in_progress_when_the_process_dies_is_finished_after_a_restart(killed):
    state, operation = killed
    app = vertex.create_app(state, load=lambda _folder: lambda instances: [{"ok": True} for _ in instances])
    with serving.serve(app) as url:
        deployed = finished(url, operation)["response"]["deployedModel"]
        endpoint = httpx.get(f"{url}/v1/{PLACE}/endpoints/e").json()
        assert endpoint["deployedModels"] == [deployed]
        assert endpoint["trafficSplit"] == {deployed["id"]: 100}
    # After a second restart, the model is still deployed. The first prediction loads the model.
    app = vertex.create_app(state, load=lambda _folder: lambda instances: [{"again": True} for _ in instances])
    with serving.serve(app) as url:
        answer = httpx.post(f"{url}/v1/{PLACE}/endpoints/e:predict", json={"instances": [{}]}).json()
        assert (answer["predictions"], answer["modelVersionId"]) == ([{"again": True}], "1")


def test_a_deployment_that_cannot_be_finished_after_a_restart_fails_and_says_why(killed):
    state, operation = killed

    def load(_folder):
        raise OSError("the disk is gone")

    with serving.serve(vertex.create_app(state, load=load)) as url:
        error = finished(url, operation)["error"]
        assert (error["code"], error["message"]) == (13, "OSError: the disk is gone")
        assert httpx.get(f"{url}/v1/{PLACE}/endpoints/e").json()["deployedModels"] == []


def test_a_state_that_is_in_use_cannot_be_opened_again(tmp_path):
    app = vertex.create_app(tmp_path)
    with serving.serve(app), pytest.raises(RuntimeError, match="used by another process"):
        vertex.create_app(tmp_path)


def test_copies_that_nothing_refers_to_are_removed_at_start(tmp_path):
    (tmp_path / "artifacts" / "orphan").mkdir(parents=True)
    service = Service(tmp_path, lambda _folder: list, None)
    assert list((tmp_path / "artifacts").iterdir()) == []
    service.close()
