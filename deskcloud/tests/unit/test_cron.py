"""Cron expressions in the local Cloud Scheduler."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskcloud.scheduler.cron import CronError, parse

BERLIN = ZoneInfo("Europe/Berlin")


def times(expression, start, count, zone=UTC):
    """Return the next `count` times of a cron expression after `start`, as local times in `zone`."""
    moment, found = datetime.fromisoformat(start).replace(tzinfo=zone), []
    for _ in range(count):
        moment = parse(expression).next_after(moment, zone)
        found.append(moment.astimezone(zone).strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * *", ["2026-01-01 00:01", "2026-01-01 00:02"]),
        ("30 6 * * *", ["2026-01-01 06:30", "2026-01-02 06:30"]),
        ("*/20 * * * *", ["2026-01-01 00:20", "2026-01-01 00:40"]),
        ("5-10/5,50 1 * * *", ["2026-01-01 01:05", "2026-01-01 01:10"]),
        ("0 0 1 */6 *", ["2026-07-01 00:00", "2027-01-01 00:00"]),
        ("0 9 * * mon-FRI", ["2026-01-01 09:00", "2026-01-02 09:00"]),
        ("0 9 * * 7", ["2026-01-04 09:00", "2026-01-11 09:00"]),
        ("0 9 * * 0", ["2026-01-04 09:00", "2026-01-11 09:00"]),
        ("0 0 29 feb *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        # If the day of month and the weekday are both restricted, a day that matches one of the two is enough.
        ("0 0 13 * fri", ["2026-01-02 00:00", "2026-01-09 00:00"]),
        # A field that starts with a star does not restrict the day.
        ("0 0 */10 * fri", ["2026-05-01 00:00", "2026-07-31 00:00"]),
    ],
)
def test_the_next_times_are_those_that_cron_names(expression, expected):
    assert times(expression, "2026-01-01T00:00", 2) == expected


def test_a_local_time_that_the_change_to_summer_time_skips_is_never_due():
    assert times("30 2 * * *", "2026-03-28T12:00", 2, BERLIN) == ["2026-03-30 02:30", "2026-03-31 02:30"]


def test_a_local_time_that_occurs_twice_is_due_twice():
    assert times("30 2 * * *", "2026-10-24T12:00", 3, BERLIN) == [
        "2026-10-25 02:30",
        "2026-10-25 02:30",
        "2026-10-26 02:30",
    ]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("* * * *", "has 4 fields"),
        ("60 * * * *", "minute: '60'"),
        ("* 24 * * *", "hour: '24'"),
        ("* * 0 * *", "day of the month: '0'"),
        ("* * * 13 *", "month: '13'"),
        ("* * * * someday", "day of the week: 'someday' is not a number from 0 to 7, or sun to sat"),
        ("5/10 * * * *", "write 5-59/10"),
        ("*/0 * * * *", "step of zero"),
        ("* 22-6 * * *", "runs backwards"),
        ("1,,2 * * * *", "''"),
        ("@daily", "has 1 fields"),
        ("* * L * *", "day of the month: 'L'"),
    ],
)
def test_an_invalid_cron_expression_is_refused_with_its_field(expression, complaint):
    with pytest.raises(CronError) as refusal:
        parse(expression)
    assert complaint in str(refusal.value)


def test_a_day_that_never_comes_is_an_error():
    with pytest.raises(CronError, match="never occurs"):
        parse("0 0 30 2 *").next_after(datetime(2026, 1, 1, tzinfo=UTC), UTC)


def field(low, high):
    numbers = st.integers(low, high)
    ranges = st.tuples(numbers, numbers).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.just("*") | ranges, st.integers(1, 20)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    part = st.just("*") | numbers.map(str) | ranges | steps
    return st.lists(part, min_size=1, max_size=3).map(",".join)


expressions = st.tuples(field(0, 59), field(0, 23), field(1, 28), st.just("*"), field(0, 7)).map(" ".join)
moments = st.integers(0, 2 * 365 * 86400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(expressions, moments, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"]))
def test_the_next_time_matches_and_no_time_before_it_does(expression, moment, zone_name):
    cron, zone = parse(expression), ZoneInfo(zone_name)
    due = cron.next_after(moment, zone)
    assert due > moment
    assert cron.matches(due.astimezone(zone))
    between = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(1500):
        if between >= due:
            break
        assert not cron.matches(between.astimezone(zone))
        between += timedelta(minutes=1)


@given(st.text(max_size=20) | st.text("0123456789*/-, monfr", max_size=20))
def test_any_text_is_cron_or_a_cron_error(text):
    try:
        parse(text).next_after(datetime(2026, 1, 1, tzinfo=UTC), UTC)
    except CronError:
        return
