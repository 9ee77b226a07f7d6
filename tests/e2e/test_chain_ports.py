"""How the ports of a running local cloud answer callers who do not send the cloud's secret."""

import contextlib
import socket
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from google.api_core.exceptions import Forbidden
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from deskcloud.web.guard import USER

JSON = {"Content-Type": "application/json"}
FROM_PAGES = (
    ({"Host": "evil.example", **JSON}, 403),
    ({"Origin": "https://evil.example", **JSON}, 403),
    ({"Origin": "null", **JSON}, 403),
    ({"Sec-Fetch-Site": "cross-site", **JSON}, 403),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
)
HTTP = {
    "bigquery": ("GET", "/bigquery/v2/projects/p/datasets", None),
    "storage": ("GET", "/storage/v1/b?project=p", None),
    "vertex": ("GET", "/v1/projects/p/locations/l/models", None),
    "logging": ("POST", "/v2/entries:list", {"resourceNames": ["projects/p"]}),
    "functions": ("GET", "/", None),
}


@pytest.fixture(scope="module")
def ports():
    """Return every port on which this process or one of its children listens."""
    here = psutil.Process()
    found = set()
    for process in (here, *here.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    return found


def said(port, headers):
    """Send a POST to a port, and return the answer.

    Return b"" if the port closes the connection or does not speak HTTP/1.1.
    """
    head = {"Host": "127.0.0.1", "Content-Length": "2", "Connection": "close", **headers}
    lines = ["POST /x HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", "{}"]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        with contextlib.suppress(ConnectionResetError):
            return connection.recv(1000)
    return b""


def ask(service, url, **named):
    method, path, body = HTTP[service]
    return httpx.request(method, f"{url}{path}", json=body, trust_env=False, **named).status_code


def test_no_port_answers_a_web_page(chain, ports):
    services = chain.cloud.services.values()
    http = {urlsplit(url).port for url in services if url.startswith("http://")}
    grpc = {urlsplit(f"//{url}").port for url in services if not url.startswith("http://")}
    # There are more ports than services, because the emulator behind the local BigQuery has a port of its own.
    assert http | grpc < ports
    for port in ports:
        for headers, status in FROM_PAGES:
            answer = said(port, headers)
            if port in grpc:
                assert not answer.startswith(b"HTTP/1.1")
            else:
                assert answer.startswith(f"HTTP/1.1 {status} ".encode()), (port, headers, answer)
            assert b"access-control" not in answer.lower()


@pytest.mark.parametrize("service", HTTP)
def test_a_port_requires_the_secret_that_is_in_its_url(chain, service):
    url = chain.cloud.services[service]
    bare = url.replace(f"{urlsplit(url).username}:{urlsplit(url).password}@", "")
    assert urlsplit(url).username == USER
    assert ask(service, bare) == 403
    assert ask(service, bare, headers={"Authorization": "Bearer local"}) == 403
    # `url` contains the secret, so the service answers. The functions answer 404, because they have no such path.
    assert ask(service, url) == (404 if service == "functions" else 200)


def test_pushes_have_another_secret_than_the_services(chain):
    services, pushes = (urlsplit(chain.cloud.services[name]).password for name in ("bigquery", "functions"))
    assert services != pushes
    for name in HTTP.keys() - {"functions"}:
        assert ask(name, chain.cloud.services[name].replace(services, pushes)) == 403


def test_the_token_endpoint_answers_only_the_service_account(chain):
    url = chain.cloud.services["vertex"].partition("@")[2]
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "e30.e30.e30"}
    assert httpx.post(f"http://{url}/token", data=grant, trust_env=False).json()["error"] == "invalid_grant"


def test_a_resumable_upload_continues_at_the_given_location(chain):
    """The client sends the upload in pieces and without a token. Only the secret in the URL authorises the requests.

    The server repeats this secret in the header Location and in the field mediaLink.
    """
    bucket = chain.clients.storage.bucket(chain.clients.settings.bucket)
    blob = bucket.blob("ports/pieces", chunk_size=256 << 10)
    content = b"x" * (600 << 10)
    blob.upload_from_string(content)
    blob.reload()
    assert blob.download_as_bytes() == content
    blob.delete()
    url = chain.cloud.environment["BIGQUERY_EMULATOR_HOST"]
    anonymous = bigquery.Client(
        chain.clients.settings.project, AnonymousCredentials(), client_options={"api_endpoint": url}
    )
    rows = [{"a": number} for number in range(3)]
    settings = chain.clients.settings
    table = f"{settings.project}.{settings.dataset}.ports"
    assert anonymous.load_table_from_json(rows, table).result().output_rows == 3
    anonymous.delete_table(table)


def test_an_error_tells_google_clients_where_the_secret_is(chain):
    url = chain.cloud.services["bigquery"].partition("@")[2]
    client = bigquery.Client("p", AnonymousCredentials(), client_options={"api_endpoint": f"http://{url}"})
    with pytest.raises(Forbidden, match=r"the secret that env\.sh carries"):
        client.get_dataset("d", retry=None)
