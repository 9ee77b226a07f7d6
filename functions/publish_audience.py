"""Publish the day's audience as a table, as CSV in the bucket, and as an event for whoever sends it on.

On     visitors-scored      VisitorsScored(run_id, day, version)
Runs   sql/audience
Emits  audience-published   AudiencePublished(run_id, day, manifest, members)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.events import AudiencePublished, VisitorsScored
from shared.handler import handle
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared.cloud import Cloud
    from shared.push import Message


@push.function
def publish_audience(message: Message) -> None:
    """Decode, run the step, publish what it returns."""
    handle(message, step)


def step(event: VisitorsScored, cloud: Cloud) -> AudiencePublished:
    """Replace the day's audience, export it, and write the manifest last: who sees it sees all files."""
    chosen = {"day": event.day, "max_decile": cloud.settings.audience.max_decile}
    cloud.warehouse.query("audience/audience", chosen)
    folder = "audience/"
    uri = cloud.ledger.uri(event.run_id, f"{folder}audience-*.csv")
    _, [summary] = cloud.warehouse.query_all(
        [Statement("audience/export", {"day": event.day}, {"uri": uri}), Statement("audience/summary", chosen)]
    )
    manifest = {
        "day": event.day.isoformat(),
        "files": cloud.ledger.files(event.run_id, folder),
        **summary,
    }
    cloud.ledger.write(event.run_id, "audience", manifest)
    return AudiencePublished(
        event.run_id, event.day, cloud.ledger.uri(event.run_id, "audience.json"), summary["members"]
    )
