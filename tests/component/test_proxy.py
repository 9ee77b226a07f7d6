"""If the environment names an HTTP proxy, online scoring sends its requests through the proxy.

Google's clients also send their requests through this proxy.
"""

import contextlib
import datetime as dt
import http.client
import socketserver
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from urllib3.exceptions import HTTPError, NewConnectionError

from deskcloud.web import credentials as auth
from deskcloud.web import serving
from deskcloud.web.guard import Rules
from shared import jsontext
from shared.online.objects import Bucket
from shared.settings import Settings
from shared.vertex import Answer, Predictions, can_heal

ANSWER = jsontext.encode({"predictions": [1], "deployedModelId": "1", "modelVersionId": "7"})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return a PEM file that holds a certificate for Google's hosts, and the certificate's private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now, day = x509.Name([]), dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    hosts = x509.SubjectAlternativeName([x509.DNSName("*.googleapis.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
    made = builder.add_extension(hosts, critical=True).sign(key, hashes.SHA256())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path_factory.mktemp("certificate") / "with_key.pem"
    file.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()) + made.public_bytes(pem))
    return file


class Tunnel(socketserver.StreamRequestHandler):
    """A proxy that accepts the method CONNECT, and then answers the requests to the real host itself."""

    def handle(self):
        first, headers = _head(self.rfile)
        self.server.asked[first] = headers.get("proxy-authorization")
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        # google-auth sends requests through the proxy too, but does not trust the certificate of this test.
        with contextlib.suppress(ssl.SSLError):
            self._answer(self.server.tls.wrap_socket(self.connection, server_side=True))

    def _answer(self, connection):
        with connection, connection.makefile("rwb") as stream:
            _, headers = _head(stream)
            stream.read(int(headers.get("content-length", 0)))
            stream.write(b"HTTP/1.1 200 OK\r\nx-goog-generation: 5\r\nConnection: close\r\n")
            stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))


def _head(stream):
    """Return the first line of a request, and its headers."""
    first = stream.readline().decode().strip()
    return first, http.client.parse_headers(stream)


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """Return a service account's key. The account's tokens come from a server that this fixture starts."""
    with serving.serve(
        Starlette(routes=[auth.Grants().route()]), rules=Rules(open=frozenset({auth.TOKEN_PATH}))
    ) as url:
        yield auth.service_account_file(tmp_path_factory.mktemp("account"), f"{url}{auth.TOKEN_PATH}", "shop")


@pytest.fixture
def proxy(certificate, account, monkeypatch):
    """Return a running proxy that records its requests. The environment variables name this proxy."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server:
        server.asked, server.tls = {}, ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.tls.load_cert_chain(certificate)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
        monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://shop:p%40ss@127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def predictions(**chosen):
    return Predictions(Settings.from_document({"project": "shop-project", "bucket": "shop-bucket", "serving": chosen}))


def test_predictions_are_requested_through_the_proxy(proxy):
    assert predictions().ask([{}], 10) == Answer([1], "1", "7")
    # The credentials are shop:p@ss in base64.
    assert proxy.asked["CONNECT us-central1-aiplatform.googleapis.com:443 HTTP/1.1"] == "Basic c2hvcDpwQHNz"


def test_the_bucket_is_read_through_the_proxy(proxy):
    assert Bucket("shop-bucket").read("serving/champion.json") == (ANSWER, 5)
    assert "CONNECT storage.googleapis.com:443 HTTP/1.1" in proxy.asked


def test_a_host_that_the_variable_no_proxy_names_is_contacted_directly(proxy):
    with pytest.raises(NewConnectionError):
        predictions(api_endpoint="https://127.0.0.1:9").ask([{}], 10)
    assert "CONNECT 127.0.0.1:9 HTTP/1.1" not in proxy.asked


def test_a_request_is_retried_if_the_proxy_does_not_answer(proxy, monkeypatch):
    monkeypatch.setenv("https_proxy", "127.0.0.1:9")
    with pytest.raises(HTTPError) as failed:
        predictions().ask([{}], 10)
    assert can_heal(failed.value)
