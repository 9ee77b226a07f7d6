"""The forecasts of customer value in SQL. BG/NBD and Gamma-Gamma agree with shared/value, and a regression learns
planted rules.
"""

import datetime as dt

import numpy as np
import pytest

from shared.value import bgnbd, gamma_gamma, valuing

ROWS = {"run_id": "20260630-0a1b2c3d", "created_on": dt.date(2026, 7, 1)}
DAY = dt.date(2026, 6, 30)
VALUES = gamma_gamma.Parameters(6.25, 3.74, 15.44)
# Histories of customers: frequency, recency in days, age in days, and mean value.
HISTORIES = [
    (0, 0, 0, 0.0),
    (0, 0, 900, 0.0),
    (1, 1, 30, 20.0),
    (2, 213, 272, 80.0),
    (40, 700, 720, 35.0),
    (300, 900, 1090, 5.0),
]


def histories(rows, **more):
    return [
        {
            **ROWS,
            "as_of": DAY,
            "customer_id": f"c{number}",
            "frequency": frequency,
            "recency": recency,
            "age": age,
            "mean_value": mean_value,
            "revenue": (frequency + 1) * mean_value,
            **more,
        }
        for number, (frequency, recency, age, mean_value) in enumerate(rows)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "orders",
    [bgnbd.Parameters(0.243, 30.9, 0.793, 2.426), bgnbd.Parameters(2.0, 200.0, 0.05, 8.0)],
    ids=["CDNOW", "loyal"],
)
def test_bgnbd_in_sql_gives_the_same_forecasts_as_shared_value(warehouse, orders):
    warehouse.fill({"customer_histories": histories(HISTORIES)})
    given = {**orders._asdict(), **VALUES._asdict(), **valuing.quadrature(orders)}
    for _ in range(2):
        warehouse.run("value/by_bgnbd", {**ROWS, "as_of": DAY, "horizon": 90, "method": "bgnbd", **given})
    found = sorted(warehouse.rows("customer_forecasts"), key=lambda row: row["customer_id"])
    frequency, recency, age, mean_value = np.array(HISTORIES).T
    rows = bgnbd.Histories(frequency, recency, age, np.ones(len(age)))
    expected = bgnbd.expected_orders(orders, rows, 90)
    value = gamma_gamma.expected_value(VALUES, frequency, mean_value)
    assert [row["expected_orders"] for row in found] == pytest.approx(expected, rel=1e-6)
    assert [row["revenue_per_order"] for row in found] == pytest.approx(value)
    assert [row["expected_revenue"] for row in found] == pytest.approx(expected * value, rel=1e-6)
    # Within one day, hardly anybody orders twice. So the probability of an order is only a little below the expected
    # number of orders.
    warehouse.run("value/by_bgnbd", {**ROWS, "as_of": DAY, "horizon": 1, "method": "a day", **given})
    a_day = [row for row in warehouse.rows("customer_forecasts") if row["method"] == "a day"]
    for row in a_day:
        assert 0.85 * row["expected_orders"] < row["probability"] < row["expected_orders"]


@pytest.mark.parametrize("statement", ["value/linear", "value/boosted_trees"])
def test_a_regression_learns_the_orders_and_revenue_of_customers(warehouse, statement):
    method = statement.removeprefix("value/")
    random = np.random.default_rng(3)
    drawn = []
    for _ in range(300):
        age = int(random.integers(30, 300))
        frequency = int(random.integers(0, 9))
        drawn.append((frequency, age // 2 if frequency else 0, age, 20.0 * (frequency > 0)))
    rows = [
        {**row, "later_orders": int(row["frequency"] > 4), "later_revenue": 10.0 * row["frequency"]}
        for row in histories(drawn)
    ]
    warehouse.fill({"customer_histories": rows})
    for of in ("revenue", "orders"):
        about = {**ROWS, "as_of": DAY, "is_revenue": of == "revenue"}
        warehouse.run(statement, about, model=f"{of}_{method}")
    given = {**ROWS, "as_of": DAY, "method": method, **VALUES._asdict()}
    for _ in range(2):
        warehouse.run("value/by_regression", given, model=method)
    found = {row["customer_id"]: row for row in warehouse.rows("customer_forecasts")}
    assert len(found) == len(rows)
    off = [found[row["customer_id"]]["expected_revenue"] - row["later_revenue"] for row in rows]
    assert np.mean(np.abs(off)) < 3
    assert all(0 <= row["probability"] <= 1 and row["expected_revenue"] >= 0 for row in found.values())
    likely = [found[row["customer_id"]]["probability"] for row in rows if row["later_orders"]]
    assert np.mean(likely) > 0.7
    for row in found.values():
        assert row["expected_orders"] * row["revenue_per_order"] == pytest.approx(row["expected_revenue"])
