"""One dataset for all statements, emptied after each test."""

import pytest
from google.cloud import storage as gcs

pytest.register_assert_rewrite("cases", "warehouse")

from warehouse import Warehouse  # noqa: E402 - once its assertions are rewritten


@pytest.fixture(scope="session")
def whole_warehouse(bigquery_client, storage):
    bucket = gcs.Client(bigquery_client.project).create_bucket("statements")
    return Warehouse.create(bigquery_client, "statements", bucket.name)


@pytest.fixture
def warehouse(whole_warehouse):
    yield whole_warehouse
    whole_warehouse.clean()
