"""The fixture for tests about customers: a world with the clients that the functions use."""

from types import SimpleNamespace

import pytest
from google.cloud import storage as gcs

from shared.chain.environment import Environment
from shared.settings import Settings


@pytest.fixture
def world(warehouse):
    found = warehouse.settings
    campaign = {"salt": "s", "control_share": 0.2, "holdout_share": 0.1}
    settings = Settings.from_document(
        {"project": found.project, "bucket": found.bucket, "dataset": found.dataset, "campaign": campaign}
    )
    environment = Environment(settings)
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(settings.project)
    written = "customers refused_customers customer_visitors audience_customers exclusions assignments"
    warehouse.filled.update(written.split())
    yield SimpleNamespace(warehouse=warehouse, environment=environment)
    for blob in environment.bucket.list_blobs():
        blob.delete()
