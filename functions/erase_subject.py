"""Erase a person from all tables, the bucket's files and the destinations. A certificate records the results.

On     erasure-requested   the request: shared/erasure/request.py
       members-delivered   MembersDelivered(run_id, destination, members): a pending removal may be confirmed
       erasure-due         the scheduler's message: {}; or ErasureDue(run_id), published by functions/resume_runs.py
Runs   sql/erasure, sql/customers/withheld.sql
Emits  customers-resolved   CustomersResolved(run_id, day, customers): the destinations plan again, without the person
       subjects-erased      SubjectsErased(run_id, completed, pending)
       run-failed           RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.chain import run_ids
from shared.chain.opened_runs import ErasureRun
from shared.chain.steps import Opening, Step
from shared.erasure import erasing, request
from shared.events import CustomersResolved, ErasureDue, MembersDelivered, SubjectsErased
from shared.handler import handle
from shared.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.environment import Environment, StepContext
    from shared.push import Message
# Without the key of the pseudonyms, the function does not start. So a deployment without the key fails at once.
PSEUDONYMS = Pseudonyms.from_environment()


@push.function
def erase_subject(message: Message) -> None:
    """Run the step in a separate run, and publish the event that it returns."""
    handle(message, STEP)


def open_run(message: Message, environment: Environment, now: datetime) -> ErasureDue | None:
    """Accept a request, or check whether erasures are due. Open a run and return the run's first event.

    A request that is delivered again joins the run of its first delivery. Return None if no erasure is due.
    """
    day = message.published_at.date()
    if message.topic == request.TOPIC:
        asked = request.decode(message.body)
        run_id = run_ids.of_erasure(day, asked.request_id)
        run_id = erasing.accept(asked, run_id, now, environment, PSEUDONYMS).run_id
        return _opened(run_id, "", environment, now)
    delivered = MembersDelivered.from_json(message.body) if message.topic == MembersDelivered.topic else None
    destination = delivered.destination if delivered else ""
    if not erasing.due(environment, now, destination):
        return None
    run_id = run_ids.of_erasure(day, delivered.run_id if delivered else "tick")
    return _opened(run_id, destination, environment, now)


def _opened(run_id: str, destination: str, environment: Environment, now: datetime) -> ErasureDue:
    event = ErasureDue(run_id)
    environment.runs.open(ErasureRun(opened_at=now, event=event, as_of=now.date(), destination=destination))
    return event


def step(event: ErasureDue, context: StepContext) -> CustomersResolved | SubjectsErased:
    """Delete the data of each person whose erasure is due. If a removal is pending, publish the newest audience again.

    Then the destinations remove the person. A run that a delivery run has caused does not publish the audience: if the
    delivery could not remove the person, the next scheduled message repeats the removal.
    """
    run = context.run_as(ErasureRun)
    due = erasing.due(context.environment, run.opened_at, run.destination)
    certificates = [erasing.advance(request_id, context) for request_id in due]
    pending = sum(1 for one in certificates if one.completed_at is None)
    newest = context.environment.query("erasure/newest_audience") if pending and not run.destination else []
    if newest:
        return CustomersResolved(event.run_id, newest[0]["day"], newest[0]["customers"])
    return SubjectsErased(event.run_id, len(certificates) - pending, pending)


STEP = Step(
    "erase_subject",
    step,
    opening=Opening(ErasureDue, (request.TOPIC, MembersDelivered.topic, ErasureDue.topic), open_run),
)
