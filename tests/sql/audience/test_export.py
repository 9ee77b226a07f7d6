"""How the audience is exported to files."""

import csv
import io
from datetime import date

import pytest
from google.cloud import storage as gcs

pytestmark = pytest.mark.slow

ROW = {"model_version": "3", "run_id": "20170801-0a1b2c3d", "offer": "coupon", "probability": 0.75}


def test_the_audience_is_exported_as_csv_with_a_header_and_ids_keep_leading_zeros(warehouse):
    today, yesterday = date(2017, 8, 1), date(2017, 7, 31)
    warehouse.fill(
        {
            "audience": [
                {**ROW, "day": today, "visitor_id": "0021", "decile": 2, "next_products": ["a b", "c"]},
                {**ROW, "day": today, "visitor_id": "0019", "decile": 1, "offer": "full_price", "expected_value": 1.5},
                {**ROW, "day": yesterday, "visitor_id": "0001", "decile": 1},
            ]
        }
    )
    bucket = gcs.Client(warehouse.client.project).bucket(warehouse.settings.bucket)
    for _ in range(2):
        uri = f"gs://{bucket.name}/runs/20170801-0a1b2c3d/audience/audience-*.csv"
        warehouse.run("audience/export", {"day": today}, uri=uri)
        [blob] = bucket.list_blobs(prefix="runs/20170801-0a1b2c3d/audience/")
        assert list(csv.DictReader(io.StringIO(blob.download_as_text()))) == [
            {
                "visitor_id": "0019",
                "probability": "0.75",
                "decile": "1",
                "offer": "full_price",
                "model_version": "3",
                "next_products": "",
                "expected_value": "1.5",
            },
            {
                "visitor_id": "0021",
                "probability": "0.75",
                "decile": "2",
                "offer": "coupon",
                "model_version": "3",
                "next_products": "a b|c",
                "expected_value": "",
            },
        ]
