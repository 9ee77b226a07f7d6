"""One dataset for all statements, emptied after each test."""

import pytest
from google.cloud import storage as gcs

pytest.register_assert_rewrite("cases", "twice", "warehouse")

from learning import RUN, training_rows  # noqa: E402 - imported after register_assert_rewrite, like the next module
from warehouse import Warehouse  # noqa: E402 - must be imported after register_assert_rewrite

from shared.settings import CANDIDATES  # noqa: E402 - imported after register_assert_rewrite, like the modules above


@pytest.fixture(scope="session")
def whole_warehouse(bigquery_client, storage):
    bucket = gcs.Client(bigquery_client.project).create_bucket("statements")
    return Warehouse.create(bigquery_client, "statements", bucket.name)


@pytest.fixture
def warehouse(whole_warehouse):
    yield whole_warehouse
    whole_warehouse.clean()


@pytest.fixture(scope="session")
def models(whole_warehouse):
    """Train each candidate with its own statement, all on the same rows.

    The training rows are then deleted, but the models remain.
    """
    whole_warehouse.fill({"training_rows": training_rows()})
    for candidate in CANDIDATES:
        whole_warehouse.run(f"models/{candidate}", RUN, model=candidate)
    whole_warehouse.clean()
    return CANDIDATES
