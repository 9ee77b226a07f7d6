"""Checkouts after the chain has ended. The champion scores each once, and a log sink writes the score to BigQuery."""

import base64
import json
import socket
import time

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from cli.main import app
from fixtures.chain import DEADLINE, PROJECT
from shared.online.contract import CheckoutScored, Score

VISITOR = "a-visitor-that-nobody-logs"
CHECKOUT = {
    "visitor_id": VISITOR,
    "cart": [{"product_id": "GGOEGAAX0098"}],
    "session": {
        "visit": {
            "visitStartTime": 1490000000,
            "trafficSource": {"source": "google", "medium": "organic"},
            "hits": [{"type": "PAGE", "time": 0, "hour": 3}, {"type": "PAGE", "time": 61_000}],
        }
    },
}


def logged(chain, request_id):
    """Wait until the log sink has written the prediction for a request to BigQuery, and return the row."""
    deadline = time.monotonic() + DEADLINE
    while not (rows := chain.rows("online_predictions", f"request_id = '{request_id}'")):
        assert time.monotonic() < deadline, "the prediction is not in BigQuery"
    [row] = rows
    return row


def test_a_checkout_is_scored_by_the_champion_and_logged_without_its_visitor(chain):
    answer = httpx.post(chain.cloud.urls["score_checkout"], json=CHECKOUT, timeout=DEADLINE)
    assert answer.status_code == 200, answer.text
    score = msgspec.json.decode(answer.content, type=Score)
    assert score.model_version == chain.clients.registry.champion().number
    assert score.scored_by == "embedded"
    row = logged(chain, score.request_id)
    assert VISITOR not in str(row)
    assert row["features"] == {
        "bounces": 0,
        "time_on_site": 61,
        "pageviews": 2,
        "hits": 2,
        "furthest_step": 0,
        "products_viewed": 0,
        "products_added": 0,
        "hour": 3,
        "weekday": "Monday",
        "source": "google",
        "medium": "organic",
        "channel": "missing",
        "device": "missing",
        "country": "missing",
    }
    assert (row["probability"], row["decile"], row["offer"]) == (score.probability, score.decile, score.offer)
    assert (row["next_products"], row["model_version"]) == (score.next_products, score.model_version)
    assert (row["source"], row["scored_by"], len(row["visitor"])) == ("score_checkout", "embedded", 64)
    assert row["scored_at"].date() == row["day"]


def test_a_checkout_delivered_three_times_is_scored_once_and_published_three_times(chain):
    chain.listen("checkout-scored")
    body = CHECKOUT | {"visitor_id": "mail-me"}
    for _ in range(3):
        chain.clients.send("checkout-started", body)
    chain.settle()
    told = [msgspec.convert(one, CheckoutScored) for one in chain.heard("checkout-scored")]
    assert len(told) == 3
    assert told[0] == told[1] == told[2]
    assert told[0].visitor_id == "mail-me"
    [name] = [name for name in chain.blobs() if name.startswith("checkouts/")]
    assert "mail-me" not in chain.text(f"gs://{PROJECT}/{name}")
    assert logged(chain, told[0].request_id)["source"] == "on_checkout"


def test_propensity_score_prints_the_functions_answer(chain, monkeypatch, tmp_path):
    file = tmp_path / "checkout.json"
    file.write_text(json.dumps(CHECKOUT))
    said = CliRunner().invoke(app, ["score", f"@{file}"])
    assert said.exit_code == 0, said.output
    assert f"version {chain.clients.registry.champion().number}, embedded" in said.output
    machine = CliRunner().invoke(app, ["score", "-", "--json"], input=json.dumps(CHECKOUT))
    assert msgspec.json.decode(machine.output, type=Score).scored_by == "embedded"
    refused = CliRunner().invoke(app, ["score", "{}"])
    assert "#/visitor_id" in str(refused.exception)
    monkeypatch.delenv("PROPENSITY_SCORE_CHECKOUT_URL")
    lost = CliRunner().invoke(app, ["score", json.dumps(CHECKOUT)])
    assert "PROPENSITY_SCORE_CHECKOUT_URL is not set" in str(lost.exception)


@pytest.mark.parametrize("path", ["score_checkout/", f"build_features/projects/{PROJECT}/topics/data-refreshed"])
def test_a_body_with_a_broken_chunk_is_refused_and_not_logged_as_an_internal_error(chain, path):
    url = httpx.URL(chain.cloud.services["functions"])
    secret = base64.b64encode(url.userinfo).decode()
    lines = [f"POST /{path} HTTP/1.1", f"Host: {url.host}", f"Authorization: Basic {secret}"]
    lines += ["Content-Type: application/json", "Transfer-Encoding: chunked"]
    with socket.create_connection((url.host, url.port), DEADLINE) as connection:
        connection.sendall("\r\n".join([*lines, "", "ZZ", "{}", "0", "", ""]).encode())
        assert connection.recv(64).partition(b"\r\n")[0] == b"HTTP/1.1 400 BAD REQUEST"
