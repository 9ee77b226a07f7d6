"""The local platforms raise planned faults over real sockets, and keep their data over a restart."""

import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest

from desk.platforms import HTTP, SECRET, hashed, running
from deskcloud.document import AdAccount, DataManager, Fault, GoogleAdsAccount, MarketingCloud

GOOGLE = DataManager((GoogleAdsAccount("1", ("2",)),), processing_seconds=60)
INGEST, STATUS = "POST /v1/audienceMembers:ingest", "GET /v1/requestStatus:retrieve"


def ask_google(desk, method, path, body=None, **headers):
    headers = {"Authorization": f"Bearer {SECRET}"} | headers
    return HTTP.request(method, f"{desk.url['datamanager']}/v1/{path}", json=body, headers=headers)


def ingest(desk, *names):
    members = [{"userData": {"userIdentifiers": [{"emailAddress": hashed(one)}]}} for one in names]
    destination = {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1"}, "productDestinationId": "2"}
    body = {
        "destinations": [destination],
        "audienceMembers": members,
        "encoding": "HEX",
        "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
    }
    return ask_google(desk, "POST", "audienceMembers:ingest", body)


def status(desk, answer):
    found = ask_google(desk, "GET", f"requestStatus:retrieve?requestId={answer.json()['requestId']}")
    return found.json()["requestStatusPerDestination"][0]


def google_members(desk):
    desk.advance(60)
    return desk.members("datamanager", "1/2")


@pytest.mark.parametrize(("kind", "counts"), [("reset_before", (True, 1, 0, 0)), ("reset_after", (True, 1, 1, 0))])
def test_a_reset_connection_does_not_show_whether_the_request_was_processed(desk, kind, counts):
    google = desk(datamanager=GOOGLE)
    google.plan("datamanager", {"kind": kind})
    # Depending on the timing, httpx raises the error when it writes the request or when it reads the answer.
    with pytest.raises(httpx.TransportError):
        ingest(google, "a")
    assert ingest(google, "a").status_code == 200
    assert google_members(google) == {f"emailAddress:{hashed('a')}": counts}
    assert google.received("datamanager") == [(INGEST, 0 if kind == "reset_before" else 200), (INGEST, 200)]


def test_a_fault_can_begin_after_a_number_of_requests(desk):
    google = desk(datamanager=GOOGLE)
    google.plan("datamanager", {"kind": "too_many_requests", "request": "POST", "after": 1, "times": 2})
    answers = [ingest(google, "a") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 429, 429, 200]
    assert answers[1].headers["retry-after"] == "1"
    assert {one["@type"].rpartition(".")[2] for one in answers[1].json()["error"]["details"]} == {
        "ErrorInfo",
        "RetryInfo",
    }


def test_a_read_triggers_only_faults_that_are_planned_for_reads(desk):
    google = desk(datamanager=GOOGLE)
    google.plan("datamanager", {"kind": "server_error"}, {"kind": "expired_token", "request": "GET"})
    missing = "requestStatus:retrieve?requestId=1"
    assert ask_google(google, "GET", missing).status_code == 401
    assert ask_google(google, "GET", missing).status_code == 400
    assert ingest(google, "a").status_code == 500


def test_every_nth_member_fails(desk):
    google = desk(datamanager=GOOGLE)
    google.plan("datamanager", {"kind": "partial_failure", "every": 2})
    answer = ingest(google, *"abcde")
    assert len(google_members(google)) == 3
    found = status(google, answer)
    assert found["requestStatus"] == "PARTIAL_SUCCESS"
    assert found["errorInfo"]["errorCounts"] == [
        {"reason": "PROCESSING_ERROR_REASON_INTERNAL_ERROR", "recordCount": "2", "recordIndices": [1, 3]}
    ]


def test_a_request_may_stay_in_process_forever(desk):
    google = desk(datamanager=GOOGLE)
    google.plan("datamanager", {"kind": "never_ends"})
    answer = ingest(google, "a")
    google.advance(86_400)
    assert status(google, answer)["requestStatus"] == "PROCESSING"


def test_faults_of_the_document_are_not_planned_again_after_a_restart(tmp_path):
    settings = DataManager(GOOGLE.accounts, faults=(Fault("server_error", times=2),))
    with running(tmp_path, datamanager=settings) as google:
        assert ingest(google, "a").status_code == 500
    with running(tmp_path, datamanager=settings) as google:
        assert [ingest(google, "a").status_code for _ in range(2)] == [500, 200]


def test_requests_members_and_the_clock_remain_after_a_restart(tmp_path):
    with running(tmp_path, datamanager=GOOGLE) as google:
        google.advance(1_000)
        first, now = ingest(google, "a"), google.admin("GET", "clock")["now"]
        google.advance(60)
    with running(tmp_path, datamanager=GOOGLE) as google:
        assert google.admin("GET", "clock")["now"] > now
        assert status(google, first)["requestStatus"] == "SUCCESS"
        assert google.members("datamanager", "1/2") == {f"emailAddress:{hashed('a')}": (True, 1, 0, 0)}
        assert google.received("datamanager") == [(INGEST, 200), (STATUS, 200)]


EVERYTHING = {
    "datamanager": GOOGLE,
    "meta": AdAccount("act_1", ("1",)),
    "salesforce": MarketingCloud(),
}


def test_requests_of_web_pages_and_without_the_secret_are_refused(desk):
    everything = desk(**EVERYTHING)
    secret = {"Authorization": f"Bearer {SECRET}"}
    for service, url in everything.url.items():
        asked = f"{url}/v26.0/1"
        assert HTTP.get(asked, headers=secret | {"Host": "attacker.example"}).status_code == 403, service
        assert HTTP.get(asked, headers=secret | {"Origin": "http://attacker.example"}).status_code == 403, service
        assert HTTP.get(asked, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403, service
    for service in ("datamanager", "platforms"):
        assert HTTP.get(f"{everything.url[service]}/clock").status_code == 403, service
    for service in ("datamanager", "salesforce", "platforms"):
        answer = HTTP.post(f"{everything.url[service]}/v2/token", content=b"{}", headers=secret)
        assert answer.status_code == 415, service


_SERVER = """
import sys, time
from collections import defaultdict
from pathlib import Path
from deskcloud import platforms
from deskcloud.document import DataManager, GoogleAdsAccount, Platforms
from deskcloud.web.guard import Rules

settings = DataManager((GoogleAdsAccount("1", ("2",)),), processing_seconds=60)
with platforms.run(Path(sys.argv[1]), Platforms(datamanager=settings), defaultdict(int), Rules(sys.argv[2])) as found:
    print(found.addresses["datamanager"], flush=True)
    time.sleep(60)
"""


@pytest.mark.slow  # slow; the test of a clean restart covers all of this except SQLite's journal
def test_an_accepted_request_survives_a_killed_process(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", _SERVER, tmp_path, SECRET], stdout=subprocess.PIPE, text=True)
    try:
        address = SimpleNamespace(url={"datamanager": killed.stdout.readline().strip()})
        answers = [ingest(address, name) for name in "abc"]
    finally:
        killed.kill()
        killed.communicate()
    assert [one.status_code for one in answers] == [200] * 3
    with running(tmp_path, datamanager=GOOGLE) as google:
        assert google_members(google) == {f"emailAddress:{hashed(one)}": (True, 1, 0, 0) for one in "abc"}
        assert [status(google, one)["requestStatus"] for one in answers] == ["SUCCESS"] * 3


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ([{"kind": "earthquake"}], "$.faults"),
        ([{"kind": "never_ends", "times": 0}], "$.faults"),
        ({}, "$.faults"),
        ([{"kind": "blocked"}], "this platform has no fault blocked"),
    ],
)
def test_a_fault_that_a_platform_does_not_have_is_refused(desk, faults, message):
    google = desk(datamanager=GOOGLE)
    url = f"{google.running.services()['platforms']}/datamanager/faults"
    answer = HTTP.put(url, json={"faults": faults})
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]
    assert HTTP.get(url.replace("datamanager", "meta")).status_code == 404
