"""The destination Salesforce sends its requests to the local Marketing Cloud."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from urllib3.exceptions import ProtocolError

from cli.local_cloud import SALESFORCE_COLUMNS
from desk.platforms import running
from deskcloud.document import DataExtension, ExtensionColumn, MarketingCloud
from shared.destination_settings import Salesforce
from shared.destinations import marketing_cloud
from shared.destinations.contract import Batch, Busy, Member
from shared.destinations.marketing_cloud import Client, Result
from shared.destinations.salesforce import SalesforceDestination, judged, row
from shared.errors import Permanent
from shared.settings import SettingsError

PROCESSING = 60
TOKEN, DELETE = "POST /v2/token", "POST /Service.asmx"
KEYS = itertools.count()


class Place:
    """A data extension in the local Marketing Cloud that no other test uses. It counts the requests of its test."""

    def __init__(self, desk):
        self.desk, self.key = desk, f"always on {next(KEYS)}"
        self.url, self.known = desk.url["salesforce"], desk.running.credentials
        self._before = len(desk.received("salesforce"))
        desk.plan("salesforce")

    def destination(self, key=None, secret=None):
        settings = Salesforce(
            mode="replace",
            subdomain="mc123",
            data_extension=key or self.key,
            business_unit="1",
            api_endpoint=self.url,
        )
        client = Client(self.known["SALESFORCE_CLIENT_ID"], secret or self.known["SALESFORCE_CLIENT_SECRET"])
        return SalesforceDestination(settings, client)

    def fails(self, kind, **values):
        self.desk.plan("salesforce", {"kind": kind, **values})

    def rows(self):
        """Let the Marketing Cloud process all requests, and return the columns of each row by the row's key."""
        self.desk.advance(PROCESSING)
        found = self.desk.admin("GET", f"salesforce/members/{self.key}")["members"]
        return {name: one["fields"] for name, one in found.items() if one["is_member"]}

    def count(self, request):
        return sum(one.startswith(request) for one, _ in self.desk.received("salesforce")[self._before :])


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    extensions = [DataExtension(f"always on {number}", SALESFORCE_COLUMNS) for number in range(60)]
    settings = MarketingCloud(
        (*extensions, DataExtension("log", (ExtensionColumn("Text"),))), processing_seconds=PROCESSING
    )
    with running(tmp_path_factory.mktemp("salesforce"), salesforce=settings) as found:
        yield found


@pytest.fixture
def place(desk):
    return Place(desk)


@pytest.fixture
def salesforce(place):
    return place.destination()


def member(name, **values):
    return Member(customer_id=name, **{"email": f"{name}@example.com", "probability": 0.01, "decile": 1} | values)


def batch(*members, kind="add"):
    return Batch("20170801-ffffffff", kind, 1, 1, len(members), list(members))


def status(salesforce, sent, *members):
    return salesforce.status(sent.request, lambda: list(members))


def test_a_member_is_a_row_once_salesforce_has_processed_the_request(place, salesforce):
    sent = salesforce.apply(
        batch(member("a", offer="coupon", next_products=["P1", "P2"], expected_value=1.239), member("b", email=None))
    )
    assert (sent.outcome, status(salesforce, sent).outcome) == ("sent", "sent")
    rows = place.rows()
    assert status(salesforce, sent).outcome == "confirmed"
    assert rows["a"] == {
        "customer_id": "a",
        "email": "a@example.com",
        "probability": "0.010000",
        "decile": 1,
        "offer": "coupon",
        "next_products": "P1 P2",
        "expected_value": "1.24",
    }
    assert rows["b"].get("email") is None
    assert place.count(TOKEN) == 1


def test_a_value_that_is_no_longer_known_does_not_remain(place, salesforce):
    salesforce.apply(batch(member("a", offer="coupon")))
    salesforce.apply(batch(member("a", email=None), kind="update"))
    [row_of_a] = place.rows().values()
    assert (row_of_a.get("email"), row_of_a.get("offer")) == (None, None)


def test_a_row_is_deleted_and_a_row_that_is_not_there_counts_as_deleted(place, salesforce):
    people = [member(f"<{number}> & co", email=None) for number in range(60)]
    salesforce.apply(batch(*people))
    assert len(place.rows()) == 60
    for _ in range(2):
        assert salesforce.apply(batch(*people[1:], kind="withdraw")).outcome == "confirmed"
    assert list(place.rows()) == ["<0> & co"]
    # Salesforce accepts 50 rows per request, so each of the two deletions of 59 rows takes two requests.
    assert place.count(DELETE) == 4


def test_rows_that_are_not_deleted_are_reported_with_a_reason(place):
    answer = place.destination("none").apply(batch(member("a"), kind="remove"))
    assert answer.outcome == "failed"
    assert answer.detail.startswith("Salesforce has not deleted 1 rows, for example because: The data extension")


def test_salesforce_names_the_rows_that_it_refuses(place, salesforce):
    place.fails("partial_failure", every=2)
    people = [member("a"), member("b"), member("c", email="no address")]
    sent = salesforce.apply(batch(*people))
    assert list(place.rows()) == ["a"]
    answer = status(salesforce, sent, *people)
    assert (answer.outcome, answer.refused) == (
        "confirmed",
        {
            "b": "Salesforce refuses the row: A planned fault.",
            "c": "Salesforce refuses the row: The value of the column email is no EmailAddress.",
        },
    )


def test_the_results_of_a_large_request_are_read_page_by_page(place, salesforce, monkeypatch):
    monkeypatch.setattr(marketing_cloud, "PAGE", 2)
    place.fails("partial_failure", every=5)
    people = [member(one) for one in "abcde"]
    sent = salesforce.apply(batch(*people))
    place.rows()
    assert list(status(salesforce, sent, *people).refused) == ["e"]


def test_a_request_that_never_ends_or_is_not_known_yet_is_pending(place, salesforce):
    place.fails("never_ends")
    sent = salesforce.apply(batch(member("a")))
    assert place.rows() == {}
    assert status(salesforce, sent).outcome == "sent"
    assert salesforce.status("another", list).outcome == "sent"


@pytest.mark.parametrize("kind", ["add", "remove"])
def test_an_expired_token_is_renewed(place, salesforce, kind):
    salesforce.apply(batch(member("a")))
    # Only the server's clock has moved, so the client still considers its token valid.
    place.desk.advance(1_200)
    assert salesforce.apply(batch(member("b"), kind=kind)).outcome == ("sent" if kind == "add" else "confirmed")
    assert place.count(TOKEN) == 2


def test_a_token_is_renewed_before_it_expires(place, salesforce, monkeypatch):
    for name in "ab":
        salesforce.apply(batch(member(name)))
    assert place.count(TOKEN) == 1
    # A token is valid for 1,079 s. With this margin, the client renews the token before each request.
    monkeypatch.setattr(marketing_cloud, "MARGIN", 1_079.0)
    another = place.destination()
    for name in "ab":
        another.apply(batch(member(name)))
    assert place.count(TOKEN) == 3


@pytest.mark.parametrize("action", ["add", "remove"])
@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"kind": "too_many_requests"}, Busy, "error 50100"),
        ({"kind": "blocked"}, Busy, "error 50200"),
        ({"kind": "expired_token", "times": 2}, Permanent, "data_extensions_write"),
        ({"kind": "permission_denied"}, Permanent, "data_extensions_write"),
        ({"kind": "server_error"}, RuntimeError, "error 30000"),
        ({"kind": "reset_before"}, ProtocolError, "Connection aborted"),
        ({"kind": "reset_after"}, ProtocolError, "Connection aborted"),
    ],
)
def test_a_fault_is_reported_as_temporary_or_with_a_remedy_and_leaves_one_effect(
    place, salesforce, action, fault, error, said
):
    people = [member("a"), member("b")]
    if action == "remove":
        salesforce.apply(batch(*people))
        place.rows()
    place.fails(**fault)
    with pytest.raises(error, match=said) as found:
        salesforce.apply(batch(*people, kind=action))
    assert "@" not in str(found.value)
    salesforce.apply(batch(*people, kind=action))
    assert list(place.rows()) == (["a", "b"] if action == "add" else [])


@pytest.mark.parametrize(("fault", "seconds"), [("too_many_requests", 5), ("blocked", 60)])
def test_salesforce_is_asked_again_when_it_says_or_after_a_minute(place, salesforce, fault, seconds):
    place.fails(fault)
    before = datetime.now(UTC)
    with pytest.raises(Busy) as busy:
        salesforce.apply(batch(member("a")))
    pause = timedelta(seconds=seconds)
    assert before + pause <= busy.value.until <= datetime.now(UTC) + pause


def test_the_error_about_an_unsuitable_data_extension_names_it_and_a_remedy(place):
    for key in ("none", "log"):
        with pytest.raises(Permanent, match=r"salesforce\.data_extension must be .* docs/destinations\.md"):
            place.destination(key).apply(batch(member("a")))


def test_the_error_about_wrong_credentials_has_a_remedy(place):
    with pytest.raises(Permanent, match="in the secrets SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET"):
        place.destination(secret="x").apply(batch(member("a")))  # noqa: S106 - a wrong secret, as the test needs


@pytest.mark.parametrize("missing", ["SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"])
def test_without_credentials_the_function_does_not_start(missing):
    given = {"SALESFORCE_CLIENT_ID": "a", "SALESFORCE_CLIENT_SECRET": "b"}
    with pytest.raises(SettingsError, match=missing):
        marketing_cloud.client(given | {missing: ""})


def test_a_reason_repeats_neither_the_customer_s_id_nor_an_address():
    said = "Violation of PRIMARY KEY constraint. The duplicate key value is (C-1). Its address is a@example.com."
    answer = judged("r", [Result("Error", said), Result("OK")], [member("C-1"), member("C-12")])
    assert answer.refused == {
        "C-1": "Salesforce refuses the row: Violation of PRIMARY KEY constraint. The duplicate key value is (...). "
        "Its address is ..."
    }


def test_rows_with_an_unknown_outcome_are_not_confirmed():
    people = [member("a"), member("b"), member("c")]
    blocked = Result("Error", "Transaction was deadlocked on lock resources. Rerun the transaction.")
    answer = judged("r", [Result("OK"), blocked, Result("Error")], people)
    assert (answer.outcome, list(answer.refused)) == ("unconfirmed", ["c"])
    assert judged("r", [Result("OK")], people).outcome == "unconfirmed"


def test_a_row_has_the_columns_of_the_local_data_extension():
    assert list(row(member("a"))) == [one.name for one in SALESFORCE_COLUMNS]
