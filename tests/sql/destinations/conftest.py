"""The fixture for tests about destinations: a delivery function that uses the tests' warehouse.

A test module chooses the function's destination with a fixture `platform`.
"""

from types import SimpleNamespace

import pytest
from google.cloud import storage as gcs

from shared.chain.environment import Environment
from shared.destinations.step import step_of
from shared.settings import Settings


@pytest.fixture
def world(warehouse, platform):
    document = {"files": {"mode": "replace"}}
    found = warehouse.settings
    settings = Settings.from_document(
        {"project": found.project, "bucket": found.bucket, "dataset": found.dataset, **document}
    )
    environment = Environment(settings)
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(settings.project)
    warehouse.filled.update(("destination_changes", "destination_members", "sends"))
    step = step_of("send_to_platform", platform.name, lambda _: platform)
    yield SimpleNamespace(environment=environment, warehouse=warehouse, step=step)
    for blob in environment.bucket.list_blobs():
        blob.delete()
