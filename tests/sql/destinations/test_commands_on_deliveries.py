"""Commands that show which changes a delivery would send, that send them, or that remove members."""

import datetime as dt
from types import SimpleNamespace

import pytest
from google.cloud import storage as gcs

from cli import activate, resetting
from cli.errors import CommandError
from functions import send_to_files
from shared.chain.environment import Environment, StepContext
from shared.chain.opened_runs import CustomersRun
from shared.chain.runs import Record
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
    warehouse.filled.update(("destination_changes", "destination_members", "sends"))
    yield environment
    for blob in environment.bucket.list_blobs():
        blob.delete()


def resolve(environment):
    """Record a run that has resolved the day's customers and is finished. Return the last event of this run."""
    run_id = "20170801-00000000"
    resolved = CustomersResolved(run_id, DAY, 1)
    environment.runs.open(CustomersRun(NOW, CustomersDue(run_id), DAY, "20170801-ffffffff"))
    environment.runs.finish(run_id, Record("resolve_customers", resolved, NOW, NOW, 0.0))
    return resolved


def deliver(environment, resolved):
    """Deliver the audience to the destination `files`, and return the first event of the delivery run."""
    message = SimpleNamespace(topic=resolved.topic, body=resolved.to_json())
    due = send_to_files.STEP.event(message, environment, NOW)
    context = StepContext(environment, due.run_id, send_to_files.STEP.name, NOW, Deadline(60))
    assert isinstance(send_to_files.STEP.run(due, context), MembersDelivered)
    return due


@pytest.mark.slow
def test_a_dry_run_shows_what_would_be_sent_and_leaves_nothing(warehouse, environment):
    warehouse.fill({"customers": customers("a", "b", "c"), "audience_customers": audience("a", "b")})
    resolved = resolve(environment)
    assert activate.newest(environment) == resolved
    nothing = {"update": 0, "outdated": 0, "withdraw": 0, "remove": 0}
    assert activate.preview(resolved, environment) == [{"destination": "files", "mode": "replace", "add": 2, **nothing}]
    warehouse.known.clear()
    assert warehouse.rows("destination_changes") == warehouse.rows("destination_members") == []

    deliver(environment, resolved)
    assert activate.preview(resolved, environment) == [{"destination": "files", "mode": "replace", "add": 0, **nothing}]


def test_without_an_audience_or_with_all_destinations_off_there_is_nothing_to_send(environment):
    with pytest.raises(CommandError, match="no audience has customers yet"):
        activate.newest(environment)
    environment.settings = Settings(project="shop-project", bucket=environment.settings.bucket)
    with pytest.raises(CommandError, match="all destinations are off: set the mode of one of files, topic"):
        activate.newest(environment)


@pytest.mark.slow
def test_after_a_reset_no_scheduled_message_continues_the_run_and_the_member_ledger_is_kept(warehouse, environment):
    warehouse.fill({"customers": customers("a"), "audience_customers": audience("a")})
    due = deliver(environment, resolve(environment))
    removal = resetting.plan(environment, due.run_id)
    assert "the claim of the run that sends to files" in removal.lines
    assert "1 files with members of the audience" in removal.lines
    removal.carry_out()
    assert not any(blob.name.startswith("deliveries/") for blob in environment.bucket.list_blobs())
    assert send_to_files.STEP.event(TICK, environment, NOW) is None
    warehouse.known.clear()
    assert [row["customer_id"] for row in warehouse.rows("destination_members")] == ["a"]
