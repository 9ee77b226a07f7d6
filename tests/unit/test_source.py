"""Which days of the export a run reads."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from google.api_core.exceptions import Forbidden
from hypothesis import given
from hypothesis import strategies as st

from shared.chain.refreshes import Refresh
from shared.chain.source import chunks, days_to_rebuild, look
from shared.settings import Settings

days = st.dates(date(2016, 1, 1), date(2016, 3, 1))


class Denied:
    """Fake clients of a function whose account has no right to read the export."""

    settings = Settings(project="shop-project", bucket="shop")

    def query(self, *_, **__):
        raise Forbidden("Access Denied: Dataset analytics", errors=[{"reason": "accessDenied"}])


def test_an_export_that_may_not_be_read_fails_the_run_after_enough_time_for_the_grant():
    now = datetime.now(UTC)
    with pytest.raises(Forbidden):
        look(Refresh(), Denied(), now.date(), now)
    old = look(Refresh(), Denied(), now.date(), now - timedelta(minutes=11))
    assert "the export cannot be read" in old.problem
    assert "Access Denied: Dataset analytics" in old.problem


def test_a_change_touches_the_neighbours_that_exist():
    first = date(2017, 8, 1)
    existing = [first + timedelta(days=offset) for offset in (-1, 0, 1, 2, 5, 6)]
    assert days_to_rebuild([first], existing) == existing[:3]
    assert days_to_rebuild([existing[2], existing[4]], existing) == existing[1:]
    assert days_to_rebuild([], existing) == []


@given(st.sets(days), st.sets(days))
def test_all_changed_days_and_only_their_neighbours_are_rebuilt_in_order(changed, existing):
    rebuilt = days_to_rebuild(changed, existing)
    assert rebuilt == sorted(set(rebuilt))
    assert changed & existing <= set(rebuilt) <= existing
    assert all(any(abs((day - one).days) <= 1 for one in changed) for day in rebuilt)
    near = {day for day in existing if any(abs((day - one).days) <= 1 for one in changed)}
    assert set(rebuilt) == near


@pytest.mark.parametrize(
    ("kind", "newest", "told"),
    [
        ("ga4", "events_intraday_20261126", "Turn on its daily export"),
        ("ga360", "ga_sessions_intraday_20261126", "when the first day is over"),
        ("ga4", None, "dataset shop-project.analytics_1 holds no table events_YYYYMMDD"),
    ],
)
def test_the_error_about_an_export_without_day_tables_says_what_is_missing(kind, newest, told):
    settings = Settings.from_document(
        {"project": "shop-project", "bucket": "shop", "source": {"dataset": "analytics_1", "kind": kind}}
    )
    found = {"source/day_tables": [], "source/newest_table": [{"table_id": newest}] if newest else []}
    clients = SimpleNamespace(settings=settings, query=lambda name, *_, **__: found[name])
    now = datetime(2026, 11, 26, tzinfo=UTC)
    reading = look(Refresh(), clients, now.date(), now)
    assert told in reading.problem
    assert ("only tables of the current day" in reading.problem) is bool(newest)


@given(st.lists(days), st.integers(1, 10))
def test_days_are_split_into_chunks_without_losing_one(given_days, size):
    pieces = chunks(given_days, size)
    assert [day for piece in pieces for day in piece] == given_days
    assert all(1 <= len(piece) <= size for piece in pieces)
