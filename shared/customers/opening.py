"""Open the runs that find the customers of an audience.

Such a run is opened for a new audience, and again for the newest audience after suppressions or consents have changed.

runs/customers.json   The run of the newest audience. Replaced only if its generation is still the one that was read
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from shared.chain import run_ids
from shared.chain.guarded import Guarded
from shared.chain.opened_runs import CustomersRun
from shared.events import AudiencePublished, CustomersDue

if TYPE_CHECKING:
    from shared.chain.environment import Environment

STEP = "resolve_customers"
# The tables that decide which customers may be reached.
TABLES = ("campaign_suppressions", "consents", "suppressions")
# Maximum difference between BigQuery's clock and the function's clock. So a change that seems to be older than a run,
# but by at most this time, may be newer. It counts as newer.
CLOCKS = timedelta(minutes=1)


class Newest(Struct, frozen=True):
    """The run that has found or is finding the customers of the newest audience."""

    run_id: str
    opened_at: datetime
    day: date
    audience_run: str


def for_audience(audience: AudiencePublished, environment: Environment, now: datetime) -> CustomersDue:
    """Open the run of a published audience, unless it is open already, and return its first event."""
    run_id = run_ids.of_customers(audience.day, audience.run_id)
    return _opened(Newest(run_id, now, audience.day, audience.run_id), environment)


def after_change(environment: Environment, now: datetime) -> CustomersDue | None:
    """Open a run that finds the customers of the newest audience again, and return its first event.

    Return None if there is no earlier run, or if the latest run has not ended. Also return None if no suppression and
    no consent has changed since the latest run was opened. So several changes between two scheduled messages open one
    run.
    """
    standing, _ = newest(environment).read()
    if standing is None or not _has_ended(standing.run_id, environment):
        return None
    changed_at = _changed_at(environment)
    if changed_at < standing.opened_at - CLOCKS:
        return None
    run_id = run_ids.of_customers_again(standing.day, standing.audience_run, changed_at)
    if run_id == standing.run_id:
        return None
    return _opened(Newest(run_id, now, standing.day, standing.audience_run), environment)


def _opened(fresh: Newest, environment: Environment) -> CustomersDue:
    due = CustomersDue(fresh.run_id)
    environment.runs.open(
        CustomersRun(opened_at=fresh.opened_at, event=due, as_of=fresh.day, audience_run=fresh.audience_run)
    )
    # An earlier delivery of the message may have opened the run long ago. So take the opening time from the ledger.
    fresh = structs.replace(fresh, opened_at=environment.runs.opened(fresh.run_id).run.opened_at)
    document = newest(environment)
    while True:
        standing, generation = document.read()
        if standing and (standing.day, standing.opened_at) >= (fresh.day, fresh.opened_at):
            return due
        if document.replace(fresh, generation):
            return due


def newest(environment: Environment) -> Guarded[Newest]:
    """Return the document that names the newest run of resolve_customers. This run belongs to the newest audience."""
    return Guarded("runs/customers.json", Newest, environment)


def _changed_at(environment: Environment) -> datetime:
    """Return when one of TABLES has last changed. The query reads no rows, so it costs nothing."""
    client, dataset = environment.bigquery, environment.settings.dataset
    tables = [client.get_table(f"{client.project}.{dataset}.{name}") for name in TABLES]
    changed: list[datetime] = [table.modified for table in tables if table.modified]
    return max(changed)


def _has_ended(run_id: str, environment: Environment) -> bool:
    runs = environment.runs
    return runs.record(run_id, STEP) is not None or any(one.is_permanent for one in runs.failures(run_id))
