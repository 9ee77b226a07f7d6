"""The statement "orders/orders" agrees with its rules written in Python, for random reports of orders."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows import canonical

MIDNIGHT = dt.datetime(2021, 1, 2, tzinfo=dt.UTC)
SESSION_ENDS = dt.timedelta(minutes=30)

reports = st.fixed_dictionaries(
    {
        "reported_at": st.builds(
            lambda minutes, seconds: MIDNIGHT + dt.timedelta(minutes=minutes, seconds=seconds),
            st.sampled_from([-30, 0, 29, 30, 61]),
            st.sampled_from([0, 0.5, 1]),
        ),
        "order_id": st.none() | st.sampled_from([f"T{number}" for number in range(12)]),
        "visitor_id": st.none() | st.sampled_from(["1", "2", "3"]),
        "visit_id": st.none() | st.integers(1, 2),
        "kind": st.sampled_from(["order", "order", "refund"]),
        "amount": st.sampled_from([0.0, 0.1, 0.2, 0.3, 10.0, None]),
    }
)


def row(report):
    """Return the row of the table order_reports for a random report.

    Impossible combinations are corrected: an order gets an amount, and a report without a visitor has no session.
    """
    visitor, visit = report["visitor_id"], report["visit_id"]
    amount = 0.3 if report["kind"] == "order" and report["amount"] is None else report["amount"]
    return {
        **{name: value for name, value in report.items() if name != "visit_id"},
        "day": report["reported_at"].date(),
        "session_id": f"{visitor}-{visit}" if visitor and visit else None,
        "amount": amount,
    }


def second(report):
    return int(report["reported_at"].timestamp())


def key(report):
    if report["order_id"] or not report["visitor_id"]:
        return report["order_id"]
    return f"{report['visitor_id']} {second(report)}"


def by_rule(told):
    """Compute the orders from their reports, by the same rules as the statement."""
    kept = []
    for name in {key(one) for one in told if one["kind"] == "order"} - {None}:
        copies = [one for one in told if one["kind"] == "order" and key(one) == name]
        of_someone = [one for one in copies if one["visitor_id"]]
        if of_someone:
            kept.append(order(name, copies, of_someone, told))
    return kept


def order(name, copies, of_someone, told):
    first = min(of_someone, key=order_of_reports)
    pages = [
        one
        for one in of_someone
        if one["visitor_id"] == first["visitor_id"]
        and one["session_id"]
        and second(first) <= second(one) <= second(first) + SESSION_ENDS.seconds
    ]
    page = min((one["session_id"] for one in pages), default=None)
    refunded, refunded_on = refunds(name, first["amount"], told)
    return {
        "order_id": name,
        "visitor_id": first["visitor_id"],
        "session_id": first["session_id"] or page,
        "day": first["day"],
        "ordered_at": first["reported_at"],
        "revenue": first["amount"],
        "refunded": refunded,
        "refunded_on": refunded_on,
        "reports": len(copies),
    }


def order_of_reports(one):
    session = one["session_id"]
    return one["reported_at"], session is None, one["visitor_id"], session or "", one["amount"]


def refunds(name, revenue, told):
    """Return the refunded amount of an order, and the day of the full refund (None without a full refund)."""
    found = {
        (second(one), one["day"], one["amount"]) for one in told if one["kind"] == "refund" and one["order_id"] == name
    }
    given_back, undone_on = 0.0, None
    for _, day, amount in sorted(found, key=lambda one: (one[0], one[1], -1 if one[2] is None else one[2])):
        given_back += revenue if amount is None else amount
        is_undone = amount is None or (given_back > 0 and given_back > revenue - 0.005)
        undone_on = undone_on or (day if is_undone else None)
    return min(given_back, revenue), undone_on


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(reports, min_size=60, max_size=60))
def test_the_orders_agree_with_the_rules(whole_warehouse, drawn):
    told = [row(report) for report in drawn]
    whole_warehouse.fill({"order_reports": told})
    whole_warehouse.run("orders/orders")
    found = whole_warehouse.rows("orders")
    whole_warehouse.clean()
    assert canonical(found) == canonical(by_rule(told))
