"""The features that are computed online for a visit equal those that SQL computes.

In SQL, the statement "sessions/from_ga360" and the view session_features compute them.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import msgspec
import one_day
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo import generator
from shared.online import sessions
from shared.online.contract import Features, Session
from shared.placeholders import PLACEHOLDERS

DAY = dt.date(2017, 8, 1)
ZONE = ZoneInfo("America/Los_Angeles")
TABLE = f"ga_sessions_{DAY:%Y%m%d}"
PARAMETERS = one_day.parameters(DAY, str(ZONE))
FEATURES = Features.__struct_fields__


def in_sql(warehouse, rows):
    warehouse.fill({TABLE: rows})
    source = f"{warehouse.client.project}.analytics"
    warehouse.run("sessions/from_ga360", PARAMETERS, source=source, ga360_user_id="userId")
    names = ", ".join(FEATURES)
    view = f"{warehouse.settings.dataset}.session_features"
    found = warehouse.client.query_and_wait(f"select session_id, {names} from {view}")  # noqa: S608 - the statement contains only our own names
    warehouse.clean()
    return {row["session_id"]: {name: row[name] for name in FEATURES} for row in found}


def picked(record, *names):
    return None if record is None else {name: record.get(name) for name in names}


def online(row):
    """Convert an exported row to the request that a shop would send. Return the features that the contract computes."""
    hits = [
        {
            **picked(hit, "type", "time", "hour", "isInteraction"),
            "eCommerceAction": picked(hit["eCommerceAction"], "action_type"),
            "product": hit["product"] and [picked(one, "productSKU", "isImpression") for one in hit["product"]],
        }
        for hit in row["hits"]
    ]
    visit = {
        **picked(row, "visitStartTime", "channelGrouping"),
        "day": DAY.isoformat(),
        "trafficSource": picked(row["trafficSource"], "source", "medium"),
        "device": picked(row["device"], "deviceCategory"),
        "geoNetwork": picked(row["geoNetwork"], "country"),
        "hits": hits,
    }
    return sessions.features(msgspec.convert({"visit": visit}, Session), ZONE)


@pytest.mark.slow
def test_generated_sessions_have_the_same_features_in_sql_and_online(whole_warehouse, tmp_path):
    [day_file] = generator.generate(3, DAY, 1, 400, tmp_path)
    # Leave out sessions that continue after midnight, because the day's table has only a part of their hits.
    rows = [row for row in pq.read_table(day_file.path).to_pylist() if row["hits"][-1]["isExit"]]
    expected = in_sql(whole_warehouse, rows)
    assert len(expected) == len(rows) > 300
    assert {f"{row['fullVisitorId']}-{row['visitId']}": online(row) for row in rows} == expected


categories = st.none() | st.sampled_from([*PLACEHOLDERS, "google", "missing", "MÜNCHEN", " google"])
skus = st.none() | st.sampled_from(["A", "B", "(not set)", ""])
product = st.fixed_dictionaries({"productSKU": skus, "isImpression": st.none() | st.booleans()})
products = st.none() | st.lists(product, max_size=3)
hits = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["PAGE", "EVENT"]),
            "time": st.integers(0, 10**7),
            "hour": st.none() | st.integers(0, 23),
            "isInteraction": st.none() | st.booleans(),
            "eCommerceAction": st.none()
            | st.fixed_dictionaries({"action_type": st.none() | st.sampled_from("012345678")}),
            "product": products,
        }
    ),
    max_size=6,
)
visits = st.fixed_dictionaries(
    {
        "visitStartTime": st.integers(1_501_545_600, 1_501_631_999),
        "channelGrouping": categories,
        "trafficSource": st.none() | st.fixed_dictionaries({"source": categories, "medium": categories}),
        "device": st.none() | st.fixed_dictionaries({"deviceCategory": categories}),
        "geoNetwork": st.none() | st.fixed_dictionaries({"country": categories}),
        "hits": hits.map(lambda some: sorted(some, key=lambda hit: hit["time"])),
    }
)


def exported(number, visit):
    """Return the row that Google Analytics would export for a visit, with the totals of the session."""
    times = [hit["time"] for hit in visit["hits"]] or [0]
    totals = {
        "visits": 1,
        "hits": len(visit["hits"]),
        "pageviews": sum(hit["type"] == "PAGE" for hit in visit["hits"]) or None,
        "timeOnSite": (times[-1] - times[0]) // 1000 or None,
        "bounces": 1 if sum(hit["isInteraction"] is not False for hit in visit["hits"]) == 1 else None,
    }
    return {"fullVisitorId": "1", "visitId": number, "date": f"{DAY:%Y%m%d}", "totals": totals, **visit}


@pytest.mark.slow
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(visits, min_size=40, max_size=40))
def test_odd_sessions_have_the_same_features_in_sql_and_online(whole_warehouse, odd):
    rows = [exported(number, visit) for number, visit in enumerate(odd)]
    assert {f"1-{row['visitId']}": online(row) for row in rows} == in_sql(whole_warehouse, rows)
