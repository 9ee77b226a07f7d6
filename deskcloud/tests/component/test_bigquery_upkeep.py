"""The number of the local BigQuery's files does not grow with the number of statements."""

import time

import pytest

from desk.bigquery import PROJECT, connect
from deskcloud.bigquery.emulator import launch
from deskcloud.bigquery.gateway import app
from deskcloud.web import serving

REPLACEMENTS, STREAMED, LEFT = 45, 55, 60


@pytest.mark.slow
def test_a_table_that_is_replaced_or_streamed_into_often_leaves_few_files(tmp_path):
    with (
        launch.run(tmp_path, project=PROJECT) as running,
        serving.serve(app.create_app(running, tmp_path / "gateway", storage_url="http://127.0.0.1:9")) as url,
    ):
        client = connect(url)
        client.create_dataset("often")
        client.query_and_wait("CREATE TABLE often.streamed (n INT64)")
        for number in range(STREAMED):
            client.insert_rows_json(f"{PROJECT}.often.streamed", [{"n": number}])
        for number in range(REPLACEMENTS):
            client.query_and_wait(f"CREATE OR REPLACE TABLE often.replaced AS SELECT {number} AS n")
        deadline = time.monotonic() + 60
        # A thread of the emulator removes old files at intervals, so wait until it has done so.
        while (count := len(list((tmp_path / "data" / PROJECT).rglob("*.parquet")))) > LEFT:
            assert time.monotonic() < deadline, count
        [row] = client.query_and_wait("SELECT (SELECT n FROM often.replaced), COUNT(*), SUM(n) FROM often.streamed")
        assert tuple(row.values()) == (REPLACEMENTS - 1, STREAMED, STREAMED * (STREAMED - 1) // 2)


def test_jobs_are_listed_page_by_page(bigquery_client):
    made = {bigquery_client.query_and_wait("SELECT 1").job_id or "" for _ in range(3)}
    made |= {bigquery_client.query("SELECT 1").job_id for _ in range(5)}
    listed = [job.job_id for job in bigquery_client.list_jobs(page_size=2, max_results=40)]
    assert len(listed) == len(set(listed))
    assert made - {""} <= set(listed)
