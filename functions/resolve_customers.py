"""Find the customers of an audience, their arms, and the channels through which a customer may not be reached.

On     audience-published   AudiencePublished(run_id, day, manifest, members): opens a run
       customers-due        the scheduler's tick: {}, for changed suppressions or consents; or CustomersDue(run_id)
Runs   sql/customers
Emits  customers-resolved   CustomersResolved(run_id, day, customers)
       run-failed           RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.chain.opened_runs import CustomersRun
from shared.chain.steps import Opening, Step
from shared.customers import opening, resolving
from shared.customers.log_events import CustomersFound
from shared.events import AudiencePublished, CustomersDue, CustomersResolved
from shared.handler import handle
from shared.log import log

if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.environment import Environment, StepContext
    from shared.push import Message


@push.function
def resolve_customers(message: Message) -> None:
    """Run the step in a separate run for the audience, and publish the event that it returns."""
    handle(message, STEP)


def open_run(message: Message, environment: Environment, now: datetime) -> CustomersDue | None:
    """Open a run for a published audience or, at a tick, for changed suppressions or consents.

    Return the run's first event, or None if there is nothing to do.
    """
    if message.topic == AudiencePublished.topic:
        return opening.for_audience(AudiencePublished.from_json(message.body), environment, now)
    return opening.after_change(environment, now)


def step(event: CustomersDue, context: StepContext) -> CustomersResolved:
    """Check new rows of crm_customers, then replace the day's customers, arms and exclusions.

    A shop without a CRM has no customers: nothing is replaced.
    """
    day = context.run_as(CustomersRun).as_of
    has_customers = resolving.check_customers(context)
    resolved = resolving.resolve(day, context) if has_customers else resolving.nobody(context)
    log(CustomersFound(event.run_id, resolved.customers, resolved.unmatched, resolved.conflicts, resolved.refused_rows))
    return CustomersResolved(event.run_id, day, resolved.customers)


STEP = Step(
    "resolve_customers", step, opening=Opening(CustomersDue, (AudiencePublished.topic, CustomersDue.topic), open_run)
)
