"""The page that `propensity up` serves: what it shows, and who may open it.

Uses a real ledger and the local Cloud Logging.
"""

import io
import json
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import httpx
import pytest

from cli import deliveries, logs, replay
from cli.errors import CommandError
from cli.page import routes
from cli.terminal import Output
from deskcloud import logs as cloud_logging
from deskcloud.web import serving
from deskcloud.web.plain import NO_TLS
from shared.chain.documents import REPORT
from shared.chain.log_events import StepBegan
from shared.chain.opened_runs import ExportRun
from shared.chain.runs import Runs
from shared.dead_letters import DeadLetters, Letter
from shared.destinations.claims import claim
from shared.destinations.documents import PLAN, Current, DeliveryPlan, PlannedBatch, Request
from shared.destinations.requests import Requests
from shared.events import DataRefreshed
from shared.log import log
from shared.settings import Settings

RUN = "20170801-0a1b2c3d"
JSON = {"Content-Type": "application/json"}


class Shop:
    def __init__(self, bucket):
        on = {"files": {"mode": "replace"}, "meta": {"mode": "replace", "audience": "1"}}
        self.settings = Settings.from_document({"project": "shop-project", "bucket": bucket.name, **on})
        self.bucket = bucket
        self.runs = Runs(bucket)
        self.dead_letters = DeadLetters(bucket)
        self.sent = []

    def pass_on(self, topic, data, _):
        self.sent.append((topic, data))
        return "100"


@pytest.fixture
def shop(bucket, tmp_path, monkeypatch, capfd):
    """An environment with a run, one log line of this run, and a dead letter."""
    shop = Shop(bucket)
    event, now = DataRefreshed(RUN, date(2017, 8, 1)), datetime.now(UTC)
    shop.runs.open(ExportRun(opened_at=now, event=event, as_of=event.as_of, trains=True))
    letter = Letter(received_at=now, function="train_models", reason="no run", topic="features-built", data="e30=")
    shop.dead_letters.bury("1-train_models", letter)
    router = cloud_logging.Router(tmp_path, [], lambda *_: None)
    log(StepBegan(RUN, "build_features", 1))
    router.write([cloud_logging.entry_from_line(capfd.readouterr().out, "build-features", "shop-project")])
    monkeypatch.setattr(replay, "PATIENCE_SECONDS", 0)
    with serving.serve(cloud_logging.create_app(router)) as url:
        monkeypatch.setenv(logs.URL, url)
        yield shop


@pytest.fixture
def address(shop):
    with routes.served(shop, 0) as url:
        yield url


@pytest.fixture
def browser(address):
    """Return an HTTP client that has opened the page and has received the page's cookie."""
    with httpx.Client(base_url=address.partition("?")[0], follow_redirects=True, verify=NO_TLS) as client:
        opened = client.get(address)
        assert (opened.status_code, opened.url.query) == (200, b"")
        yield client


def test_the_page_shows_runs_steps_log_and_dead_letters(browser):
    state = browser.get("state").json()
    assert [run["run_id"] for run in state["runs"]] == [RUN]
    assert (state["run"]["run_id"], state["run"]["kind"], state["run"]["outcome"]) == (RUN, "training", "running")
    assert not state["run"]["has_ended"]
    assert [line["message"] for line in state["log"]] == ["build_features began"]
    assert [letter["message"] for letter in state["dead_letters"]] == ["1-train_models"]
    assert "no_audience" in {one["alert"] for one in state["status"]["alerts"]}


def test_the_page_shows_what_became_of_the_audience_at_each_destination(browser, shop):
    now, of_run = datetime.now(UTC), "20170801-files-0a1b2c3d"
    requests = Requests("files", shop)
    batches = [PlannedBatch("add", 1, 100), PlannedBatch("add", 2, 50), PlannedBatch("remove", 1, 7)]
    shop.runs.keep(of_run, PLAN, DeliveryPlan(batches))
    claim("files", shop).replace(Current(of_run, now), 0)
    for number, refused in ((1, {"a": "has no e-mail address"}), (2, {"b": "has no e-mail address"})):
        request = Request(
            created_on=now.date(),
            run_id=of_run,
            kind="add",
            number=number,
            members=batches[number - 1].members,
            request=f"r{number}",
            outcome="sent",
            sent_at=now,
            look_at=now,
            refused=refused,
        )
        requests.keep(request)
        if number == 1:
            requests.end(request.changed(outcome="confirmed"), now)
    files, meta = browser.get("state").json()["status"]["destinations"]
    assert (files["run_id"], files["planned"]) == (of_run, {"add": 150, "remove": 7})
    assert (files["sent"], files["outcomes"]) == (49, {"confirmed": 99})
    assert files["refused"] == {"has no e-mail address": 2}
    assert (files["confirmed"], files["why"]) == (99, ["2 has no e-mail address"])
    assert (meta["destination"], meta["run_id"], meta["sent"]) == ("meta", None, 0)
    shown = Output(width=150, record=True, file=io.StringIO())
    shown.print(deliveries.table([files, meta]))
    text = " ".join(shown.export_text().replace("│", " ").split())
    assert f"files {of_run} 157 49 99 2 2 has no e-mail address" in text


def test_a_run_without_changes_says_so_and_members_of_earlier_requests_stay_sent(browser, shop):
    now, earlier, newest = datetime.now(UTC), "20170801-meta-0a1b2c3d", "20170801-meta-4e5f6a7b"
    shop.runs.keep(newest, PLAN, DeliveryPlan([]))
    claim("meta", shop).replace(Current(newest, now), 0)
    request = Request(
        created_on=now.date(),
        run_id=earlier,
        kind="add",
        number=1,
        members=100,
        request="r1",
        outcome="sent",
        sent_at=now,
        look_at=now,
        refused={},
    )
    Requests("meta", shop).keep(request)
    meta = browser.get("state").json()["status"]["destinations"][1]
    assert (meta["run_id"], meta["sent"], meta["why"]) == (newest, 100, ["no member has changed since the run before"])


def test_the_page_loads_nothing_from_other_servers(browser):
    page = browser.get("/")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for path in ("/", "/page.js", "/page.css"):
        text = browser.get(path).text
        assert "//" not in text.replace("// ", "").replace("http://127.0.0.1", ""), path


def test_a_dead_letter_is_sent_again_by_its_button(browser, shop):
    assert browser.post("replay/1-train_models", content="{}", headers=JSON).json() == {"sent": 1}
    assert shop.sent == [("features-built", b"{}")]
    refused = browser.post("replay/2", content="{}", headers=JSON)
    assert refused.status_code == 409
    assert refused.json()["error"].startswith("there is no dead letter 2")


def test_a_report_is_served_if_the_run_has_one(browser, shop):
    assert browser.get(f"reports/{RUN}").status_code == 404
    assert browser.get("reports/..%2Fcurrent").status_code == 404
    shop.bucket.blob(f"runs/{RUN}/{REPORT}").upload_from_string("<html>report</html>")
    assert [run["report"] for run in browser.get("state").json()["runs"]] != [None]
    assert browser.get(f"reports/{RUN}").text == "<html>report</html>"


@pytest.mark.parametrize("path", ["/", "/page.js", "/state", "/reports/20170801-0a1b2c3d", "/?key=wrong"])
def test_without_the_key_nothing_is_shown(address, path):
    answer = httpx.get(address.partition("/?")[0] + path)
    assert (answer.status_code, "propensity up" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"Origin": "https://attacker.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
    ],
)
def test_a_request_of_another_web_page_is_refused_even_with_the_cookie(browser, shop, headers):
    answer = browser.post("replay/1-train_models", content="{}", headers=JSON | headers)
    assert (answer.status_code, shop.sent) == (403, [])


def test_requests_of_the_page_itself_are_answered(browser):
    place = urlsplit(str(browser.base_url))
    own = {"Origin": f"http://{place.netloc}", "Sec-Fetch-Site": "same-origin"}
    assert browser.get("state", headers=own).status_code == 200


def test_the_cookie_is_hidden_from_scripts_and_other_sites(address):
    cookie = httpx.get(address).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_the_error_about_a_taken_page_port_names_its_flag(shop, address):
    port = urlsplit(address).port
    with (
        pytest.raises(CommandError, match=f"port {port} for the page is taken: choose another with --page-port"),
        routes.served(shop, port),
    ):
        pass


def test_the_state_that_the_page_reads_is_valid_json(browser):
    json.loads(browser.get("state").text, parse_constant=pytest.fail)
