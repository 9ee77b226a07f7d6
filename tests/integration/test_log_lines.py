"""The functions' log lines are neither mixed nor cut while a function answers many requests in parallel.

functions-framework runs as Google Cloud starts it.
"""

import concurrent.futures
import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest

from deskcloud.web.plain import NO_TLS

REQUESTS, LINES = 16, 30
# Three lengths of log lines. The second is more than a pipe writes atomically. The third is more than a pipe buffers.
SIZES = (10, 6_000, 70_000)
FUNCTION = f"""
    import functions_framework
    from shared.log import LogEvent, log

    class Counted(LogEvent, frozen=True):
        event = "counted"
        message = "counted"
        request: str
        number: int
        filler: str

    @functions_framework.http
    def chatty(request):
        for number in range({LINES}):
            size = {SIZES}[number % {len(SIZES)}]
            log(Counted(request.args["request"], number, "x" * size))
        return "done"
    """


@pytest.mark.slow
def test_log_lines_of_parallel_requests_are_whole_and_name_their_request(tmp_path):
    source = tmp_path / "main.py"
    source.write_text(textwrap.dedent(FUNCTION))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("functions-framework"), "--target", "chatty", "--source", source]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    # The environment variables that Google Cloud sets for a function.
    environment = {"PYTHONUNBUFFERED": "1", "LOG_EXECUTION_ID": "true", "THREADS": str(REQUESTS)}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    with (
        concurrent.futures.ThreadPoolExecutor(REQUESTS + 1) as pool,
        subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True) as process,
    ):
        printed = pool.submit(process.stdout.read)
        try:
            list(pool.map(lambda request: ask(port, request), range(REQUESTS)))
        finally:
            process.terminate()
        lines = printed.result().splitlines()
    found = [json.loads(line) for line in lines]
    sizes = [SIZES[number % len(SIZES)] for number in range(LINES)]
    for request in range(REQUESTS):
        ours = [entry for entry in found if entry["request"] == str(request)]
        assert [(entry["number"], len(entry["filler"])) for entry in ours] == list(enumerate(sizes))
        assert {json.dumps(entry["logging.googleapis.com/labels"]) for entry in ours} == {
            json.dumps({"execution_id": f"execution{request}"})
        }
    assert len(found) == REQUESTS * LINES


def ask(port, request):
    headers = {"Function-Execution-Id": f"execution{request}"}
    url = f"http://127.0.0.1:{port}/?request={request}"
    # Retry the connection, because the functions' process may not accept connections yet.
    with httpx.Client(transport=httpx.HTTPTransport(verify=NO_TLS, retries=8), timeout=60) as client:
        client.get(url, headers=headers).raise_for_status()
