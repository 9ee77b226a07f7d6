"""The load generator of `python -m benchmarks capacity`, against a server whose time per request is known."""

import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import arrivals

SERVICE = 0.02


@pytest.fixture
def url():
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            time.sleep(SERVICE)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200 if body == b"good" else 500)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_as_many_requests_are_counted_in_progress_as_littles_law_says(url):
    sent = arrivals.send(url, b"good", rate=100, seconds=1.5, connections=50, seed=1)
    assert sent.rate == pytest.approx(100, rel=0.3)
    assert min(sent.took) >= SERVICE
    assert sent.in_progress == pytest.approx(sent.rate * sent.mean, rel=0.2)


def test_requests_without_a_free_connection_wait_and_their_time_counts(url):
    sent = arrivals.send(url, b"good", rate=100, seconds=0.1, connections=1, seed=1)
    assert max(sent.took) > 10 * SERVICE


def test_a_request_that_is_not_answered_with_200_ends_the_measurement(url, capfd):
    with pytest.raises(subprocess.CalledProcessError):
        arrivals.send(url, b"bad", rate=20, seconds=0.1, connections=1, seed=1)
    assert "answered b'HTTP/1.1 500 Internal Server Error'" in capfd.readouterr().err
