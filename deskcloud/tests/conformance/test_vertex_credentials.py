"""With the local service account, Google's clients contact only this machine."""

import json
import os
import subprocess
import sys

from deskcloud.web import credentials as auth

# A program that uses Google's clients, and prints every host that they resolve or connect to.
_WATCHED = """
import json, sys

seen = set()
def watch(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        seen.add(args[1][0])
    if event == "socket.getaddrinfo":
        seen.add(args[0])
sys.addaudithook(watch)

import google.auth
from google.auth.transport.requests import Request
from google.cloud import aiplatform_v1 as v1, bigquery

url = sys.argv[1]
credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
credentials.refresh(Request())
options = {"client_options": {"api_endpoint": url}, "transport": "rest"}
endpoint = v1.EndpointServiceClient(**options).create_endpoint(
    parent="projects/p/locations/watched", endpoint={"display_name": "e"}
).result(timeout=30)
models = list(v1.ModelServiceClient(**options).list_models(parent="projects/p/locations/watched"))
try:
    list(v1.JobServiceClient(**options).list_custom_jobs(parent="projects/p/locations/watched"))
except Exception as error:
    job = type(error).__name__
try:
    bigquery.Client().get_dataset("d", retry=None)
except Exception as error:
    dataset = type(error).__name__
print(json.dumps([project, credentials.token, job, dataset, sorted(map(str, seen))]))
"""


def test_with_our_service_account_googles_clients_contact_loopback_only(vertex_url, tmp_path):
    file = auth.service_account_file(tmp_path, f"{vertex_url}/token", "demo")
    assert file.stat().st_mode & 0o777 == 0o600
    environment = os.environ | auth.environment(file, "demo") | {"BIGQUERY_EMULATOR_HOST": vertex_url}
    answer = subprocess.run(
        [sys.executable, "-c", _WATCHED, vertex_url], env=environment, check=True, capture_output=True, timeout=60
    )
    assert json.loads(answer.stdout) == ["demo", "local", "MethodNotImplemented", "MethodNotImplemented", ["127.0.0.1"]]
