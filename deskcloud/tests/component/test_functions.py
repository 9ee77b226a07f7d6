"""The dispatcher of Cloud Functions. It runs functions-framework under gunicorn in a separate process."""

import base64
import contextlib
import json
import queue
import signal
import subprocess
import sys
import textwrap

import httpx
import psutil
import pytest
from google.cloud import pubsub_v1

from deskcloud import functions, pubsub
from deskcloud.pubsub.client import PubsubMessage

DEADLINE = 60
SOURCE = """
import json, os, sys, threading
import functions_framework

print("loaded by", os.environ["FUNCTION_TARGET"])

@functions_framework.cloud_event
def build_features(event):
    print(json.dumps({"source": event["source"], "id": event["id"], "type": event["type"],
                      "attributes": event.data["message"]["attributes"], "keys": sorted(event.data)}))

@functions_framework.http
def report(request):
    print("reporting", file=sys.stderr)
    return {"pid": os.getpid(), "path": request.path, "flavour": os.environ.get("FLAVOUR"),
            "service": os.environ.get("K_SERVICE"), "directory": os.getcwd()}

@functions_framework.cloud_event
def crash(event):
    raise ValueError("no such table")

def plain(request):
    sys.stdout.write("half ")
    sys.stdout.write("and half")
    return "plain"

def __getattr__(name):
    if name == "broken":
        raise RuntimeError("cannot import")
    raise AttributeError(name)
"""
NAMES = ["build_features", "report", "crash", "plain", "broken"]
TOPIC = "projects/shop/topics/data-refreshed"


class Lines:
    """Records the lines that the functions print."""

    def __init__(self):
        self.seen = queue.Queue()

    def __call__(self, service, line):
        self.seen.put((service, line))

    def until(self, service, text):
        """Return the next line that the service prints and that contains the text."""
        while True:
            found, line = self.seen.get(timeout=DEADLINE)
            if found == service and text in line:
                return line


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    file = tmp_path_factory.mktemp("source") / "main.py"
    file.write_text(textwrap.dedent(SOURCE))
    return file


@pytest.fixture(scope="module")
def together(source):
    lines = Lines()
    with functions.serve(source, NAMES, {"FLAVOUR": "local"}, on_line=lines) as url:
        yield url, lines


@pytest.fixture(scope="module")
def isolated(source):
    lines = Lines()
    with functions.serve(source, NAMES[:3], {"FLAVOUR": "local"}, on_line=lines, is_isolated=True) as url:
        yield url, lines


@pytest.fixture(params=["together", "isolated"])
def served(request):
    return request.getfixturevalue(request.param)


def push(url, **message):
    body = {"subscription": "projects/shop/subscriptions/s", "message": {"messageId": "17", **message}}
    return httpx.post(url, json=body, timeout=DEADLINE)


def test_a_push_request_becomes_a_cloud_event_of_its_topic(served):
    url, lines = served
    data = base64.b64encode(b"{}").decode()
    answer = push(f"{url}/build_features/{TOPIC}", data=data, attributes={"run_id": "r1"})
    assert (answer.status_code, answer.text) == (200, "OK")
    assert json.loads(lines.until("build-features", "messagePublished")) == {
        "source": f"//pubsub.googleapis.com/{TOPIC}",
        "id": "17",
        "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "attributes": {"run_id": "r1"},
        "keys": ["message"],
    }


def test_a_message_without_data_is_refused_and_logged(served):
    url, lines = served
    assert push(f"{url}/build_features/{TOPIC}", attributes={"run_id": "r1"}).status_code == 400
    entry = json.loads(lines.until("build-features", "httpRequest"))
    assert (entry["severity"], entry["httpRequest"]["status"]) == ("WARNING", 400)


def test_a_function_that_raises_answers_500_and_its_traceback_is_printed(served):
    url, lines = served
    assert push(f"{url}/crash/{TOPIC}", data="e30=").status_code == 500
    assert lines.until("crash", "ValueError: no such table")


def test_an_http_function_sees_its_own_root_and_environment(served, source):
    url, lines = served
    answer = httpx.get(f"{url}/report", timeout=DEADLINE).json()
    assert (answer["path"], answer["flavour"], answer["directory"]) == ("/", "local", str(source.parent))
    assert lines.until("report", "reporting")


def test_a_name_that_is_not_declared_is_not_found(served):
    answer = httpx.get(f"{served[0]}/nothing/x", timeout=DEADLINE)
    assert answer.status_code == 404
    assert "'nothing'" in answer.text


def test_an_isolated_function_is_its_own_process_and_knows_its_service(isolated):
    url, _ = isolated
    answer = httpx.get(f"{url}/report?a=1", timeout=DEADLINE).json()
    assert answer["service"] == "report"
    command = psutil.Process(answer["pid"]).cmdline()
    assert command[-1] == "report"
    assert "crash" not in command


def test_a_function_without_a_decorator_is_an_http_function(together):
    url, lines = together
    push(f"{url}/build_features/{TOPIC}", data="e30=")
    assert httpx.get(f"{url}/plain", timeout=DEADLINE).text == "plain"
    assert lines.until("plain", "half") == "half and half"


def test_a_function_that_cannot_be_loaded_leaves_the_others_alone(together):
    url, lines = together
    answer = httpx.get(f"{url}/broken", timeout=DEADLINE)
    assert (answer.status_code, answer.text) == (500, "the function broken cannot be loaded\n")
    assert lines.until("broken", "cannot import")
    assert httpx.get(f"{url}/plain", timeout=DEADLINE).status_code == 200


def pid_behind(url):
    return httpx.get(f"{url}/report", timeout=DEADLINE).json()["pid"]


@pytest.mark.parametrize("victim", ["worker", "master"])
def test_a_killed_process_is_replaced_on_the_same_port(source, victim):
    with functions.serve(source, NAMES, {}) as url:
        worker = pid_behind(url)
        killed = psutil.Process(worker if victim == "worker" else psutil.Process(worker).ppid())
        killed.kill()
        psutil.wait_procs([killed, psutil.Process(worker)] if victim == "worker" else [killed], timeout=DEADLINE)
        replacement = worker
        while replacement == worker:  # a worker whose master process was killed may still answer for a while
            with contextlib.suppress(httpx.TransportError):
                replacement = pid_behind(url)
        assert replacement != worker
        process = psutil.Process(replacement)
    assert psutil.wait_procs([process], timeout=DEADLINE)[1] == []


def test_a_message_whose_function_was_killed_is_delivered_to_the_next(tmp_path, monkeypatch):
    source = tmp_path / "main.py"
    source.write_text(
        textwrap.dedent("""
        import os, pathlib, signal
        import functions_framework

        @functions_framework.cloud_event
        def build_features(event):
            mark = pathlib.Path("killed")
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            print("built")
    """)
    )
    lines, outcomes = Lines(), queue.Queue()
    with (
        pubsub.serve(tmp_path / "state") as server,
        functions.serve(source, ["build_features"], {}, on_line=lines) as url,
    ):
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.host)
        server.on_delivery(lambda progress: outcomes.put(progress.outcome))
        with pubsub_v1.PublisherClient() as publisher, pubsub_v1.SubscriberClient() as subscriber:
            publisher.create_topic(name=TOPIC)
            subscriber.create_subscription(
                request={
                    "name": "projects/shop/subscriptions/build-features",
                    "topic": TOPIC,
                    "push_config": {"push_endpoint": f"{url}/build_features/{TOPIC}"},
                    "ack_deadline_seconds": 60,
                }
            )
        pubsub.publisher(server.host)(TOPIC, [PubsubMessage(data=b"{}")])
        assert outcomes.get(timeout=DEADLINE) == "nacked"
        while outcomes.get(timeout=DEADLINE) != "acked":
            pass
        assert lines.until("build-features", "built")


STARTER = """
import pathlib, signal, sys
from deskcloud import functions
with functions.serve(pathlib.Path(sys.argv[1]), ["report"], {}) as url:
    print(url, flush=True)
    signal.pause()
"""


def test_if_the_starting_process_is_killed_the_functions_processes_end(source):
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(source)], stdout=subprocess.PIPE, text=True)
    try:
        worker = psutil.Process(pid_behind(starter.stdout.readline().strip()))
        processes = [worker, worker.parent()]
        starter.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(processes, timeout=DEADLINE)
        assert alive == []
    finally:
        starter.kill()
        starter.wait()
        starter.stdout.close()


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(functions.FunctionsError, match=r"main\.py does not exist"):
        functions.serve(tmp_path / "main.py", ["report"], {}).__enter__()
