"""What happens if the local BigQuery is killed in the middle of its work."""

import contextlib
import socket
import subprocess
import sys

import httpx
import psutil
import pytest
from google.api_core import exceptions

from desk.bigquery import PROJECT, connect
from deskcloud.bigquery.emulator import launch
from deskcloud.bigquery.gateway import app
from deskcloud.web import serving

GATEWAY = """
import sys
import uvicorn
from pathlib import Path
from deskcloud.bigquery.emulator.launch import Emulator
from deskcloud.bigquery.gateway import app
state, port, url, scratch, secret = sys.argv[1:]
gateway = app.create_app(Emulator(url, "", Path(scratch), secret), Path(state))
uvicorn.run(gateway, port=int(port), log_level="warning")
"""
EMULATOR = """
import signal
import sys
from pathlib import Path
from deskcloud.bigquery.emulator import launch
with launch.run(Path(sys.argv[1])):
    print("up", flush=True)
    signal.pause()
"""
ENDLESS = """CREATE OR REPLACE MODEL killed.m OPTIONS(model_type='LOGISTIC_REG') AS
SELECT MOD(a, 7) AS x, MOD(a + b, 2) AS label
FROM UNNEST(GENERATE_ARRAY(1, 1000000)) a, UNNEST(GENERATE_ARRAY(1, 1000000)) b WHERE MOD(a * b, 97) = 98"""
ENDLESS_QUERY = """SELECT COUNT(*)
FROM UNNEST(GENERATE_ARRAY(1, 1000000)) a, UNNEST(GENERATE_ARRAY(1, 1000000)) b WHERE MOD(a * b, 97) = 98"""
QUICK = """CREATE OR REPLACE MODEL killed.m OPTIONS(model_type='LOGISTIC_REG') AS
SELECT x, MOD(x, 2) AS label FROM UNNEST(GENERATE_ARRAY(1, 50)) AS x"""


@pytest.fixture
def start(bigquery_emulator, tmp_path):
    """Return a function that starts the gateway as a process on the same state at each call.

    The function returns the gateway's URL and the process.
    """
    processes = []

    def start():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        emulated = (bigquery_emulator.url, str(bigquery_emulator.scratch), bigquery_emulator.secret)
        command = [sys.executable, "-c", GATEWAY, str(tmp_path), str(port), *emulated]
        processes.append(subprocess.Popen(command))
        url = f"http://127.0.0.1:{port}"
        # httpx waits before each new attempt to connect, twice as long each time: half a minute in total.
        with httpx.Client(transport=httpx.HTTPTransport(retries=6)) as client:
            client.get(f"{url}/bigquery/v2/projects")
        return url, processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_an_interrupted_training_has_failed_and_leaves_the_former_model(start):
    url, process = start()
    client = connect(url)
    client.create_dataset("killed", exists_ok=True)
    client.query(QUICK).result()
    etag = client.get_model("killed.m").etag
    job = client.query(ENDLESS, job_id="cut-off-a1", job_retry=None)
    assert not job.done()
    process.kill()
    process.wait()

    client = connect(start()[0])
    job = client.get_job("cut-off-a1")
    assert (job.state, job.error_result["reason"]) == ("DONE", "backendError")
    assert client.get_model("killed.m").etag == etag
    with pytest.raises(exceptions.Conflict):
        client.query(QUICK, job_id="cut-off-a1", job_retry=None)
    client.query(QUICK, job_id="cut-off-a2", job_retry=None).result()
    assert client.get_model("killed.m").etag != etag


def test_the_emulator_ends_with_a_parent_that_is_killed(tmp_path):
    command = [sys.executable, "-c", EMULATOR, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "up\n"
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
    assert psutil.wait_procs([child], timeout=30)[1] == []


@contextlib.contextmanager
def running(state):
    """Run BigQuery's emulator and its gateway on the state folder `state`. Yield Google's client for the gateway."""
    with (
        launch.run(state / "emulator", project=PROJECT) as emulated,
        serving.serve(app.create_app(emulated, state / "gateway")) as url,
    ):
        yield connect(url)


def test_an_interrupted_query_has_failed_and_a_retry_succeeds(tmp_path):
    others = psutil.Process().children()
    with running(tmp_path) as client:
        job = client.query(ENDLESS_QUERY, job_id="cut-off-a1", job_retry=None)
        assert not job.done()
        (child,) = set(psutil.Process().children()) - set(others)
        child.kill()
    with running(tmp_path) as client:
        job = client.get_job("cut-off-a1")
        assert (job.state, job.error_result["reason"]) == ("DONE", "backendError")
        assert [list(row) for row in client.query("SELECT 1", job_id="cut-off-a2", job_retry=None).result()] == [[1]]


def test_an_emulator_that_cannot_start_says_why(tmp_path):
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(launch.EmulatorDiedError, match="FileExistsError"), launch.run(tmp_path):
        pass


def test_an_emulator_that_cannot_open_its_state_says_in_one_line_why_and_what_to_do(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{PROJECT}.ducklake").write_text("no database" * 1000)
    with pytest.raises(launch.EmulatorDiedError) as refused, launch.run(tmp_path, project=PROJECT):
        pass
    told = str(refused.value)
    assert f"cannot open the state in {tmp_path}: " in told
    assert "not a valid DuckDB database file" in told
    assert "Name another state folder, or remove this one" in told
    assert "\n" not in told


@pytest.mark.slow
def test_a_moved_or_copied_state_has_all_tables_and_accepts_new_ones(tmp_path):
    with running(tmp_path / "first") as client:
        client.create_dataset("kept")
        client.query_and_wait("CREATE TABLE kept.numbers AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 4)) AS n")
    (tmp_path / "first").rename(tmp_path / "it's here")
    for expected in ([10, 4], [15, 5]):
        with running(tmp_path / "it's here") as client:
            [row] = client.query_and_wait("SELECT SUM(n), COUNT(*) FROM kept.numbers")
            assert list(row) == expected
            client.query_and_wait("INSERT INTO kept.numbers (n) VALUES (5)")
    assert not (tmp_path / "first").exists()


def test_a_taken_port_is_an_error_at_once(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(OSError, match="in use"),
        launch.run(tmp_path, port=other.getsockname()[1]),
    ):
        pass
