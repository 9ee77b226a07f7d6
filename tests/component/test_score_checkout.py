"""The function score_checkout over HTTP.

The function obeys its OpenAPI contract. Its refusals name the invalid field, and its log contains no personal data.
"""

import copy
import io
import json
import math
import os
import subprocess
import sys
from types import SimpleNamespace

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from cli.declarations import ROOT
from fixtures.shop import ARTEFACT, CHECKOUT, POINTER, RECOMMENDATIONS, VERSION, VISITOR, app, forget, put
from shared.online import openapi, scorer
from shared.online.contract import MAX_BYTES, Score

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def client(shop):
    return app("score_checkout").test_client()


def changed(**parts):
    return copy.deepcopy(CHECKOUT) | parts


def with_features(**features):
    return changed(session={"features": features})


def asked(client, document=CHECKOUT, **headers):
    answer = client.post("/", json=document, headers={name.replace("_", "-"): text for name, text in headers.items()})
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.data, type=Score, strict=True)


def test_a_checkout_gets_probability_decile_offer_and_next_products(client):
    answer = client.post("/", json=CHECKOUT, headers={"X-Request-Id": "order-17"})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["X-Request-Id"] == "order-17"
    assert answer.json == {
        "probability": pytest.approx(1 / (1 + math.exp(-1.5)), abs=1e-12),
        "decile": 2,
        "model_version": VERSION,
        "offer": "full_price",
        "next_products": ["tea", "cup", "shirt", "hat"],
        "request_id": "order-17",
        "scored_by": "embedded",
    }


@pytest.mark.parametrize(("pageviews", "offer"), [(0, "none"), (4, "coupon"), (20, "full_price")])
def test_the_offer_follows_the_configured_policy(client, pageviews, offer):
    assert asked(client, with_features(pageviews=pageviews, bounces=0, device="desktop")).offer == offer


def test_a_missing_feature_is_imputed_and_so_is_null(client):
    imputed = asked(client, with_features(pageviews=6, bounces=0, device="missing")).probability
    assert asked(client, with_features(bounces=0)).probability == imputed
    assert asked(client, with_features(pageviews=None, bounces=0, device=None)).probability == imputed


def test_a_visit_gets_the_same_score_as_its_features(client):
    hits = [{"type": "PAGE", "time": 1000 * number, "hour": 9} for number in range(8)]
    visit = {"visitStartTime": 1501583400, "hits": hits, "device": {"deviceCategory": "desktop"}}
    derived = asked(client, changed(session={"visit": visit}))
    assert derived.probability == asked(client).probability


def test_a_count_may_be_written_with_a_point(client):
    assert (
        asked(client, with_features(pageviews=8.0, bounces=0, device="desktop")).probability
        == asked(client).probability
    )


def test_an_empty_cart_gets_the_popular_products(client):
    assert asked(client, changed(cart=[])).next_products == RECOMMENDATIONS["popular"][:4]


SHOP = "https://shop.example"


@pytest.fixture
def shops_page(shop, monkeypatch):
    """Return the request headers that a browser sends from SHOP, the only web origin that the settings allow."""
    given = json.loads(os.environ["PROPENSITY_SETTINGS"])
    monkeypatch.setenv("PROPENSITY_SETTINGS", json.dumps({**given, "online": {"origins": [SHOP]}}))
    forget()
    yield {"Origin": SHOP}
    monkeypatch.undo()
    forget()


def test_the_shops_page_may_send_preflight_requests_and_read_answers_and_refusals(client, shops_page):
    asked_first = client.options("/", headers={**shops_page, "Access-Control-Request-Method": "POST"})
    assert (asked_first.status_code, asked_first.data) == (204, b"")
    assert asked_first.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert "Content-Type" in asked_first.headers["Access-Control-Allow-Headers"]
    scored, refused = client.post("/", json=CHECKOUT, headers=shops_page), client.post("/", json={}, headers=shops_page)
    assert (scored.status_code, refused.status_code) == (200, 422)
    for answer in (asked_first, scored, refused):
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert client.options("/other", headers=shops_page).status_code == 404


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://shop.example.evil.example", f"{SHOP}:8443"]
)
def test_no_other_page_gets_the_permission(client, shops_page, origin):
    for answer in (
        client.options("/", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}),
        client.post("/", json=CHECKOUT, headers={"Origin": origin}),
    ):
        assert "Access-Control" not in str(answer.headers)
    assert client.options("/", headers={"Origin": origin}).status_code == 405


def test_without_a_configured_origin_no_page_may_send_requests(client):
    assert client.options("/", headers={"Origin": SHOP}).status_code == 405
    assert "Access-Control-Allow-Origin" not in client.post("/", json=CHECKOUT, headers={"Origin": SHOP}).headers


FEATURES = "#/session/features"


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (changed(visitor_id=7), "#/visitor_id"),
        (changed(visitor_id=""), "#/visitor_id"),
        ({key: value for key, value in CHECKOUT.items() if key != "cart"}, "#/cart"),
        (changed(coupon="X"), "#/coupon"),
        (changed(**{"a/b~c": 1}), "#/a~1b~0c"),
        (changed(cart=[{"product_id": "a"}, {"product_id": "b", "quantity": 0}]), "#/cart/1/quantity"),
        (changed(cart=[{"product_id": "a"}] * 201), "#/cart"),
        (changed(cart=[{"sku": "a"}]), "#/cart/0/sku"),
        (changed(session={}), "#/session"),
        (changed(session={"features": {}, "visit": {"visitStartTime": 0, "hits": []}}), "#/session"),
        (changed(session={"visit": {"hits": []}}), "#/session/visit/visitStartTime"),
        (changed(session={"visit": {"visitStartTime": 0, "hits": [{"type": "PAGE"}]}}), "#/session/visit/hits/0/time"),
        (with_features(hits=-1.0), f"{FEATURES}/hits"),
        (with_features(hits=-1), f"{FEATURES}/hits"),
        (with_features(hits="3"), f"{FEATURES}/hits"),
        (with_features(hits=1.5), f"{FEATURES}/hits"),
        (with_features(hits=10**30), f"{FEATURES}/hits"),
        (with_features(weekday="Sonntag"), f"{FEATURES}/weekday"),
        (with_features(income=1), f"{FEATURES}/income"),
        (json.dumps(CHECKOUT).replace('"pageviews": 8', '"pageviews": 1e400'), f"{FEATURES}/pageviews"),
        ("1e400", "#"),
        ([], "#"),
    ],
)
def test_the_refusal_of_an_invalid_request_names_the_field(client, document, pointer):
    body = document if isinstance(document, str) else json.dumps(document)
    answer = client.post("/", data=body, content_type="application/json")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json["title"] == "Unprocessable Content"
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert "GET /openapi.json" in answer.json["detail"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"visitor_id": NaN}', b"[" * 100_000, b"{}x", b'{"visitor_id": "\\ud800"}', b"[1e400, }"],
)
def test_a_body_that_is_not_json_is_refused(client, body):
    answer = client.post("/", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["detail"]


def test_other_methods_paths_types_and_sizes_are_refused(client):
    refused = client.get("/")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    refused = client.post("/openapi.json", json={})
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")
    assert client.post("/other", json=CHECKOUT).status_code == 404
    assert client.post("/", data=json.dumps(CHECKOUT), content_type="text/plain").status_code == 415
    large = changed(visitor_id="x" * MAX_BYTES)
    refused = client.post("/", json=large)
    assert refused.status_code == 413
    chunked = client.post("/", input_stream=io.BytesIO(json.dumps(large).encode()), content_type="application/json")
    assert (chunked.status_code, refused.json["detail"]) == (413, chunked.json["detail"])


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"X-Request-Id": "a.b_c-1"}, "a.b_c-1"),
        ({"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}, TRACE),
        ({"X-Cloud-Trace-Context": f"{TRACE}/123;o=1"}, TRACE),
        ({"X-Request-Id": "jane@example.org", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}, TRACE),
        ({"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01"}, None),
        ({"X-Request-Id": "x" * 129}, None),
    ],
)
def test_the_request_id_is_that_of_the_caller_or_of_the_trace_or_a_new_one(client, headers, request_id):
    answer = client.post("/", json=CHECKOUT, headers=headers)
    assert answer.headers["X-Request-Id"] == answer.json["request_id"]
    if request_id is None:
        assert answer.json["request_id"] not in headers.values()
        assert len(answer.json["request_id"]) == 32
    else:
        assert answer.json["request_id"] == request_id


secret = "jane.doe@example.org"  # noqa: S105 - an invented value of fields, which no answer and no log line may repeat
places = [
    changed(visitor_id=[secret]),
    changed(cart=secret),
    changed(cart=[secret]),
    changed(cart=[{"product_id": [secret]}]),
    changed(session=secret),
    *(with_features(**{name: secret}) for name in ("hits", "hour", "weekday")),
    changed(session={"visit": {"visitStartTime": 0, "hits": [], "day": secret}}),
    changed(session={"visit": {"visitStartTime": 0, "hits": [{"type": secret, "time": 0}]}}),
]


@pytest.mark.parametrize("document", places)
def test_a_refusal_does_not_repeat_data_of_the_visitor(client, document, capfd):
    answer = client.post("/", json=document)
    assert answer.status_code == 422
    assert secret not in answer.text
    [line] = capfd.readouterr().out.splitlines()
    assert secret not in line
    entry = json.loads(line)
    assert (entry["severity"], entry["status"], entry["event"]) == ("WARNING", 422, "request_refused")
    assert entry["request_id"] == answer.headers["X-Request-Id"]
    assert entry["field"].startswith("#")
    assert entry["rule"]


def predictions(capfd):
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    return [line["prediction"] for line in lines if line["event"] == "checkout_scored"]


def test_a_score_is_one_log_line_without_the_visitors_id(client, capfd):
    answer = client.post("/", json=CHECKOUT)
    assert VISITOR not in capfd.readouterr().out
    for _ in range(2):
        client.post("/", json=CHECKOUT)
    client.post("/", json=changed(visitor_id="another"))
    first, second, other = predictions(capfd)
    assert first["visitor"] == second["visitor"] != other["visitor"]
    assert len(first["visitor"]) == 64
    assert first["probability"] == answer.json["probability"]
    assert first["features"]["device"] == "desktop"
    assert first["features"]["country"] == "missing"
    assert (first["source"], first["scored_by"]) == ("score_checkout", "embedded")
    assert first["latency_ms"] > 0


def test_if_the_log_cannot_be_written_a_request_still_succeeds(client, monkeypatch):
    def gone(_):
        raise BrokenPipeError

    monkeypatch.setattr(sys, "__stdout__", SimpleNamespace(write=gone))
    assert client.post("/", json=CHECKOUT).status_code == 200


def test_an_internal_error_is_answered_with_a_problem_document_and_logged(client, monkeypatch, capfd):
    def broken(*_):
        raise ZeroDivisionError(VISITOR)

    monkeypatch.setattr(scorer.OnlineScorer, "score", broken)
    answer = client.post("/", json=CHECKOUT)
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert VISITOR not in answer.text
    [line] = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (line["severity"], line["request_id"]) == ("ERROR", answer.json["request_id"])


def test_an_answer_that_would_violate_the_contract_is_not_sent(client, monkeypatch):
    monkeypatch.setattr(scorer.OnlineScorer, "score", lambda *_: scorer.Scored(math.nan, 1, VERSION, "embedded"))
    assert client.post("/", json=CHECKOUT).status_code == 500


def test_before_a_model_serves_the_answer_says_when_to_retry(bucket, shop_environment, monkeypatch):
    monkeypatch.setenv(
        "PROPENSITY_SETTINGS", json.dumps({"bucket": bucket.name, "serving": {"api_endpoint": "http://127.0.0.1:9"}})
    )
    forget()
    try:
        client = app("score_checkout").test_client()
        for answer in (client.post("/", json=CHECKOUT), client.get("/health")):
            assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
            assert int(answer.headers["Retry-After"]) > 0
    finally:
        forget()


def test_without_recommendations_a_checkout_is_still_scored(bucket, shop_environment, monkeypatch):
    put(bucket, POINTER["scorer"], ARTEFACT)
    put(bucket, "serving/champion.json", POINTER)
    monkeypatch.setenv("PROPENSITY_SETTINGS", json.dumps({"bucket": bucket.name}))
    forget()
    try:
        assert asked(app("score_checkout").test_client()).next_products == []
    finally:
        forget()


def test_the_health_check_names_the_champion_that_scores(client):
    healthy = client.get("/health")
    assert (healthy.status_code, healthy.json) == (200, {"model_version": VERSION})


def test_the_function_serves_its_contract(client):
    answer = client.get("/openapi.json")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "application/json", openapi.document())


def test_without_its_key_the_function_does_not_start():
    command = [sys.executable, "-c", "import main; main.score_checkout"]
    ended = subprocess.run(
        command, cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert "PROPENSITY_PSEUDONYM_KEY must be a secret of at least 32 characters" in ended.stderr


def test_the_function_imports_neither_pandas_nor_scikit_learn_nor_a_heavy_client():
    clients = [f"google.cloud.{name}" for name in ("aiplatform", "aiplatform_v1", "bigquery", "storage", "pubsub_v1")]
    heavy = {"pandas", "sklearn", "numpy", "xgboost", *clients}
    script = f"import main, sys; main.score_checkout; print(sorted({heavy!r} & sys.modules.keys()))"
    environment = {"PATH": "/usr/bin:/bin", "PROPENSITY_PSEUDONYM_KEY": "k" * 32}
    printed = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert printed.stdout == "[]\n"


CONTRACT = schemathesis.openapi.from_dict(json.loads(openapi.document()))


@CONTRACT.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_the_answer_to_any_request_keeps_the_contract(case, client):
    # On Google Cloud, the caller's identity is checked before a request reaches the function. So the function itself
    # does not check the identity.
    checks = [check for check in CHECKS.get_all() if check.__name__ != "ignored_auth"]
    case.call_and_validate(app=client.application, checks=checks)


@pytest.mark.parametrize("example", openapi.REQUESTS)
def test_the_examples_in_the_contract_are_valid(client, example):
    asked(client, openapi.REQUESTS[example]["value"])
    assert msgspec.convert(openapi.SCORE, Score, strict=True)
