"""Which visitors are scored, by which model, and what they are offered."""

import datetime as dt

import pytest
from google.cloud import bigquery

from shared.calibration import IDENTITY

DAY = dt.date(2017, 8, 10)
FROM_DAY = dt.date(2017, 8, 8)
PARAMETERS = {
    "day": DAY,
    "from_day": FROM_DAY,
    "coupon_from": 0.5,
    "full_price_from": 0.8,
    "version": "3",
    "run_id": "20170810-0a1b2c3d",
    **IDENTITY.parameters,
}


def session(visitor: str, day: dt.date = DAY, hour: int = 10, **columns) -> dict:
    started_at = dt.datetime.combine(day, dt.time(hour), dt.UTC)
    return {
        "session_id": f"{visitor}-{started_at:%d%H}",
        "visitor_id": visitor,
        "day": day,
        "started_at": started_at,
        "is_new_visit": False,
        "hits": 3,
        "pageviews": 2,
        "time_on_site": 100,
        "bounces": 0,
        "transactions": 0,
        "source": "google",
        "weekday": "Monday",
        "hour": hour,
        "furthest_step": 1,
        "products_viewed": 0,
        "products_added": 0,
        "is_internal": False,
        **columns,
    }


def scored(warehouse, **parameters) -> dict[str, dict]:
    warehouse.run("scoring/scores", PARAMETERS | parameters, model="logistic")
    return {row["visitor_id"]: row for row in warehouse.rows("scores") if row["day"] == DAY}


def predicted(warehouse, session_id: str) -> float:
    path = warehouse.path("session_features")
    text = f"""
        select p.prob
        from ml.predict (model statements.logistic, (select * from `{path}` where session_id = @session_id)),
            unnest(predicted_will_buy_on_return_visit_probs) as p
        where p.label = 1
    """  # noqa: S608 - the statement contains only our own names
    parameter = bigquery.ScalarQueryParameter("session_id", "STRING", session_id)
    config = bigquery.QueryJobConfig(query_parameters=[parameter])
    [row] = warehouse.client.query_and_wait(text, job_config=config)
    return row["prob"]


def test_every_visitor_active_in_the_window_is_scored_once_by_the_first_visit_in_the_window(models, warehouse):
    yesterday = {"day": dt.date(2017, 8, 9), "visitor_id": "1", "model_version": "2", "run_id": "20170809-0a1b2c3d"}
    warehouse.fill(
        {
            "sessions": [
                session("0001", FROM_DAY, hour=3, source=None, time_on_site=600),
                session("0001", FROM_DAY, hour=4, time_on_site=5),
                session("0001", time_on_site=5),
                session("too early", FROM_DAY - dt.timedelta(days=1)),
                session("too late", DAY + dt.timedelta(days=1)),
                session("came before and within", FROM_DAY - dt.timedelta(days=1), time_on_site=900),
                session("came before and within", time_on_site=20),
                session("staff"),
                session("staff", hour=12, is_internal=True),
            ],
            "scores": [yesterday, {**yesterday, "day": DAY, "visitor_id": "gone"}],
        }
    )
    first = scored(warehouse)
    assert first.keys() == {"0001", "came before and within"}
    assert first["0001"]["probability"] == pytest.approx(predicted(warehouse, "0001-0803"), abs=1e-9)
    assert first["came before and within"]["probability"] == pytest.approx(
        predicted(warehouse, "came before and within-1010"), abs=1e-9
    )
    assert first["0001"] == {
        "day": DAY,
        "visitor_id": "0001",
        "probability": first["0001"]["probability"],
        "decile": 1,
        "offer": first["0001"]["offer"],
        "model_version": "3",
        "run_id": "20170810-0a1b2c3d",
    }
    assert scored(warehouse) == first
    [kept] = [row for row in warehouse.rows("scores") if row["day"] != DAY]
    assert kept["model_version"] == "2"


def test_deciles_and_offers_follow_the_probability_and_limits_belong_to_the_higher_offer(models, warehouse):
    visitors = [session(f"{number:02d}", time_on_site=30 * (number - number % 2)) for number in range(20)]
    warehouse.fill({"sessions": visitors})
    rows = sorted(scored(warehouse).values(), key=lambda row: (-row["probability"], row["visitor_id"]))
    assert [row["decile"] for row in rows] == [1 + place // 2 for place in range(20)]
    assert len({row["probability"] for row in rows}) == 10
    lower, upper = rows[14]["probability"], rows[4]["probability"]
    offers = scored(warehouse, coupon_from=lower, full_price_from=upper)
    assert [offers[row["visitor_id"]]["offer"] for row in rows] == ["full_price"] * 6 + ["coupon"] * 10 + ["none"] * 4
