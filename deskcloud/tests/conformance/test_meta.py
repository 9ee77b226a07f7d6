"""The local Graph API answers requests about Custom Audiences in the way that Meta's documentation describes."""

import json

import pytest
import requests

from desk.platforms import hashed, running
from deskcloud.document import AdAccount

AUDIENCE, OTHER, FLAGGED = "23850000000000001", "23850000000000002", "23850000000000003"
SETTINGS = AdAccount("act_100", (AUDIENCE, OTHER, FLAGGED), flagged=(FLAGGED,), processing_seconds=60)


class Graph:
    """A client for the local Graph API. It sends the access token that this API accepts."""

    def __init__(self, desk):
        self.desk, self.token = desk, desk.running.credentials["META_ACCESS_TOKEN"]

    def __call__(self, method, path, *, version="v26.0", body=None, **named):
        given = {"headers": {"Authorization": f"Bearer {self.token}"}, "json": body, **named}
        return requests.request(method, f"{self.desk.url['meta']}/{version}/{path}", timeout=10, **given)

    def users(self, *records, method="POST", edge="users", audience=AUDIENCE, schema=("EMAIL",), session=None):
        payload = {"schema": schema, "data": [list(one) if isinstance(one, tuple) else [one] for one in records]}
        body = {"payload": payload} | ({"session": session} if session else {})
        return self(method, f"{audience}/{edge}", body=body)

    def members(self, audience=AUDIENCE):
        self.desk.advance(60)
        return self.desk.members("meta", audience)

    def status(self, audience=AUDIENCE):
        found = self("GET", f"{audience}?fields=operation_status,delivery_status").json()
        return found["operation_status"]["code"], found["delivery_status"]["code"]


@pytest.fixture
def graph(desk):
    return Graph(desk(meta=SETTINGS))


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """Return a client for requests that are refused. Tests share the client: refused requests change nothing."""
    with running(tmp_path_factory.mktemp("meta"), meta=SETTINGS) as desk:
        yield Graph(desk)


def batch(number, *, last=False, session=7):
    return {"session_id": session, "batch_seq": number, "last_batch_flag": last, "estimated_num_total": 3}


def email(name):
    return f"EMAIL:{hashed(name)}"


def test_people_are_added_and_removed_once_they_are_processed(graph):
    answer = graph.users(hashed("a"), hashed("b"))
    assert answer.status_code == 200
    assert answer.json() | {"session_id": "0"} == {
        "audience_id": AUDIENCE,
        "session_id": "0",
        "num_received": 2,
        "num_invalid_entries": 0,
        "invalid_entry_samples": {},
    }
    assert graph.status() == (300, 300)
    assert graph.desk.members("meta", AUDIENCE) == {}
    assert graph.members() == {email("a"): (True, 1, 0, 0), email("b"): (True, 1, 0, 0)}
    assert graph.status()[0] == 200

    assert graph.users(hashed("a"), method="DELETE").json()["num_received"] == 1
    assert graph.members()[email("a")] == (False, 1, 0, 1)


def test_each_of_several_keys_identifies_the_person(graph):
    record = ("c-17", hashed("a"), "", hashed("grace"))
    graph.users(record, schema=("EXTERN_ID", "EMAIL", "PHONE", "FN"))
    graph.users("c-17", schema="EXTERN_ID", method="DELETE")
    assert graph.members() == {"EXTERN_ID:c-17": (False, 1, 0, 1), email("a"): (True, 1, 0, 0)}


def test_a_form_with_the_token_as_a_parameter_is_accepted_too(graph):
    payload = json.dumps({"schema": "EMAIL_SHA256", "data": [hashed("a")]})
    form = {"payload": payload, "access_token": graph.token}
    assert graph("POST", f"{AUDIENCE}/users", headers={}, data=form).json()["num_received"] == 1
    assert set(graph.members()) == {email("a")}


def test_invalid_records_are_counted_and_the_others_added(graph):
    records = [(hashed("a"), hashed("49301234567")), (hashed("b"), "49301234567"), ("", ""), (hashed("c").upper(), "")]
    answer = graph.users(*records, ("one",), schema=("EMAIL", "PHONE")).json()
    assert (answer["num_received"], answer["num_invalid_entries"]) == (5, 4)
    assert set(answer["invalid_entry_samples"]) == {"1", "2", "3", "4"}
    assert "4930" not in str(answer)
    assert set(graph.members()) == {email("a"), f"PHONE:{hashed('49301234567')}"}


def test_a_batch_that_is_sent_twice_has_one_effect(graph):
    first = graph.users(hashed("a"), session=batch(1))
    assert graph.users(hashed("a"), session=batch(1)).json() == first.json()
    graph.users(hashed("b"), session=batch(2, last=True))
    assert graph.members() == {email("a"): (True, 1, 0, 0), email("b"): (True, 1, 0, 0)}
    (found,) = graph("GET", f"{AUDIENCE}/sessions?session_id=7").json()["data"]
    assert (found["num_received"], found["stage"]) == ("2", "done")


def test_a_replacement_takes_effect_with_its_last_batch(graph):
    graph.users(hashed("a"), hashed("b"))
    graph.users(hashed("b"), edge="usersreplace", session=batch(1))
    assert set(graph.members()) == {email("a"), email("b")}
    graph.users(hashed("c"), edge="usersreplace", session=batch(2, last=True))
    assert graph.members() == {
        email("a"): (False, 1, 0, 1),
        email("b"): (True, 1, 1, 0),
        email("c"): (True, 1, 0, 0),
    }


def code(answer):
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("error_subcode", 0)


def test_a_session_begins_with_its_first_batch_and_ends_with_its_last(graph):
    assert code(graph.users(hashed("a"), session=batch(2))) == (400, 2650, 1870147)
    graph.users(hashed("a"), session=batch(1, last=True))
    assert code(graph.users(hashed("b"), session=batch(2))) == (400, 2650, 0)
    assert code(graph.users(hashed("b"), session=batch(1), audience=OTHER)) == (400, 100, 0)
    assert set(graph.members()) == {email("a")}


def test_one_replacement_runs_at_a_time_and_ends_after_90_minutes(graph):
    graph.users(hashed("a"), edge="usersreplace", session=batch(1))
    other = batch(1, last=True, session=8)
    assert code(graph.users(hashed("b"), edge="usersreplace", session=other)) == (400, 2650, 0)
    graph.desk.advance(90 * 60)
    assert code(graph.users(hashed("a"), edge="usersreplace", session=batch(2, last=True))) == (400, 2650, 0)
    assert graph.users(hashed("b"), edge="usersreplace", session=other).status_code == 200
    assert set(graph.members()) == {email("b")}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({}, "payload is required"),
        ({"payload": {"schema": "EMAIL", "data": []}}, "non-empty"),
        ({"payload": {"schema": "MAIL", "data": ["a"]}}, "schema"),
        ({"payload": {"schema": ["EMAIL", "EMAIL"], "data": [["a", "b"]]}}, "schema"),
        ({"payload": {"schema": "EMAIL", "data": ["a"] * 10_001}}, "10001 records"),
        ({"payload": {"schema": "EMAIL", "data": ["a"]}, "session": {"session_id": "x"}}, "session_id"),
        ({"payload": {"schema": "EMAIL", "data": ["a"]}, "session": {"session_id": 1, "batch_seq": 0}}, "batch_seq"),
        ({"payload": "{"}, "not JSON"),
        ({"payload": {"schema": "EMAIL", "data": ["a"]}, "method": "delete"}, "method"),
    ],
)
def test_an_invalid_parameter_is_named(refusing, body, rule):
    answer = refusing("POST", f"{AUDIENCE}/users", body=body)
    assert code(answer) == (400, 100, 0)
    assert rule in answer.json()["error"]["message"]


def test_other_refusals_have_meta_s_codes(refusing):
    path = f"{AUDIENCE}/users"
    assert code(refusing.users(hashed("a"), edge="usersreplace")) == (400, 100, 0)
    assert code(refusing.users(hashed("a"), audience="1")) == (400, 100, 33)
    assert code(refusing("GET", f"{AUDIENCE}?fields=members")) == (400, 100, 0)
    assert code(refusing.users(hashed("a"), audience=FLAGGED)) == (400, 100, 1713230)
    assert refusing.status(FLAGGED)[0] == 471
    assert code(refusing("POST", path, body={}, headers={})) == (400, 190, 0)
    assert code(refusing("POST", path, body={}, headers={"Authorization": "Bearer another"})) == (400, 190, 0)
    assert code(refusing("POST", path, body={}, version="v24.0")) == (400, 2635, 0)
    assert code(refusing("POST", path, body={}, version="v99.0")) == (400, 2500, 0)
    assert code(refusing("GET", f"{AUDIENCE}/ads")) == (400, 2500, 0)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("too_many_requests", (400, 80003, 0)),
        ("expired_token", (400, 190, 463)),
        ("permission_denied", (403, 200, 0)),
        ("blocked", (400, 368, 0)),
        ("server_error", (500, 2, 0)),
    ],
)
def test_planned_faults_have_meta_s_codes(refusing, kind, expected):
    refusing.desk.plan("meta", {"kind": kind})
    assert code(refusing.users(hashed("a"))) == expected


def test_responses_contain_the_usage_of_the_quota(desk):
    graph = Graph(desk(meta=AdAccount("act_100", (AUDIENCE,), calls_per_hour=2)))
    used = [usage(graph.users(hashed("a"))) for _ in range(2)]
    assert [one["call_count"] for one in used] == [50, 100]
    refused = graph.users(hashed("b"))
    assert code(refused) == (400, 80003, 0)
    assert 0 < usage(refused)["estimated_time_to_regain_access"] <= 60
    graph.desk.advance(3600)
    assert graph.users(hashed("b")).status_code == 200


def usage(answer):
    (found,) = json.loads(answer.headers["X-Business-Use-Case-Usage"])["100"]
    return found
