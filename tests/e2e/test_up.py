"""`propensity up` is run as a person runs it.

The command starts the cloud, keeps the cloud's state, and ends all processes that it has started.
"""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from google.api_core.exceptions import BadRequest

from desk.bigquery import connect

PROPENSITY = str(Path(sys.executable).with_name("propensity"))
ENDLESS = """select mod(a, 2) as label, b from unnest(generate_array(1, 1000000)) as a,
unnest(generate_array(1, 1000000)) as b where mod(a * b, 97) = 98"""
FREE_PORTS = ["--ports", "free"]


def start(state: Path, env_file: Path) -> subprocess.Popen[str]:
    command = [PROPENSITY, "up", "--strict", "--state", str(state), "--env-file", str(env_file), *FREE_PORTS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        if line.startswith("ready"):
            return process
    pytest.fail(f"up ended with {process.wait()} before it was ready")


def stop(process: subprocess.Popen[str], number: signal.Signals) -> list[psutil.Process]:
    """Send a signal to the command, and wait until it ends. Return the processes that it had started."""
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    process.stdout.read()
    assert process.wait(60) == 0
    return started


def runs(process: psutil.Process) -> bool:
    """Return whether the process is still running. A zombie has ended, so it does not count as running."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def environment(env_file: Path) -> dict[str, str]:
    script = f". {env_file} && env -0"
    lines = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True).stdout.split("\0")
    return dict(line.partition("=")[::2] for line in lines if line)


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROPENSITY, *arguments], env=env, capture_output=True, text=True, check=False)


def propensity(env_file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(*arguments, env=environment(env_file))


@pytest.mark.slow
def test_up_is_strict_refuses_a_second_cloud_on_its_state_and_ends_its_processes(tmp_path):
    state, env_file = tmp_path / "state", tmp_path / "env.sh"
    first = start(state, env_file)
    client = connect(environment(env_file)["BIGQUERY_EMULATOR_HOST"])
    assert (state.stat().st_mode & 0o777, env_file.stat().st_mode & 0o777) == (0o700, 0o600)
    # DuckDB would accept this statement, but BigQuery refuses it.
    with pytest.raises(BadRequest, match="Partitioning by expressions of type FLOAT64 is not allowed"):
        client.query_and_wait("select row_number() over (partition by x) from unnest([1.5]) as x")
    second = run("up", "--state", str(state), *FREE_PORTS)
    assert second.returncode == 1
    assert "already runs" in second.stderr
    started = stop(first, signal.SIGINT)
    assert started
    assert not [process for process in started if runs(process)]


@pytest.mark.slow
def test_jobs_that_were_running_when_up_was_killed_have_failed_after_a_restart(tmp_path):
    state, env_file = tmp_path / "state", tmp_path / "env.sh"
    first = start(state, env_file)
    client = connect(environment(env_file)["BIGQUERY_EMULATOR_HOST"])
    client.create_dataset("killed")
    client.query(ENDLESS, job_id="query", job_retry=None)
    training = f"create model killed.m options(model_type='LOGISTIC_REG') as {ENDLESS}"
    client.query(training, job_id="training", job_retry=None)
    first.kill()
    first.wait()
    again = start(state, env_file)
    client = connect(environment(env_file)["BIGQUERY_EMULATOR_HOST"])
    jobs = [client.get_job(job_id) for job_id in ("query", "training")]
    assert [(job.state, job.error_result["reason"]) for job in jobs] == [("DONE", "backendError")] * 2
    assert list(client.query("select 1", job_id="query-2", job_retry=None).result())
    stop(again, signal.SIGINT)


@pytest.mark.slow
def test_the_state_of_up_survives_a_restart(tmp_path):
    state, env_file = tmp_path / "state", tmp_path / "env.sh"
    first = start(state, env_file)
    assert propensity(env_file, "publish", "data-refreshed", '{"nonsense": 1}').returncode == 0
    deadline = time.monotonic() + 60
    while "unknown fields" not in propensity(env_file, "runs").stdout:
        assert time.monotonic() < deadline
    stop(first, signal.SIGINT)

    again = start(state, env_file)
    assert "unknown fields" in propensity(env_file, "runs").stdout
    reset = propensity(env_file, "reset", "--yes")
    assert "1 dead letter" in reset.stdout
    assert "unknown fields" not in propensity(env_file, "runs").stdout
    stop(again, signal.SIGTERM)


@pytest.mark.slow
def test_a_command_says_at_once_that_the_local_cloud_has_ended():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    answer = run("runs", env={"GOOGLE_CLOUD_PROJECT": "propensity-local", "STORAGE_EMULATOR_HOST": address})
    assert answer.returncode == 1
    assert "nothing answers at" in answer.stderr


@pytest.mark.slow
def test_without_an_environment_a_command_says_what_to_do(tmp_path):
    answer = run("runs", env={"PATH": "/usr/bin:/bin"})
    assert answer.returncode == 1
    assert "propensity up --env-file" in answer.stderr


@pytest.mark.slow
def test_the_error_of_up_about_a_taken_port_names_its_flag(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run("up", "--state", str(tmp_path / "state"), f"--pubsub-port={port}", *FREE_PORTS)
    assert answer.returncode == 1
    assert f"port {port} for pubsub is taken: choose another with --pubsub-port" in answer.stderr
