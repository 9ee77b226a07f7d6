"""If several requests with the same job id come at once, exactly one creates the job.

Parallel deliveries of a message to the chain's functions rely on this.
"""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core.exceptions import Conflict
from google.cloud import bigquery


@pytest.mark.parametrize("labels", [{}, {"run_id": "r"}])
def test_of_concurrent_requests_with_one_job_id_only_one_creates_the_job(bigquery_client, labels):
    def ask(job_id):
        config = bigquery.QueryJobConfig(labels=labels)
        try:
            bigquery_client.query("select 1", job_id=job_id, job_config=config, job_retry=None)
        except Conflict:
            return "told"
        return "made"

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            job_id = str(uuid.uuid4())
            assert sorted(pool.map(ask, [job_id] * 4)) == ["made", "told", "told", "told"]
            assert [row[0] for row in bigquery_client.get_job(job_id).result()] == [1]
