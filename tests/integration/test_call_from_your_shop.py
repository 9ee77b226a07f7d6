"""Run each example of docs/call-from-your-shop.md as it is printed there.

Each example must get an offer from score_checkout. If the function does not answer, the example must show no offer.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

import pytest
from werkzeug.serving import make_server

from cli.declarations import ROOT
from fixtures.shop import app

EXAMPLES = dict(
    re.findall(
        r"^```(\w+)\n(.*?)^```", (ROOT / "docs" / "call-from-your-shop.md").read_text(), re.DOTALL | re.MULTILINE
    )
)
COMMANDS = {
    "bash": ["bash", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "-e"],
    "php": ["php", "-r"],
}


@pytest.fixture(scope="module")
def url(shop):
    """Serve the function score_checkout over HTTP, and return its URL."""
    server = make_server("127.0.0.1", 0, app("score_checkout"), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


def told(language, url):
    command = COMMANDS[language]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    example = EXAMPLES[language].removeprefix("<?php\n")
    environment = {**os.environ, "SCORE_URL": url, "SCORE_KEY": "any", "no_proxy": "*"}
    done = subprocess.run([*command, example], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_each_language_that_the_page_names_has_an_example():
    assert EXAMPLES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("language", COMMANDS)
def test_an_example_shows_the_offer_and_the_next_products(language, url):
    answer = told(language, url)
    assert answer["model_version"] == "7"
    assert answer["next_products"]


@pytest.mark.parametrize("language", COMMANDS)
def test_an_example_shows_no_offer_if_there_is_no_answer(language):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert told(language, f"http://127.0.0.1:{port}") == {"offer": "none", "next_products": []}
