"""Publish the day's audience as a table and as CSV files in the bucket, and announce the audience by an event.

On     visitors-scored      VisitorsScored(run_id, day, version)
Runs   sql/audience
Emits  audience-published   AudiencePublished(run_id, day, manifest, members)
       run-failed           RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import push
from shared.chain.documents import AUDIENCE, Audience
from shared.chain.steps import Step
from shared.events import AudiencePublished, VisitorsScored
from shared.handler import handle
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared.chain.environment import StepContext
    from shared.push import Message

# The mean revenue of an order is computed from the orders of this many days, up to the audience's day.
ORDERS_DAYS = 365


@push.function
def publish_audience(message: Message) -> None:
    """Run the step on the message's event and publish the event that it returns."""
    handle(message, STEP)


def step(event: VisitorsScored, context: StepContext) -> AudiencePublished:
    """Replace the day's audience, export it, and write the manifest last, after all files exist."""
    chosen = {"day": event.day, "max_decile": context.settings.audience.max_decile}
    first_day = event.day - timedelta(days=ORDERS_DAYS - 1)
    context.warehouse.query("audience/audience", {**chosen, "first_day": first_day})
    folder = "audience/"
    uri = context.runs.uri(event.run_id, f"{folder}audience-*.csv")
    _, [summary] = context.warehouse.query_all(
        [Statement("audience/export", {"day": event.day}, {"uri": uri}), Statement("audience/summary", chosen)]
    )
    files = context.runs.files(event.run_id, folder)
    manifest = msgspec.convert({"day": event.day, "files": files, **summary}, Audience)
    context.runs.write(event.run_id, AUDIENCE, manifest)
    uri = context.runs.uri(event.run_id, f"{AUDIENCE.name}.json")
    return AudiencePublished(event.run_id, event.day, uri, manifest.members)


STEP = Step("publish_audience", step)
