"""Which requests a local port accepts."""

import base64
import json

import pytest

from deskcloud.web.guard import Rules, as_asked, judge, with_secret

SECRET = "0123456789abcdef"  # noqa: S105 - the secret is invented for the test
PLAIN = Rules()
ASKING = Rules(SECRET, open=frozenset({"/token"}))
SHOP = "https://shop.example"
FUNCTIONS = Rules(SECRET, open=frozenset({"/score_checkout"}), pages={"/score_checkout": (SHOP,)})
HOST = ("host", "127.0.0.1:9050")
JSON = ("content-type", "application/json")
BODY = ("content-length", "2")
BEARER = ("authorization", f"Bearer {SECRET}")


def basic(user, password):
    return "authorization", f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def status(rules, *headers, method="GET", path="/"):
    refusal = judge(rules, method, path, headers)
    return refusal.status if refusal else None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:1", "127.0.0.1:9050", "[::1]:9050"])
def test_a_request_to_a_loopback_name_is_accepted(host):
    assert status(PLAIN, ("host", host)) is None


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["evil.example"],
        ["evil.example:9050"],
        ["127.0.0.1.evil.example"],
        ["localhost.evil.example:9050"],
        ["local:x@127.0.0.1:9050"],
        ["127.0.0.1", "evil.example"],
        ["127.0.0.1, evil.example"],
        ["127.0.0.1:"],
        ["[::1"],
        ["0.0.0.0:9050"],
        ["2130706433"],
        ["localhost."],
    ],
)
def test_a_request_to_any_other_host_name_is_refused(hosts):
    assert status(ASKING, *(("host", host) for host in hosts), BEARER) == 403


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://127.0.0.1:9050", "http://localhost:3000", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_web_page_of_any_origin_is_refused_even_with_the_secret(origin, method):
    assert status(ASKING, HOST, BEARER, JSON, ("origin", origin), method=method) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin"])
def test_a_web_pages_request_without_an_origin_header_is_refused(site):
    assert status(ASKING, HOST, BEARER, ("sec-fetch-site", site)) == 403


def test_a_person_may_open_an_address_in_the_browser():
    assert status(PLAIN, HOST, ("sec-fetch-site", "none")) is None


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/plain; charset=utf-8",
        "TEXT/PLAIN;application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ],
)
@pytest.mark.parametrize("body", [BODY, ("transfer-encoding", "chunked")])
def test_a_body_type_that_any_web_page_may_send_is_refused_even_with_the_secret(kind, body):
    assert status(ASKING, HOST, BEARER, ("content-type", kind), body, method="POST") == 415


@pytest.mark.parametrize("kind", ["application/json", "multipart/related; boundary=x", "application/octet-stream"])
def test_other_body_types_are_accepted(kind):
    assert status(ASKING, HOST, BEARER, ("content-type", kind), BODY, method="POST") is None


def test_an_upload_may_have_any_content_type_and_an_empty_body_none():
    rules = Rules(uploads="/upload")
    assert status(rules, HOST, ("content-type", "text/plain"), BODY, method="POST", path="/upload/x") is None
    assert status(rules, HOST, ("content-type", "text/plain"), BODY, method="POST", path="/storage/upload") == 415
    assert status(PLAIN, HOST, ("content-length", "0"), method="POST") is None


@pytest.mark.parametrize(
    "known", [BEARER, ("authorization", f"bearer {SECRET}"), basic("local", SECRET), basic("x", SECRET)]
)
def test_the_secret_comes_as_a_token_or_in_the_url(known):
    assert status(ASKING, HOST, known) is None


@pytest.mark.parametrize(
    "unknown",
    [
        ("authorization", ""),
        ("authorization", "Bearer"),
        ("authorization", "Bearer "),
        ("authorization", f"Bearer {SECRET[:-1]}"),
        ("authorization", f"Digest {SECRET}"),
        ("authorization", "Basic !!"),
        ("authorization", "Basic /w=="),
        basic(SECRET, ""),
        ("x-local-secret", SECRET),
        ("cookie", SECRET),
    ],
)
def test_without_the_secret_nothing_is_answered(unknown):
    assert status(ASKING, HOST, unknown) == 403
    assert status(ASKING, HOST) == 403


def test_the_secret_may_come_in_another_header():
    rules = Rules(SECRET, header="x-local-secret")
    assert status(rules, HOST, ("x-local-secret", SECRET)) is None
    assert status(rules, HOST, BEARER) == 403


def test_a_service_whose_clients_cannot_send_a_secret_requires_none():
    assert (
        status(ASKING, HOST, ("content-type", "application/x-www-form-urlencoded"), BODY, method="POST", path="/token")
        is None
    )
    assert status(ASKING, HOST, path="/tokens") == 403
    assert status(ASKING, HOST, path="/v1/token") == 403


def test_only_the_shops_page_may_send_requests_and_only_to_its_function():
    page = ("origin", SHOP), ("sec-fetch-site", "cross-site")
    for path in ("/score_checkout", "/score_checkout/", "/score_checkout/openapi.json"):
        assert status(FUNCTIONS, HOST, *page, JSON, BODY, method="POST", path=path) is None
        assert status(FUNCTIONS, HOST, *page, method="OPTIONS", path=path) is None
    for path in ("/", "/build_features/projects/p/topics/t", "/score_checkouts", "/build_features/score_checkout"):
        assert status(FUNCTIONS, HOST, *page, path=path) == 403
    for origin in ("http://shop.example", f"{SHOP}:8443", f"{SHOP}.evil.example", f"{SHOP}/", "null"):
        assert status(FUNCTIONS, HOST, ("origin", origin), path="/score_checkout") == 403
    assert status(FUNCTIONS, HOST, ("origin", SHOP), ("origin", "null"), path="/score_checkout") == 403
    assert status(FUNCTIONS, HOST, ("sec-fetch-site", "cross-site"), path="/score_checkout") == 403


def test_a_refusal_is_an_error_as_googles_services_write_it():
    refusal = judge(PLAIN, "GET", "/", [("host", "evil.example")])
    assert json.loads(refusal.body)["error"]["status"] == "PERMISSION_DENIED"
    assert b"evil.example" in refusal.body
    assert ("connection", "close") in refusal.headers
    assert not [name for name, _ in refusal.headers if name.startswith("access-control")]


def test_urls_in_answers_contain_the_secret_if_the_request_had_it():
    url = with_secret("http://127.0.0.1:9023", SECRET)
    assert url == f"http://local:{SECRET}@127.0.0.1:9023"
    assert with_secret(url, "other") == "http://local:other@127.0.0.1:9023"
    assert with_secret("http://127.0.0.1:9023", "") == "http://127.0.0.1:9023"
    asked = "http://127.0.0.1:9023/upload?upload_id=1"
    assert as_asked(asked, basic("local", SECRET)[1]) == f"http://local:{SECRET}@127.0.0.1:9023/upload?upload_id=1"
    assert as_asked(asked, BEARER[1]) == asked
