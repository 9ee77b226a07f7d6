"""The export that the demonstration generates: its form, its rates, and the effects that a good model can learn."""

# ruff: noqa: S608 - the statements contain only constants of this file

import datetime as dt
from collections import Counter

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from demo import catalogue
from demo.generator import generate
from demo.schema import GA360
from demo.visitors import WARM_UP_DAYS, busyness

FIRST_DAY = dt.date(2026, 1, 1)
DAYS, SESSIONS = 62, 60_000


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """Return a database whose table `sessions` holds all sessions of a generated export."""
    folder = tmp_path_factory.mktemp("export")
    generate(7, FIRST_DAY, DAYS, SESSIONS, folder)
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE sessions AS SELECT * FROM read_parquet('{folder}/*.parquet')")
    return connection


def one(export, sql):
    return export.execute(sql).fetchone()[0]


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path):
    def contents(seed, name):
        files = generate(seed, FIRST_DAY, 3, 300, tmp_path / name)
        return [(file.table, file.path.read_bytes()) for file in files]

    assert contents(1, "a") == contents(1, "b")
    assert contents(1, "c") != contents(2, "d")


@settings(max_examples=15, deadline=None)
@given(days=st.integers(1, 4), sessions=st.integers(1, 120), seed=st.integers(0, 2**32))
def test_the_requested_number_of_sessions_is_generated_with_a_file_per_day(days, sessions, seed, tmp_path_factory):
    files = generate(seed, FIRST_DAY, days, sessions, tmp_path_factory.mktemp("small"))

    tables = [pq.read_table(file.path) for file in files]
    keys = {
        key
        for table in tables
        for key in zip(table["fullVisitorId"].to_pylist(), table["visitId"].to_pylist(), strict=True)
    }
    # Each session counts once: a session across midnight has two rows with the same key. If such a session begins on
    # the last day, only its first row is written.
    assert len(keys) == sessions
    assert [file.day for file in files] == [FIRST_DAY + dt.timedelta(n) for n in range(days)]
    assert [file.rows for file in files] == [table.num_rows for table in tables]
    for file, table in zip(files, tables, strict=True):
        assert file.table == f"ga_sessions_{file.day:%Y%m%d}"
        assert set(table["date"].to_pylist()) <= {f"{file.day:%Y%m%d}"}
        assert table.cast(GA360).schema == GA360


@pytest.mark.parametrize(("days", "sessions"), [(0, 10), (3, 0)])
def test_a_size_below_one_is_refused(days, sessions, tmp_path):
    with pytest.raises(ValueError, match="at least 1"):
        generate(1, FIRST_DAY, days, sessions, tmp_path)


@pytest.mark.parametrize(
    ("rate", "low", "high"),
    [
        ("avg((coalesce(totals.transactions, 0) > 0)::int)", 0.011, 0.015),
        ("avg(coalesce(totals.newVisits, 0))", 0.77, 0.81),
        ("avg(coalesce(totals.bounces, 0))", 0.46, 0.54),
        ("avg(totals.pageviews)", 3.6, 4.4),
        ("avg((totals.pageviews IS NULL)::int)", 0.0005, 0.02),
        ("avg((geoNetwork.city = 'not available in demo dataset')::int)", 0.4, 0.7),
        ("avg((fullVisitorId LIKE '0%')::int)", 0.01, 0.2),
        ("avg((device.deviceCategory = 'mobile')::int)", 0.2, 0.35),
    ],
)
def test_rates_are_near_the_public_samples(export, rate, low, high):
    assert low < one(export, f"SELECT {rate} FROM sessions") < high


def test_sessions_vary_with_the_hour_the_weekday_and_december(export):
    by_day = dict(export.execute("SELECT date, count(*) FROM sessions GROUP BY 1").fetchall())
    weekend = [n for day, n in by_day.items() if dt.date.fromisoformat(day).weekday() >= 5]
    assert np.mean(weekend) < 0.85 * np.mean(list(by_day.values()))
    by_hour = dict(export.execute("SELECT hits[1].hour, count(*) FROM sessions GROUP BY 1").fetchall())
    assert by_hour[13] > 2 * by_hour[3]
    assert busyness(dt.date(2026, 12, 11)) > 1.4 * busyness(dt.date(2026, 7, 10))


def test_a_sessions_totals_agree_with_its_hits(export):
    disagreeing = """
        SELECT count(*) FROM sessions WHERE totals.hits <> len(hits)
        OR coalesce(totals.pageviews, 0) <> len(list_filter(hits, h -> h.type = 'PAGE'))
        OR coalesce(totals.timeOnSite, 0) <> hits[-1].time // 1000
        OR coalesce(totals.transactions, 0) <> len(list_filter(hits, h -> h.eCommerceAction.action_type = '6'))
        OR coalesce(totals.transactionRevenue, 0) <> coalesce(
            list_sum(flatten(list_transform(hits, h -> list_transform(h.product, p -> coalesce(p.productRevenue, 0))))),
            0)
        OR coalesce(totals.totalTransactionRevenue, 0)
            <> coalesce(list_sum(list_transform(hits, h -> h.transaction.transactionRevenue)), 0)
        OR (totals.newVisits IS NULL) <> (visitNumber > 1)
    """
    assert one(export, disagreeing) == 0


def test_values_that_google_analytics_exports_as_null_are_not_zero(export):
    for column in ("bounces", "newVisits", "transactions", "transactionRevenue", "timeOnSite", "pageviews"):
        assert one(export, f"SELECT count(*) FROM sessions WHERE totals.{column} = 0") == 0
        assert one(export, f"SELECT count(*) FROM sessions WHERE totals.{column} IS NULL") > 0


def test_a_session_across_midnight_has_one_row_on_each_of_both_days(export):
    twice = export.execute("""
        SELECT list(date ORDER BY date), list(visitStartTime ORDER BY date), any_value(visitId), count(*),
            list(hits[1].isEntrance ORDER BY date), list(hits[-1].isExit ORDER BY date), list(totals.bounces)
        FROM sessions GROUP BY fullVisitorId, visitId HAVING count(*) > 1
    """).fetchall()
    assert len(twice) > 20
    for days, starts, visit_id, count, entrances, exits, bounces in twice:
        first, second = map(dt.date.fromisoformat, days)
        assert count == 2
        assert second - first == dt.timedelta(1)
        assert starts[0] == visit_id < starts[1]
        assert entrances == [True, None]
        assert exits == [None, True]
        assert bounces == [None, None]


def test_visits_of_a_visitor_are_numbered_in_order_of_time_and_some_numbers_begin_above_1(export):
    assert (
        one(
            export,
            """SELECT count(*) FROM (SELECT visitNumber n, lag(visitNumber) OVER w p, visitId - lag(visitId) OVER w gap
            FROM sessions WINDOW w AS (PARTITION BY fullVisitorId ORDER BY visitStartTime))
            WHERE n < p OR (n > p AND gap < 1800)""",
        )
        == 0
    )
    known = "SELECT min(visitNumber) AS first, min(date) AS day FROM sessions GROUP BY fullVisitorId"
    assert one(export, f"SELECT count(*) FROM ({known}) WHERE first > 1") > 500
    last_news = FIRST_DAY + dt.timedelta(WARM_UP_DAYS)
    assert one(export, f"SELECT count(*) FROM ({known}) WHERE first > 1 AND day < '{last_news:%Y%m%d}'") > 400


def test_staff_buy_much_and_robots_never(export):
    staff = "trafficSource.source = 'mall.googleplex.com'"
    assert (
        one(
            export,
            f"SELECT count(totals.transactions) / count(*) FROM sessions WHERE {staff}",
        )
        > 0.08
    )
    assert one(export, f"SELECT count(DISTINCT geoNetwork.city) FROM sessions WHERE {staff}") == 1
    robots = "totals.pageviews > 120"
    assert one(export, f"SELECT count(*) FROM sessions WHERE {robots}") > 10
    assert one(export, f"SELECT count(totals.transactions) FROM sessions WHERE {robots}") == 0
    assert one(export, f"SELECT max(totals.timeOnSite / totals.hits) FROM sessions WHERE {robots}") < 5


def test_the_products_of_a_bundle_are_bought_together(export):
    baskets = export.execute("""
        SELECT list_distinct(list_transform(h.product, p -> p.v2ProductName))
        FROM (SELECT unnest(hits) AS h FROM sessions) WHERE h.eCommerceAction.action_type = '6'
    """).fetchall()
    single = Counter(name for (basket,) in baskets for name in basket)
    pairs = Counter((a, b) for (basket,) in baskets for a in basket for b in basket if a != b)
    lifts = [
        pairs[a, b] * len(baskets) / (single[a] * single[b])
        for a, b, *_ in catalogue.BUNDLES
        if single[a] >= 20 and single[b] >= 20
    ]
    assert len(lifts) >= 5
    assert np.median(lifts) > 4


FEATURES = """
    WITH visits AS (
        SELECT fullVisitorId AS visitor, min(visitStartTime) AS started, min(visitNumber) AS number,
            max(coalesce(totals.transactions, 0)) > 0 AS bought,
            max(coalesce(totals.bounces, 0)) AS bounces, sum(coalesce(totals.timeOnSite, 0)) AS seconds,
            sum(coalesce(totals.pageviews, 0)) AS pageviews, sum(totals.hits) AS hits,
            max(list_max(list_transform(hits, h -> h.eCommerceAction.action_type::int))) AS deepest,
            sum(len(list_filter(hits, h -> h.eCommerceAction.action_type = '2'))) AS viewed,
            sum(len(list_filter(hits, h -> h.eCommerceAction.action_type = '3'))) AS added,
            min(hits[1].hour) AS hour, isodow(strptime(min(date), '%Y%m%d')) AS weekday,
            any_value(channelGrouping) AS channel, any_value(trafficSource.source) AS source,
            any_value(device.deviceCategory) AS device, any_value(device.browser) AS browser,
            any_value(geoNetwork.country) AS country
        FROM sessions GROUP BY fullVisitorId, visitId
    ), labelled AS (
        SELECT first.*, exists(
            FROM visits AS later WHERE later.visitor = first.visitor AND later.bought
            AND later.started > first.started AND later.started <= first.started + 14 * 86400
        ) AS label
        FROM visits AS first
        WHERE number = 1 AND started + 14 * 86400 <= (SELECT max(started) FROM visits)
    )
    SELECT * FROM labelled ORDER BY started, visitor
"""
NUMBERS = ["bounces", "seconds", "pageviews", "hits", "deepest", "viewed", "added", "hour", "weekday"]
CATEGORIES = ["channel", "source", "device", "browser", "country"]


@pytest.mark.slow
def test_a_better_model_ranks_return_buyers_better(tmp_path):
    # This export is larger than the fixture `export`. With the few hundred buyers of the fixture, the ROC AUC would be
    # too uncertain.
    generate(11, FIRST_DAY, 40, 120_000, tmp_path)
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW sessions AS SELECT * FROM read_parquet('{tmp_path}/*.parquet')")
    rows = connection.execute(FEATURES).fetchnumpy()
    label = rows["label"].astype(int)
    train = np.arange(len(label)) < 0.65 * len(label)

    numbers = np.column_stack([rows[name] for name in NUMBERS]).astype(float)
    words = np.column_stack([rows[name].astype(str) for name in CATEGORIES])
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(words[train]).transform(words)
    everything = np.hstack([StandardScaler().fit_transform(numbers), one_hot])

    def area(model, matrix):
        model.fit(matrix[train], label[train])
        return roc_auc_score(label[~train], model.predict_proba(matrix[~train])[:, 1])

    baseline = area(make_pipeline(StandardScaler(), LogisticRegression()), numbers[:, :2])
    logistic = area(LogisticRegression(max_iter=500), everything)
    trees = area(xgboost.XGBClassifier(n_estimators=20, max_depth=6, learning_rate=0.3, n_jobs=1), everything)

    assert label.mean() > 0.009
    assert 0.68 < baseline < 0.76
    assert baseline + 0.05 < logistic
    assert logistic + 0.015 < trees
    assert 0.8 < trees < 0.9
