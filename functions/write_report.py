"""Write the report of a run that has ended, one HTML page in the run's folder. No step waits for the report.

On     audience-published      AudiencePublished(run_id)
       recommendations-built   RecommendationsBuilt(run_id)
       model-rejected          ModelRejected(run_id)
       model-monitored         ModelMonitored(run_id)
       customers-resolved      CustomersResolved(run_id)
       members-delivered       MembersDelivered(run_id)
       campaigns-measured      CampaignsMeasured(run_id)
       customers-valued        CustomersValued(run_id)
       run-superseded          RunSuperseded(run_id)
       run-failed              RunFailed(run_id, step)
Runs   sql/report
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import dead_letters, push
from shared.chain.environment import environment
from shared.chain.log_events import ReportWritten
from shared.chain.steps import decode_event
from shared.errors import Permanent
from shared.log import log
from shared.report import writing

if TYPE_CHECKING:
    from shared.push import Message


@push.function
def write_report(message: Message) -> None:
    """Write the page of the event's run, unless the page exists already."""
    world = environment()
    try:
        event = decode_event(message)
        written = writing.write(event.run_id, world)
    except Permanent as error:
        dead_letters.reject(message, error, "write_report", world)
        return
    log(ReportWritten(event.run_id, len(written)))
