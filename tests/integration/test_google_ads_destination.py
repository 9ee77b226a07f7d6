"""The destination Google Ads sends its requests to the local Data Manager API."""

import hashlib

import pytest

from desk.platforms import running
from deskcloud.document import DataManager, GoogleAdsAccount
from fixtures.signed_in import sign_in
from shared.destination_settings import GoogleAds
from shared.destinations.contract import Batch, Busy, Member
from shared.destinations.google_ads import GoogleAdsDestination
from shared.errors import Permanent

ACCOUNT, LIST = "1234567890", "987"
HALF_AN_HOUR = 1800


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def platforms(tmp_path, monkeypatch):
    sign_in(monkeypatch)
    account = GoogleAdsAccount(ACCOUNT, (LIST,))
    with running(tmp_path, datamanager=DataManager((account,), processing_seconds=HALF_AN_HOUR)) as found:
        yield found


@pytest.fixture
def ads(platforms):
    return GoogleAdsDestination(settings(platforms))


def settings(platforms, **values):
    given = {"mode": "replace", "account": ACCOUNT, "user_list": LIST, "api_endpoint": platforms.url["datamanager"]}
    return GoogleAds(**given | values)


def batch(*members, kind="add", number=1):
    return Batch("20170801-ffffffff", kind, number, 1, len(members), list(members))


def member(name, **values):
    return Member(customer_id=name, email=hashed(f"{name}@example.com"), **values)


def test_members_are_pending_until_google_has_processed_them(platforms, ads):
    sent = ads.apply(batch(member("a"), member("b", phone=hashed("+16505550101"))))
    assert sent.outcome == "sent"
    assert ads.status(sent.request, list).outcome == "sent"
    platforms.advance(HALF_AN_HOUR)
    assert ads.status(sent.request, list).outcome == "confirmed"
    assert len(platforms.members("datamanager", f"{ACCOUNT}/{LIST}")) == 3


def test_a_batch_that_is_sent_twice_has_one_effect_and_a_removal_undoes_it(platforms, ads):
    first, again = (ads.apply(batch(member("a"))) for _ in range(2))
    assert first.request != again.request
    taken = ads.apply(batch(member("a"), kind="remove"))
    platforms.advance(HALF_AN_HOUR)
    assert [ads.status(one.request, list).outcome for one in (first, again, taken)] == ["confirmed"] * 3
    [found] = platforms.members("datamanager", f"{ACCOUNT}/{LIST}").values()
    assert found[0] is False


def test_one_wrong_member_does_not_hold_up_the_others(platforms, ads):
    sent = ads.apply(batch(member("a"), Member(customer_id="wrong", email="not a hash"), member("b")))
    assert list(sent.refused) == ["wrong"]
    assert "not a hash" not in sent.refused["wrong"]
    platforms.advance(HALF_AN_HOUR)
    assert ads.status(sent.request, list).outcome == "confirmed"
    assert len(platforms.members("datamanager", f"{ACCOUNT}/{LIST}")) == 2


def test_a_member_without_address_and_number_is_refused_before_anything_is_sent(ads):
    assert ads.validate(member("a")) is None
    assert ads.validate(Member(customer_id="b", country="FR", postal_code="75001")) is not None


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("too_many_requests", Busy, "quota"),
        ("expired_token", Permanent, "refuses access"),
        ("server_error", Exception, ""),
        ("reset_before", Exception, ""),
        ("reset_after", Exception, ""),
    ],
)
def test_a_fault_is_reported_as_temporary_or_permanent(platforms, ads, kind, error, said):
    platforms.plan("datamanager", {"kind": kind, "times": 10})
    with pytest.raises(error, match=said) as found:
        ads.apply(batch(member("a")))
    assert isinstance(found.value, Permanent) == (error is Permanent)


def test_a_list_that_does_not_exist_is_named_with_the_remedy(platforms):
    with pytest.raises(Permanent, match=r"docs/destinations\.md"):
        GoogleAdsDestination(settings(platforms, user_list="1")).apply(batch(member("a")))


def test_members_whom_google_refuses_are_counted_with_its_reason(platforms, ads):
    platforms.plan("datamanager", {"kind": "partial_failure", "every": 2})
    sent = ads.apply(batch(member("a"), member("b")))
    platforms.advance(HALF_AN_HOUR)
    answer = ads.status(sent.request, list)
    assert answer.outcome == "confirmed"
    assert answer.detail.startswith("Google refused members, and does not say which: ")
