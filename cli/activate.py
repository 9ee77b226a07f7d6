"""`propensity activate`: send the newest audience to all destinations, or show what would be sent."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cli import terminal
from cli.errors import CommandError
from shared import destination_settings
from shared.chain.opened_runs import CustomersRun
from shared.destinations.delivery import plan_parameters
from shared.events import CustomersResolved

if TYPE_CHECKING:
    from rich.console import Console

    from shared.chain.environment import Environment

# The newest audience is searched for only among this number of runs: those with the newest data.
MOST_RUNS = 200
KINDS = ("add", "update", "outdated", "withdraw", "remove")
_CLASSES = {
    "files": "FileDestination",
    "topic": "TopicDestination",
    "google_ads": "GoogleAdsDestination",
    "meta": "MetaDestination",
    "salesforce": "SalesforceDestination",
}


def newest(environment: Environment) -> CustomersResolved:
    """Return the event `customers-resolved` of the newest audience for which this event was published.

    Raises:
        CommandError: there is no such audience, or all destinations are off.
    """
    if not destination_settings.switched_on(environment.settings):
        names = ", ".join(destination_settings.DESTINATIONS)
        raise CommandError(f"all destinations are off: set the mode of one of {names} (docs/destinations.md)")
    found: list[tuple[datetime, CustomersResolved]] = []
    for run_id in environment.runs.ids()[: -MOST_RUNS - 1 : -1]:
        opened = environment.runs.find(run_id)
        record = environment.runs.record(run_id, "resolve_customers") if isinstance(opened, CustomersRun) else None
        if opened and record and isinstance(record.event, CustomersResolved):
            found.append((opened.opened_at, record.event))
    if not found:
        raise CommandError(
            "no audience has customers yet: `propensity runs` shows whether a run of kind customers failed"
        )
    return max(found, key=lambda one: (one[1].day, one[0]))[1]


def preview(audience: CustomersResolved, environment: Environment) -> list[dict[str, Any]]:
    """Return, for each destination that is on, its mode and the number of planned changes of members by kind.

    A delivery run would plan the same changes. Here, each plan is stored under a separate run id, and then deleted.
    Nothing is sent.
    """
    return [
        {"destination": name, "mode": getattr(environment.settings, name).mode, **_planned(name, audience, environment)}
        for name in destination_settings.switched_on(environment.settings)
    ]


def _planned(name: str, audience: CustomersResolved, environment: Environment) -> dict[str, int]:
    kind = getattr(import_module(f"shared.destinations.{name}"), _CLASSES[name])
    section = getattr(environment.settings, name)
    channel = getattr(section, "channel", None) or kind.channel
    run = {"run_id": f"preview-{os.urandom(8).hex()}", "created_on": datetime.now(UTC).date()}
    parameters = plan_parameters(kind, channel, section.mode, audience.day)
    counts: Counter[str] = Counter()
    try:
        environment.query("destinations/plan", {**run, **parameters}, form=kind.form)
        for row in environment.query("destinations/batches", run):
            counts[row["kind"]] += row["members"]
    finally:
        environment.query("reset/rows_of_run", {"run_id": run["run_id"]}, table="destination_changes")
    return {one: counts[one] for one in KINDS}


def show(audience: CustomersResolved, planned: list[dict[str, Any]], out: Console) -> None:
    """Print the planned changes of all destinations."""
    table = terminal.table("destination", "mode", *KINDS, title=f"What the audience of {audience.day} would change")
    for row in planned:
        table.add_row(row["destination"], row["mode"], *(f"{row[kind]:,}" for kind in KINDS))
    out.print(table)
