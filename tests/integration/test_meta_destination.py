"""The destination Meta sends its requests to the local Graph API."""

import hashlib

import pytest

from desk.platforms import running
from deskcloud.document import AdAccount
from shared.destination_settings import MetaAds
from shared.destinations.contract import Batch, Busy, Member
from shared.destinations.meta import MetaDestination, token
from shared.errors import Permanent
from shared.settings import SettingsError

AUDIENCE = "23842587123456789"


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def platforms(tmp_path):
    with running(tmp_path, meta=AdAccount("act_1", (AUDIENCE,), processing_seconds=0)) as found:
        yield found


@pytest.fixture
def meta(platforms):
    return made(platforms)


def made(platforms, audience=AUDIENCE):
    settings = MetaAds(mode="replace", audience=audience, api_endpoint=platforms.url["meta"])
    return MetaDestination(settings, platforms.running.credentials["META_ACCESS_TOKEN"])


def batch(*members, kind="add", number=1, count=1):
    return Batch("20170801-ffffffff", kind, number, count, len(members), list(members))


def member(name, **values):
    return Member(customer_id=name, email=hashed(f"{name}@example.com"), **values)


def present(platforms):
    return {name for name, counts in platforms.members("meta", AUDIENCE).items() if counts[0]}


def test_members_are_added_and_removed_by_each_of_their_keys(platforms, meta):
    assert meta.apply(batch(member("a"), member("b"))).outcome == "confirmed"
    assert {f"EXTERN_ID:{one}" for one in "ab"} <= present(platforms)
    assert meta.apply(batch(member("a"), kind="remove")).outcome == "confirmed"
    assert "EXTERN_ID:a" not in present(platforms)
    assert "EXTERN_ID:b" in present(platforms)


def test_the_batches_of_a_kind_are_one_session_and_a_batch_sent_twice_has_one_effect(platforms, meta):
    first, second = batch(member("a"), number=1, count=2), batch(member("b"), number=2, count=2)
    for one in (first, first, second, second):
        meta.apply(one)
    added = {name: counts[1] + counts[2] for name, counts in platforms.members("meta", AUDIENCE).items()}
    assert added["EXTERN_ID:a"] == added["EXTERN_ID:b"] == 1


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("too_many_requests", Busy, "80003"),
        ("expired_token", Permanent, "META_ACCESS_TOKEN"),
        ("permission_denied", Permanent, "ads_management"),
        ("blocked", Permanent, "account quality"),
        ("server_error", RuntimeError, "error 2"),
        ("reset_before", Exception, ""),
        ("reset_after", Exception, ""),
    ],
)
def test_a_fault_is_reported_as_temporary_or_with_a_remedy(platforms, meta, kind, error, said):
    platforms.plan("meta", {"kind": kind})
    with pytest.raises(error, match=said) as found:
        meta.apply(batch(member("a")))
    assert isinstance(found.value, Permanent) == (error is Permanent)
    assert meta.apply(batch(member("a"))).outcome == "confirmed"


def test_an_audience_that_does_not_exist_is_named_with_the_remedy(platforms):
    with pytest.raises(Permanent, match="check the id of the audience"):
        made(platforms, "1").apply(batch(member("a")))


def test_members_whom_meta_refuses_are_counted(platforms, meta):
    platforms.plan("meta", {"kind": "partial_failure", "every": 2})
    assert meta.apply(batch(member("a"), member("b"))).detail.startswith("Meta refused ")


def test_without_a_token_the_function_does_not_start():
    with pytest.raises(SettingsError, match="META_ACCESS_TOKEN"):
        token({})
