"""What a reset removes of deliveries, and what it keeps."""

import datetime as dt
from types import SimpleNamespace

import pytest
from google.cloud import storage as gcs

from cli import resetting
from functions import send_to_files
from shared.chain.documents import CustomersRun
from shared.chain.environment import Environment, StepContext
from shared.deadline import Deadline
from shared.events import CustomersDue, CustomersResolved, MembersDelivered, MembersDue
from shared.settings import Settings
from sql.destinations.test_plan import audience, customers

DAY = dt.date(2017, 8, 1)
NOW = dt.datetime.now(dt.UTC)
TICK = SimpleNamespace(topic=MembersDue.topic, body={})


@pytest.fixture
def environment(warehouse):
    found = warehouse.settings
    document = {"project": found.project, "bucket": found.bucket, "dataset": found.dataset}
    environment = Environment(Settings.from_document({**document, "files": {"mode": "replace"}}))
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(found.project)
    environment.__dict__["registry"] = SimpleNamespace(champion=lambda: None, versions=list)
    warehouse.filled.update(("destination_changes", "destination_members"))
    yield environment
    for blob in environment.bucket.list_blobs():
        blob.delete()


def test_after_a_reset_no_tick_looks_for_the_removed_run_and_the_member_ledger_stays(warehouse, environment):
    warehouse.fill({"customers": customers("a"), "audience_customers": audience("a")})
    environment.runs.open(CustomersRun(NOW, CustomersDue("20170801-00000000"), DAY, "20170801-ffffffff"))
    resolved = CustomersResolved("20170801-00000000", DAY, 1)
    message = SimpleNamespace(topic=resolved.topic, body=resolved.to_json())
    due = send_to_files.STEP.event(message, environment, NOW)
    context = StepContext(environment, due.run_id, send_to_files.STEP.name, NOW, Deadline(60))
    assert isinstance(send_to_files.STEP.run(due, context), MembersDelivered)

    removal = resetting.plan(environment, due.run_id)
    assert "the claim of the run that sends to files" in removal.lines
    assert "1 files with members of the audience" in removal.lines
    removal.carry_out()
    assert not any(blob.name.startswith("deliveries/") for blob in environment.bucket.list_blobs())
    assert send_to_files.STEP.event(TICK, environment, NOW) is None
    warehouse.known.clear()
    assert [row["customer_id"] for row in warehouse.rows("destination_members")] == ["a"]
