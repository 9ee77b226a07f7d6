"""A log sink writes entries to BigQuery in batches and in the background, so the code that logs does not wait."""

import json
import logging as python_logging
import threading

import pytest
from google.cloud import bigquery
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from cli import declarations, local_cloud
from desk.bigquery import PROJECT, connect
from deskcloud import logs, provisioning
from deskcloud.web import serving

DATASET = "log_tables"
TABLE = "run_googleapis_com_stdout"
DEADLINE = 60


@pytest.fixture(scope="module")
def client(bigquery_url):
    wanted = [table for table in declarations.read().tables if table.name in {TABLE, "online_predictions"}]
    provisioning.make_datasets(PROJECT, (local_cloud.dataset(PROJECT, DATASET, wanted),), bigquery_url)
    return connect(bigquery_url)


def unexpected(*_):
    pytest.fail("nothing is for Pub/Sub")


def router(folder, tables):
    declared = declarations.read().sinks["online-predictions"]
    sink = logs.Sink("online-predictions", declared.filter, dataset=f"{PROJECT}.{DATASET}")
    return logs.Router(folder, [sink], unexpected, tables=tables)


def entry(request_id, **prediction):
    line = {"severity": "INFO", "event": "checkout_scored", "prediction": {"request_id": request_id, **prediction}}
    return logs.entry_from_line(json.dumps(line), "score-checkout", PROJECT)


def found(client, prefix):
    statement = f"select * from {DATASET}.online_predictions where starts_with(request_id, @prefix) order by request_id"  # noqa: S608
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("prefix", "STRING", prefix)])
    return [dict(row) for row in client.query_and_wait(statement, job_config=config)]


def test_entries_that_match_the_sinks_filter_are_written_at_the_latest_at_the_end(client, bigquery_url, tmp_path):
    tables = logs.Tables()
    log = router(tmp_path, tables)
    log.write([entry("late-1", probability=0.25, decile=3, features={"hits": 7}, unknown="x")])
    with tables.delivered(bigquery_url, PROJECT):
        log.write([entry("late-2", probability=1), {"logName": "projects/p/logs/x", "textPayload": "no prediction"}])
        log.write([logs.entry_from_line('{"event": "checkout_scored"}', "score-checkout", PROJECT)])
    first, second = found(client, "late-")
    assert (first["probability"], first["decile"], first["features"]["hits"]) == (0.25, 3, 7)
    assert (second["probability"], second["decile"], second["next_products"]) == (1.0, None, [])


def test_repeated_log_lines_of_on_checkout_are_one_row_but_those_of_score_checkout_are_two(
    client, bigquery_url, tmp_path
):
    tables = logs.Tables()
    with tables.delivered(bigquery_url, PROJECT):
        log = router(tmp_path, tables)
        log.write([entry("again-1", source="on_checkout", probability=0.25) for _ in range(3)])
        log.write([entry("again-2", source="score_checkout", probability=0.5) for _ in range(2)])
    assert [row["probability"] for row in found(client, "again-")] == [0.25, 0.5, 0.5]


class Failing:
    """A fake of BigQuery that refuses the first insert of rows."""

    def __init__(self):
        self.rows = []
        self.refusals = 1
        self.has_taken = threading.Event()
        self.app = Starlette(routes=[Route("/{path:path}", self.insert, methods=["POST"])])

    async def insert(self, request):
        if self.refusals:
            self.refusals -= 1
            return JSONResponse({"error": {"code": 503, "message": "not now"}}, 503)
        self.rows += (await request.json())["rows"]
        self.has_taken.set()
        return JSONResponse({})


def test_rows_that_bigquery_refuses_are_kept_for_later_and_nobody_waits(tmp_path, caplog):
    failing, tables = Failing(), logs.Tables()
    log = router(tmp_path, tables)
    with serving.serve(failing.app) as url, tables.delivered(url, PROJECT), caplog.at_level(python_logging.WARNING):
        log.write([entry(f"kept-{number}") for number in range(3)])
        assert failing.has_taken.wait(DEADLINE)
    assert [row["json"]["jsonPayload"]["prediction"]["request_id"] for row in failing.rows] == [
        "kept-0",
        "kept-1",
        "kept-2",
    ]
    assert "3 log entries wait" in caplog.text
    assert len({row["insertId"] for row in failing.rows}) == 3


def test_the_error_about_a_missing_table_names_it(bigquery_url, client, tmp_path, caplog):
    tables = logs.Tables()
    log = router(tmp_path, tables)
    with tables.delivered(bigquery_url, PROJECT):
        log.write([entry("lost") | {"logName": "projects/p/logs/run.googleapis.com%2Fstdout%2Fother"}])
    assert "stdout_other does not exist" in caplog.text
