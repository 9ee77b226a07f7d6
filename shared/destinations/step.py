"""The step of a function that sends the audience to a destination: how its runs are opened, and how a run sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.chain import run_ids
from shared.chain.opened_runs import DeliveryRun, ErasureRun
from shared.chain.steps import Opening, Step
from shared.destinations.claims import claim
from shared.destinations.delivery import DeliveryInRun
from shared.destinations.documents import Current
from shared.destinations.log_events import AudienceDelivered
from shared.errors import Permanent
from shared.events import CustomersResolved, MembersDelivered, MembersDue, RunSuperseded
from shared.log import log

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shared.chain.environment import Environment, StepContext
    from shared.chain.guarded import Guarded
    from shared.destinations.contract import Destination
    from shared.push import Message


def step_of(name: str, destination_name: str, find: Callable[[Environment], Destination | None]) -> Step:
    """Return the step of the function `name`, which sends to the destination `destination_name`.

    `find` returns the destination, or None if its mode is off.
    """

    def open_run(message: Message, environment: Environment, now: datetime) -> MembersDue | None:
        """For a new audience, open a run. For a scheduled message, take the current run. Return the run's first event.

        Return None if the destination is off, if the destination has a newer audience already, or if the current run
        has ended.
        """
        destination = find(environment)
        if destination is None:
            return None
        current = claim(destination.name, environment)
        if message.topic == CustomersResolved.topic:
            event = CustomersResolved.from_json(message.body)
            return _opened(event, destination, current, environment, now)
        standing, _ = current.read()
        if standing is None or environment.runs.record(standing.run_id, name):
            return None
        return MembersDue(standing.run_id)

    def run(event: MembersDue, context: StepContext) -> MembersDelivered | RunSuperseded | None:
        """Record the outcomes of open requests, and send the batches that can be sent now.

        Return None if a batch is not sent yet or a request is still open. Also return None if the run belongs to
        another destination.

        A run is superseded if its destination has a newer run.
        """
        # The functions of all destinations get this event, so ignore the runs of other destinations. This check comes
        # first. Otherwise, a function whose own destination is off would fail the runs of other destinations.
        if context.run_as(DeliveryRun).destination != destination_name:
            return None
        destination = find(context.environment)
        if destination is None:
            raise Permanent(f"{destination_name} is off: set {destination_name}.mode, or reset run {event.run_id}")
        delivering = DeliveryInRun(destination, context)
        delivering.follow()
        standing, _ = claim(destination.name, context.environment).read()
        if standing and standing.run_id != event.run_id:
            return RunSuperseded(event.run_id, standing.run_id)
        delivery = delivering.advance()
        if delivery is None:
            return None
        log(AudienceDelivered(event.run_id, destination.name, delivery.planned, delivery.outcomes, delivery.refused))
        return MembersDelivered(event.run_id, destination.name, delivery.outcomes.get("confirmed", 0))

    return Step(name, run, opening=Opening(MembersDue, (CustomersResolved.topic, MembersDue.topic), open_run))


def _opened(
    event: CustomersResolved,
    destination: Destination,
    current: Guarded[Current],
    environment: Environment,
    now: datetime,
) -> MembersDue | None:
    """Open the run that delivers the audience. Return its first event; None if the destination has a newer audience."""
    resolved = environment.runs.opened(event.run_id).run
    # After an erasure, the current audience is sent again without the person. This audience is not newer, so it keeps
    # the time at which its customers were first resolved.
    is_again = isinstance(resolved, ErasureRun)
    due = MembersDue(run_ids.of_delivery(event.day, destination.name, event.run_id))
    while True:
        standing, generation = current.read()
        resolved_at = standing.resolved_at if standing and is_again else resolved.opened_at
        if standing and standing.run_id != due.run_id and standing.resolved_at > resolved_at:
            return None
        if standing and standing.run_id == due.run_id:
            return due
        environment.runs.open(
            DeliveryRun(opened_at=now, event=due, as_of=event.day, destination=destination.name, mode=destination.mode)
        )
        if current.replace(Current(due.run_id, resolved_at), generation):
            return due
