"""A backtest of a past day trains only on data that were known on this day."""

from datetime import date, timedelta

import pytest
from rows import canonical

from cli.backtest.past import KNOWN
from shared.chain import features
from shared.settings import Settings

pytestmark = pytest.mark.slow

DAY = date(2017, 8, 10)
WINDOW = {"first_touched": date(2017, 8, 1), "as_of": DAY}
SESSION = {"is_new_visit": False, "is_internal": False, "hits": 3, "bounces": 0}
ORDER = {"revenue": 50.0}


def at(day):
    return f"2017-08-{day:02d}T10:00:00Z"


def session(visitor, day, **values):
    of = {"session_id": f"{visitor}-{day}", "visitor_id": visitor, "day": date(2017, 8, day), "started_at": at(day)}
    return SESSION | of | values


def order(visitor, day, **values):
    of = {"session_id": f"{visitor}-{day}", "visitor_id": visitor, "day": date(2017, 8, day), "happened_at": at(day)}
    return ORDER | of | values


PAST = {
    "sessions": [
        *(session(visitor, 2, is_new_visit=True) for visitor in ("bought", "cancelled", "stayed away")),
        session("came late", 9, is_new_visit=True),
        session("bought", 4),
        session("cancelled", 4),
    ],
    "conversions": [order("bought", 4), order("cancelled", 4)],
}


def with_the_future(rows):
    """Add data of later days to the rows.

    Every visitor gets an order and a session that is marked as one of staff. A past order is refunded, and a new
    visitor comes.
    """
    visitors = {row["visitor_id"] for row in rows["sessions"]}
    refunded = [
        row | {"cancelled_on": DAY + timedelta(1)} if row["visitor_id"] == "cancelled" else row
        for row in rows["conversions"]
    ]
    return {
        "sessions": [
            *rows["sessions"],
            *(session(visitor, 11, is_internal=True) for visitor in visitors),
            session("new", 11, is_new_visit=True),
        ],
        "conversions": [*refunded, *(order(visitor, 11) for visitor in visitors)],
    }


def learnt_from(rows, settings, warehouse):
    """Fill the tables with `rows`, copy the tables as the backtest does, and return the training rows of the copies."""
    warehouse.fill(rows)
    dataset = f"{warehouse.client.project}.{warehouse.settings.dataset}"
    for name in KNOWN:
        known = {"day": DAY, "from_day": features.first_read(WINDOW["first_touched"], settings)}
        warehouse.run(f"backtest/known/{name}", known, dataset=dataset)
    warehouse.run("features/visitor_features", features.parameters(**WINDOW, settings=settings))
    found = warehouse.rows("visitor_features")
    warehouse.clean()
    return canonical(found)


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("horizon", {"bought": 1, "cancelled": 1, "stayed away": 0, "came late": None}),
        ("unbounded", {"bought": 1, "cancelled": 1, "stayed away": 0, "came late": 0}),
    ],
)
def test_data_of_later_days_do_not_change_the_training_data_of_a_past_day(kind, labels, warehouse):
    document = {"label": {"kind": kind, "horizon_days": 5}, "project": "shop-project", "bucket": "shop-bucket"}
    settings = Settings.from_document(document)
    warehouse.fill(PAST)
    warehouse.run("features/visitor_features", features.parameters(**WINDOW, settings=settings))
    then = warehouse.rows("visitor_features")
    warehouse.clean()
    assert {row["visitor_id"]: row["will_buy_on_return_visit"] for row in then} == labels
    assert learnt_from(with_the_future(PAST), settings, warehouse) == canonical(then)
