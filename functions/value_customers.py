"""Value the customers weekly: forecast each customer's orders and revenue in the horizon, if there is no campaign.

On     value-due          the scheduler's tick: {}
Runs   sql/value
Emits  customers-valued   CustomersValued(run_id, day, method, customers)
       run-failed         RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.chain.log_events import NothingToValue
from shared.chain.steps import Opening, Step
from shared.events import CustomersValued, ValueDue
from shared.handler import handle
from shared.log import log
from shared.value import valuing

if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.environment import Environment, StepContext
    from shared.push import Message


@push.function
def value_customers(message: Message) -> None:
    """Open a separate run, run the step in it, and publish the event that it returns."""
    handle(message, STEP)


def open_run(_: Message, environment: Environment, now: datetime) -> ValueDue | None:
    """Open a run on the current orders and return its first event; None if there is nothing to learn from.

    The run's id depends on the data alone, so several messages about the same data open the same run.
    """
    found, lack = valuing.look(environment, now)
    if found is None:
        log(NothingToValue(lack))
        return None
    environment.runs.open(found)
    return found.event


def step(event: ValueDue, context: StepContext) -> CustomersValued:
    """Replace the day's rows in customer_value and customer_value_methods.

    If a training takes longer than this delivery, the training continues, and the next delivery waits for its end.
    """
    valued = valuing.value(context)
    return CustomersValued(event.run_id, valued.day, valued.method, valued.customers)


STEP = Step("value_customers", step, opening=Opening(ValueDue, (ValueDue.topic,), open_run))
