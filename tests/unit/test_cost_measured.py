"""Measure the assumptions of the cost again, on the sessions of the demonstration."""

import datetime as dt

import pyarrow.parquet as pq
import pytest

from cli.cost.prices import assumptions
from demo import generator
from shared.chain.source import COLUMNS


def test_the_measured_assumptions_agree_with_the_demonstrations_sessions(tmp_path):
    files = generator.generate(1, dt.date(2017, 3, 1), 20, 1500, tmp_path)
    rows = [row for file in files for row in pq.read_table(file.path).to_pylist()]
    measured = assumptions().measured
    read = sum(_bytes(row, path.split(".")) for row in rows for path in COLUMNS["ga360"])
    assert read / len(rows) == pytest.approx(measured.export_bytes, rel=0.15)
    assert sum(map(_interactions, rows)) / len(rows) == pytest.approx(measured.interactions_per_session, rel=0.2)
    texts = {
        "visitor_id": "fullVisitorId",
        "source": "trafficSource.source",
        "medium": "trafficSource.medium",
        "channel": "channelGrouping",
        "device": "device.deviceCategory",
        "country": "geoNetwork.country",
    }
    for column, path in texts.items():
        mean = sum(_bytes(row, path.split(".")) - 2 for row in rows) / len(rows)
        assert mean == pytest.approx(measured.text[column], rel=0.15), column


def _bytes(value, path):
    if value is None:
        return 0
    if isinstance(value, list):
        return sum(_bytes(one, path) for one in value)
    if path:
        return _bytes(value.get(path[0]), path[1:])
    if isinstance(value, str):
        return 2 + len(value.encode())
    return 1 if isinstance(value, bool) else 8


def _interactions(row):
    return len(
        {
            (product["productSKU"], hit["eCommerceAction"]["action_type"])
            for hit in row["hits"]
            if (hit["eCommerceAction"] or {}).get("action_type") in {"2", "3", "6"}
            for product in hit["product"] or []
            if not product["isImpression"]
        }
    )
