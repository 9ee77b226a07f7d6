"""Start a local cloud, and connect clients to the cloud as a person does: by the variables in env.sh."""

import atexit
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

PROPENSITY = Path(__file__).parents[1] / ".venv" / "bin" / "propensity"


@pytest.fixture(scope="session", autouse=True)
def cloud(tmp_path_factory):
    """Run `propensity up`, which writes the file env.sh. Then set the variables of env.sh in this process."""
    folder = tmp_path_factory.mktemp("cloud")
    command = [PROPENSITY, "up", "--ports", "free", "--state", folder / "state", "--env-file", folder / "env.sh"]
    # Write the output to a file and not to a pipe: nobody would read the pipe, and a full pipe would stop the process.
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    # End the process when the interpreter ends, and not with the fixture: ibis deletes its tables only when the
    # interpreter ends.
    atexit.register(_end, process)
    _wait_until_ready(process, folder / "up.log")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _environment(folder / "env.sh").items():
            patch.setenv(name, value)
        yield


def _end(process):
    process.terminate()
    process.wait(60)


def _wait_until_ready(process, log):
    while "ready; " not in log.read_text():
        if process.poll() is not None:
            pytest.fail(f"up ended with {process.returncode}:\n{log.read_text()}")
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue


def _environment(env_file):
    script = f". {env_file} && env -0"
    said = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True).stdout
    return dict(line.partition("=")[::2] for line in said.split("\0") if line)


@pytest.fixture(scope="session")
def client(cloud):
    """Return Google's client for BigQuery. Only environment variables configure the client."""
    made = bigquery.Client()
    made.create_dataset("shop")
    return made


@pytest.fixture(scope="session")
def reading(cloud):
    """Return Google's client for the Storage Read API, created as deskcloud/docs/clients.md describes."""
    secret = urlsplit(os.environ["BIGQUERY_EMULATOR_HOST"]).password
    credentials = grpc.composite_channel_credentials(
        grpc.local_channel_credentials(), grpc.access_token_call_credentials(secret)
    )
    unlimited = [("grpc.max_receive_message_length", -1)]
    with grpc.secure_channel(os.environ["BIGQUERY_STORAGE_EMULATOR_HOST"], credentials, unlimited) as channel:
        yield BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
