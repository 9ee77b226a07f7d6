"""Finished BigQuery jobs become log entries in Cloud Logging, and a sink of Cloud Logging can publish these entries."""

import json
import threading

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from desk.bigquery import connect
from deskcloud import logs as logging
from deskcloud.bigquery.gateway import app
from deskcloud.web import serving

FILTER = """resource.type="bigquery_project"
protoPayload.serviceName="bigquery.googleapis.com"
protoPayload.metadata.jobChange.after="DONE"
protoPayload.metadata.jobChange.job.jobConfig.labels.pipeline="propensity"
"""
TRAINING = f'{FILTER}protoPayload.metadata.jobChange.job.jobConfig.queryConfig.statementType="CREATE_MODEL"'
ROWS = "SELECT x, MOD(x, 2) AS label FROM UNNEST(GENERATE_ARRAY(1, 50)) AS x"


class Told:
    """Records the BigQuery jobs in the messages that a log sink has published."""

    def __init__(self):
        self.jobs = []
        self._changed = threading.Condition()

    def publish(self, topic, messages):
        with self._changed:
            for message in messages:
                self.jobs.append(json.loads(message.data)["protoPayload"]["metadata"]["jobChange"]["job"])
            self._changed.notify_all()

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.jobs) >= count, timeout=30), self.jobs
        return {job["jobName"].rpartition("/")[2]: job for job in self.jobs}


@pytest.fixture
def log(tmp_path):
    """Return a function that starts a Cloud Logging with one sink. The sink publishes the jobs that match a filter."""

    def log(told, filter_text):
        sink = logging.Sink("jobs", filter_text, "projects/p/topics/jobs")
        return logging.create_app(logging.Router(tmp_path / "log", [sink], told.publish))

    return log


def run(client, text, job_id, **labels):
    config = bigquery.QueryJobConfig(labels=labels)
    client.query(text, job_config=config, job_id=job_id, job_retry=None).result()


def create(name):
    return f"CREATE OR REPLACE MODEL audited.{name} OPTIONS(model_type='LOGISTIC_REG') AS {ROWS}"


def test_a_finished_or_failed_training_with_the_label_is_published(bigquery_emulator, bigquery_client, tmp_path, log):
    told = Told()
    bigquery_client.create_dataset("audited", exists_ok=True)
    with (
        serving.serve(log(told, TRAINING)) as logging_url,
        serving.serve(app.create_app(bigquery_emulator, tmp_path, logging_url=logging_url)) as url,
    ):
        client = connect(url)
        run(client, create("m"), "audit-other", pipeline="another")
        run(client, create("m"), "audit-good", pipeline="propensity", run_id="r1")
        with pytest.raises(exceptions.BadRequest):
            run(client, create("n").replace("MOD(x, 2)", "1"), "audit-bad", pipeline="propensity")
        jobs = told.wait_for(2)
    assert set(jobs) == {"audit-good", "audit-bad"}
    good, bad = jobs["audit-good"], jobs["audit-bad"]
    assert good["jobConfig"]["labels"] == {"pipeline": "propensity", "run_id": "r1"}
    assert good["jobConfig"]["queryConfig"]["destinationTable"].endswith("/datasets/audited/tables/m")
    assert good["jobStatus"] == {"jobState": "DONE"}
    assert bad["jobStatus"]["errorResult"]["code"] == 3
    assert "one value" in bad["jobStatus"]["errorResult"]["message"]


def test_a_job_with_the_label_that_trains_nothing_is_published_too(bigquery_emulator, tmp_path, log):
    told = Told()
    with (
        serving.serve(log(told, FILTER)) as logging_url,
        serving.serve(app.create_app(bigquery_emulator, tmp_path, logging_url=logging_url)) as url,
    ):
        run(connect(url), "SELECT 1", "audit-plain", pipeline="propensity")
        jobs = told.wait_for(1)
    assert jobs["audit-plain"]["jobConfig"]["queryConfig"]["statementType"] == "SELECT"


def test_entries_wait_until_the_log_is_up_again_and_are_published_once(
    bigquery_emulator, bigquery_client, tmp_path, log
):
    told = Told()
    bigquery_client.create_dataset("audited", exists_ok=True)
    with serving.serve(log(told, FILTER)) as logging_url:
        port = int(logging_url.rpartition(":")[2])

    def serve_gateway():
        return serving.serve(app.create_app(bigquery_emulator, tmp_path, logging_url=logging_url))

    with serve_gateway() as url:
        run(connect(url), create("w"), "audit-waits", pipeline="propensity")
    with serve_gateway() as url, serving.serve(log(told, FILTER), port):
        told.wait_for(1)
        run(connect(url), create("w"), "audit-next", pipeline="propensity")
        told.wait_for(2)
    assert [job["jobName"].rpartition("/")[2] for job in told.jobs] == ["audit-waits", "audit-next"]
