"""Build orders, sessions, interactions, features and labels once the export's day-tables are refreshed.

On     data-refreshed       a message in any format that shared/chain/refreshes.py parses
       model-monitored      ModelMonitored(run_id, state, reasons, returned): its reasons ask for a training
       audience-published   AudiencePublished(run_id): a run has ended, and newer data may have waited
       model-rejected       ModelRejected(run_id): a run has ended, and newer data may have waited
       run-superseded       RunSuperseded(run_id): a run has ended, and newer data may have waited
Runs   sql/orders, sql/sessions, sql/interactions, sql/conversions, sql/checks, sql/features
Emits  features-built       FeaturesBuilt(run_id, as_of)
       scoring-due          ScoringDue(run_id): it is too early for another training
       run-superseded       RunSuperseded(run_id, by)
       run-failed           RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared import placeholders, push
from shared.chain import checks, current, features, refreshes, source, traffic_sites
from shared.chain.log_events import NoNewDayTable
from shared.chain.opened_runs import ExportRun
from shared.chain.refreshes import Refresh
from shared.chain.steps import Opening, Step
from shared.errors import Permanent
from shared.events import (
    AudiencePublished,
    DataRefreshed,
    FeaturesBuilt,
    ModelMonitored,
    ModelRejected,
    RunSuperseded,
    ScoringDue,
)
from shared.handler import handle
from shared.log import log
from shared.settings import PURCHASE

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

    from shared.chain.environment import Environment, StepContext
    from shared.chain.opened_runs import Reading
    from shared.push import Message
    from shared.warehouse import Parameters


@push.function
def build_features(message: Message) -> None:
    """Open or join a run, run the step, and publish the event that it returns."""
    handle(message, STEP)


def open_run(message: Message, environment: Environment, now: datetime) -> DataRefreshed | None:
    """Open a run on the current state of the export, or join the open run; return its first event.

    Return None if no run is needed: the message announces no new day-table, monitoring gives no reason for a training,
    or the export has not changed since the last run.
    """
    if message.topic == ModelMonitored.topic:
        reasons = ModelMonitored.from_json(message.body).reasons
        return current.join(Refresh().because(reasons), message, environment, now) if reasons else None
    if message.topic != DataRefreshed.topic:
        return current.join(Refresh(), message, environment, now)
    refresh = refreshes.parse(message.body, refreshes.Export.of(environment.settings))
    if refresh is None:
        log(NoNewDayTable(message.id))
        return None
    return current.join(refresh, message, environment, now)


def step(event: DataRefreshed, context: StepContext) -> FeaturesBuilt | ScoringDue | RunSuperseded:
    """Replace the partitions that depend on the changed days. Running the step twice gives the same result as once."""
    try:
        build(event, context)
    except current.Overtaken as newer:
        return RunSuperseded(event.run_id, newer.by)
    trains = context.run_as(ExportRun).trains
    return FeaturesBuilt(event.run_id, event.as_of) if trains else ScoringDue(event.run_id)


def build(event: DataRefreshed, context: StepContext) -> None:
    """Fill the tables that runs share, while the run holds the claim.

    Raises:
        Overtaken: a newer run holds the claim.
        Permanent: the data cannot be used.
    """
    current.require(context)
    reading = context.run_as(ExportRun)
    if reading.problem:
        raise Permanent(reading.problem)
    changed = list(reading.changed)
    if changed:
        columns = checks.require_columns(context)
        fill_orders(changed, context)
        fill_sessions(changed, list(reading.days), columns, context)
        fill_conversions(changed, context)
    checks.run(event.as_of, changed, context)
    if changed:
        first_visits = features.parameters(reading.first_touched, event.as_of, context.settings)
        write("features/visitor_features", first_visits, context)
        remember(reading, context)


def fill_orders(changed: list[date], context: StepContext) -> None:
    """Replace the changed days' reports of orders, then recompute all orders from the reports of all days."""
    settings = context.settings
    for days in source.chunks(changed):
        parameters = {**of_tables(days, days), "no_ids": placeholders.NO_IDS}
        write(f"orders/reports_from_{settings.source.kind}", parameters, context, source=settings.source_dataset)
    write("orders/orders", {}, context)


def fill_sessions(changed: list[date], existing: list[date], columns: Collection[str], context: StepContext) -> None:
    """Replace the sessions of the changed days and their neighbours, and these sessions' interactions with products.

    Then update the orders of all sessions from the first of these days on. If an order has moved to an earlier session,
    this removes the order from the later session, whose day may not have changed.
    """
    settings = context.settings
    kind, dataset = settings.source.kind, settings.source_dataset
    optional = source.optional_columns(kind, columns)
    rebuilt = source.days_to_rebuild(changed, existing)
    for days in source.chunks(rebuilt):
        tables = of_tables(days, source.days_to_rebuild(days, existing)) | {"placeholders": placeholders.PLACEHOLDERS}
        visits = {
            **tables,
            "internal_sources": list(settings.source.internal_sources),
            "max_hits": settings.source.max_hits,
            "time_zone": settings.source.time_zone,
            **(traffic_sites.PARAMETERS if kind == "ga4" else {}),
        }
        write(f"sessions/from_{kind}", visits, context, source=dataset, **optional)
        products = {**tables, "no_ids": placeholders.NO_IDS}
        write(f"interactions/from_{kind}", products, context, source=dataset)
    for table in ("sessions", "interactions"):
        write(f"orders/{table}", {"first_day": rebuilt[0]}, context)


def fill_conversions(changed: list[date], context: StepContext) -> None:
    """Replace the rows of `conversions`.

    If the label is a purchase, all rows are replaced, and each order becomes a row. Otherwise the rows of the changed
    days are replaced, and each event that `label.event` names becomes a row.
    """
    settings = context.settings
    least = {"min_revenue": settings.label.min_revenue}
    if settings.label.event == PURCHASE:
        write("conversions/from_orders", least, context)
        return
    for days in source.chunks(changed):
        parameters = {**of_tables(days, days), **least, "label_event": settings.label.event}
        write(f"conversions/from_{settings.source.kind}", parameters, context, source=settings.source_dataset)


def of_tables(days: list[date], read: list[date]) -> dict[str, Any]:
    """Return the parameters of a statement that replaces the partitions `days` from the day-tables of `read`."""
    suffixes = [f"{day:%Y%m%d}" for day in read]
    return {"days": days, "suffixes": suffixes, "first_suffix": suffixes[0], "last_suffix": suffixes[-1]}


def remember(reading: Reading, context: StepContext) -> None:
    """Record the state of the changed day-tables, so that the next run does not read them again.

    This write is the step's last. If the step fails before, the next run reads these day-tables again.
    """
    parameters = {
        "days": list(reading.changed),
        "row_counts": [table.row_count for table in reading.changed.values()],
        "last_modified": [table.last_modified for table in reading.changed.values()],
    }
    write("source/remember_days", parameters, context)


def write(name: str, parameters: Parameters, context: StepContext, **identifiers: str) -> None:
    """Renew the claim, then run a statement that writes to tables that several runs share.

    Raises:
        Overtaken: a newer run holds the claim.
    """
    current.require(context)
    context.warehouse.query(name, parameters, **identifiers)


STEP = Step(
    "build_features",
    step,
    opening=Opening(
        DataRefreshed,
        (
            DataRefreshed.topic,
            ModelMonitored.topic,
            AudiencePublished.topic,
            ModelRejected.topic,
            RunSuperseded.topic,
        ),
        open_run,
    ),
)
