"""The local Marketing Cloud answers requests in the way that Salesforce's documentation describes."""

from xml.etree import ElementTree as ET

import pytest
import requests

from desk.platforms import running
from deskcloud.document import DataExtension, ExtensionColumn, MarketingCloud

COLUMNS = (
    ExtensionColumn("SubscriberKey", is_primary_key=True),
    ExtensionColumn("Email", "EmailAddress", is_required=True),
    ExtensionColumn("Score", "Decimal"),
    ExtensionColumn("Since", "Date"),
    ExtensionColumn("City", max_length=5),
)
SETTINGS = MarketingCloud(
    (DataExtension("people", COLUMNS), DataExtension("log", (ExtensionColumn("Text"),))),
    send_definitions=("receipt",),
    refused_recipients=("held@example.com",),
    processing_seconds=60,
)
ROWS = "data/v1/async/dataextensions/key:people/rows"


class Cloud:
    """A client for the local Marketing Cloud. It sends an access token that the local Marketing Cloud has issued."""

    def __init__(self, desk):
        self.desk = desk
        self.token = self.issued().json()["access_token"]

    def issued(self, **named):
        known = self.desk.running.credentials
        credentials = {
            "grant_type": "client_credentials",
            "client_id": known["SALESFORCE_CLIENT_ID"],
            "client_secret": known["SALESFORCE_CLIENT_SECRET"],
        }
        return requests.post(f"{self.desk.url['salesforce']}/v2/token", json=credentials | named, timeout=10)

    def __call__(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.desk.url['salesforce']}/{path}"
        return requests.request(method, url, headers=headers, json=body, timeout=10)

    def upsert(self, *rows, method="PUT", path=ROWS):
        return self(method, path, {"items": list(rows)})

    def status(self, answer):
        return self("GET", f"data/v1/async/{answer.json()['requestId']}/status").json()["status"]

    def results(self, answer, query=""):
        return self("GET", f"data/v1/async/{answer.json()['requestId']}/results{query}").json()

    def rows(self):
        self.desk.advance(60)
        return self.desk.members("salesforce", "people")

    def send(self, key, to="a@example.com", **named):
        recipient = {"contactKey": "c-1", "to": to, "attributes": {"Name": "Grace"}} | named
        body = {"definitionKey": "receipt", "recipient": recipient}
        return self("POST", f"messaging/v1/email/messages/{key}", body)

    def event(self, key):
        return self("GET", f"messaging/v1/email/messages/{key}").json()


@pytest.fixture
def cloud(desk):
    return Cloud(desk(salesforce=SETTINGS))


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """Return a client for requests that are refused. Tests share the client: refused requests change nothing."""
    with running(tmp_path_factory.mktemp("salesforce"), salesforce=SETTINGS) as desk:
        yield Cloud(desk)


def person(key, **named):
    return {"SubscriberKey": key, "Email": f"{key}@example.com"} | named


def test_a_token_is_issued_for_the_client_and_expires(cloud):
    issued = cloud.issued().json()
    assert (issued["token_type"], issued["expires_in"]) == ("Bearer", 1079)
    assert issued["rest_instance_url"] == f"{cloud.desk.url['salesforce']}/"
    assert cloud.upsert(person("a")).status_code == 202
    cloud.desk.advance(1079)
    expired = cloud.upsert(person("a"))
    assert (expired.status_code, expired.json()["message"]) == (401, "Not Authorized")


def test_other_credentials_are_refused(refusing):
    wrong = refusing.issued(client_secret="x")  # noqa: S106 - a wrong secret, as the test needs
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    other = refusing.issued(grant_type="password")
    assert (other.status_code, other.json()["error"]) == (400, "unsupported_grant_type")


def test_rows_are_upserted_once_the_request_is_processed(cloud):
    answer = cloud.upsert(person("a", Score="0.5", City="Ulm"), person("b"))
    assert answer.status_code == 202
    assert cloud.status(answer)["requestStatus"] == "Pending"
    assert cloud.desk.members("salesforce", "people") == {}

    assert cloud.rows() == {"a": (True, 1, 0, 0), "b": (True, 1, 0, 0)}
    status = cloud.status(answer)
    assert (status["requestStatus"], status["resultStatus"], status["hasErrors"]) == ("Complete", "OK", False)

    cloud.upsert(person("a", SCORE="0.7"))
    assert cloud.rows()["a"] == (True, 1, 1, 0)
    kept = cloud.desk.admin("GET", "salesforce/members/people")["members"]["a"]["fields"]
    assert kept == person("a", Score="0.7", City="Ulm")


def test_each_row_has_a_result(cloud):
    rows = [person("a", Score="high"), person("b", Since="soon"), person("c", City="Berlin"), person("d", Size="1")]
    rows += [{"SubscriberKey": "e"}, person("f") | {"Email": "f"}, person("g", City={"x": 1}), person("h")]
    answer = cloud.upsert(*rows)
    assert set(cloud.rows()) == {"h"}
    assert cloud.status(answer)["hasErrors"] is True
    results = cloud.results(answer)
    assert [one["status"] for one in results["items"]] == ["Error"] * 7 + ["OK"]
    assert (results["page"], results["pageSize"], results["count"]) == (1, 50, 8)
    assert len(cloud.results(answer, "?$page=2&$pageSize=5")["items"]) == 3


def test_an_insert_of_a_known_key_fails(cloud):
    cloud.upsert(person("a"))
    answer = cloud.upsert(person("a"), person("b"), person("b"), method="POST")
    assert cloud.rows() == {"a": (True, 1, 0, 0), "b": (True, 1, 0, 0)}
    items = cloud.results(answer)["items"]
    assert [one["status"] for one in items] == ["Error", "OK", "Error"]
    assert "PRIMARY KEY" in items[0]["message"]


def soap(cloud, *keys, token=None, column="SubscriberKey"):
    rows = "".join(
        f'<Objects xsi:type="DataExtensionObject"><CustomerKey>people</CustomerKey>'
        f"<Keys><Key><Name>{column}</Name><Value>{key}</Value></Key></Keys></Objects>"
        for key in keys
    )
    envelope = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        f'<fueloauth xmlns="http://exacttarget.com">{token or cloud.token}</fueloauth></s:Header>'
        '<s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<DeleteRequest xmlns="http://exacttarget.com/wsdl/partnerAPI">{rows}</DeleteRequest></s:Body></s:Envelope>'
    )
    headers = {"Content-Type": "text/xml", "SOAPAction": "Delete"}
    return requests.post(f"{cloud.desk.url['salesforce']}/Service.asmx", envelope, headers=headers, timeout=10)


def test_rows_are_deleted_by_soap(cloud):
    cloud.upsert(person("a"), person("b"))
    cloud.desk.advance(60)
    answer = ET.fromstring(soap(cloud, "a", "unknown").content)  # noqa: S314 - the XML is from our own service
    assert [one.text for one in answer.iter() if one.tag.endswith("StatusCode")] == ["OK", "Error"]
    assert cloud.rows() == {"a": (False, 1, 0, 1), "b": (True, 1, 0, 0)}


def test_soap_accepts_only_delete_requests_with_the_token_and_the_primary_key(refusing):
    refused = soap(refusing, "a", token="another")  # noqa: S106 - a wrong token, as the test needs
    assert (refused.status_code, "<faultstring>Token Expired</faultstring>" in refused.text) == (500, True)
    assert "Give the primary key" in soap(refusing, "a", column="Email").text
    assert soap(refusing).status_code == 400


def test_a_message_is_queued_and_sent_once(cloud):
    answer = cloud.send("order-1")
    assert (answer.status_code, answer.json()["responses"]) == (202, [{"messageKey": "order-1"}])
    assert cloud.event("order-1")["eventCategoryType"] == "TransactionalSendEvents.EmailQueued"
    cloud.desk.advance(60)
    assert cloud.event("order-1")["eventCategoryType"] == "TransactionalSendEvents.EmailSent"

    again = cloud.send("order-1")
    assert (again.status_code, again.json()["responses"][0]["errorcode"]) == (400, 109110)
    (kept,) = cloud.desk.admin("GET", "salesforce/messages")["messages"]
    assert (kept["messageKey"], kept["to"], kept["attributes"]) == ("order-1", "a@example.com", {"Name": "Grace"})


def test_a_key_is_free_again_after_two_days_and_has_no_status_after_three(cloud):
    cloud.send("order-1")
    cloud.desk.advance(2 * 86_400)
    cloud.token = cloud.issued().json()["access_token"]
    assert cloud.send("order-1").status_code == 202
    cloud.desk.advance(3 * 86_400)
    cloud.token = cloud.issued().json()["access_token"]
    assert cloud("GET", "messaging/v1/email/messages/order-1").status_code == 404


def test_no_message_is_sent_to_a_held_recipient(cloud):
    cloud.send("order-1", to="held@example.com")
    cloud.desk.advance(60)
    event = cloud.event("order-1")
    assert event["eventCategoryType"] == "TransactionalSendEvents.EmailNotSent"
    assert event["info"]["statusMessage"] == "Held"


@pytest.mark.parametrize("path", ["messaging/v1/email/messages", "messaging/v1/email/messages/"])
def test_each_of_several_recipients_has_its_own_response(cloud, path):
    recipients = [{"contactKey": "a", "to": "a@example.com"}, {"contactKey": "b"}, {"to": "c@example.com"}]
    body = {"definitionKey": "receipt", "recipients": recipients}
    answer = cloud("POST", path, body)
    codes = [one.get("errorcode") for one in answer.json()["responses"]]
    assert (answer.status_code, answer.json()["errorcode"], codes) == (202, 109001, [None, 109106, 109105])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"definitionKey": "receipt"}, 109102),
        ({"recipient": {}}, 109107),
        ({"definitionKey": "unknown", "recipient": {}}, 109111),
        ({"definitionKey": "receipt", "recipient": {"contactKey": "a", "to": "a"}}, 109001),
    ],
)
def test_a_wrong_message_is_refused_with_its_code(refusing, body, code):
    answer = refusing("POST", "messaging/v1/email/messages/m", body)
    assert (answer.status_code, answer.json()["errorcode"]) == (400, code)


def test_wrong_requests_for_rows_are_refused(refusing):
    def code(answer):
        return answer.status_code, answer.json()["errorcode"]

    assert code(refusing("PUT", ROWS, {})) == (400, 10002)
    assert code(refusing("PUT", ROWS, {"items": [1]})) == (400, 10005)
    assert code(refusing("PUT", ROWS, {"items": [{}] * 32_001})) == (400, 10005)
    assert code(refusing("PUT", ROWS, {"items": [{"City": "x" * 5_900_000}]})) == (400, 10005)
    assert code(refusing.upsert({"Text": "x"}, path=ROWS.replace("people", "log"))) == (400, 10005)
    assert code(refusing.upsert(person("a"), path=ROWS.replace("people", "none"))) == (400, 10005)
    assert code(refusing("GET", "hub/v1/dataevents")) == (404, 30003)
    assert refusing("GET", "data/v1/async/1/status").json()["resultMessages"][0]["resultCode"] == "NotFound"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("too_many_requests", (429, 50100)),
        ("blocked", (429, 50200)),
        ("expired_token", (401, 0)),
        ("permission_denied", (403, 20002)),
        ("server_error", (500, 30000)),
    ],
)
def test_planned_faults_have_salesforce_s_codes(refusing, kind, expected):
    refusing.desk.plan("salesforce", {"kind": kind, "request": "PUT /data"})
    answer = refusing("PUT", ROWS, {})
    assert (answer.status_code, answer.json()["errorcode"]) == expected


def test_planned_faults_of_rows_are_in_the_results(cloud):
    cloud.desk.plan("salesforce", {"kind": "partial_failure", "every": 2}, {"kind": "never_ends"})
    partial, endless = cloud.upsert(*map(person, "abc")), cloud.upsert(person("d"))
    assert set(cloud.rows()) == {"a", "c"}
    assert [one["status"] for one in cloud.results(partial)["items"]] == ["OK", "Error", "OK"]
    assert cloud.status(endless)["requestStatus"] == "Pending"


def test_the_quota_is_limited(desk):
    cloud = Cloud(desk(salesforce=MarketingCloud(SETTINGS.data_extensions, requests_per_minute=1)))
    assert cloud.upsert(person("a")).status_code == 202
    refused = cloud.upsert(person("a"))
    assert (refused.status_code, refused.json()["errorcode"]) == (429, 50100)
    assert refused.headers["Retry-After"] == str(refused.json()["retryAfter"])
