"""Bring a destination's members to the planned state: send batches, and follow up on their outcomes.

A delivery never waits until a platform has processed a request. It does the work that is possible now, and a later
event continues the work. The order is fixed. First, members who may no longer be at the destination are removed. Then
new and changed members are sent. Members who left the audience, but may still be reached, are removed after all
additions have ended. So a failed addition leaves no gap.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from shared.chain.audience_documents import DELIVERY, Delivery
from shared.chain.opened_runs import DeliveryRun
from shared.destinations.contract import PUTS, Answer, Batch, Busy, Kind, Member
from shared.destinations.documents import PLAN, DeliveryPlan, Ended, PlannedBatch, Request
from shared.destinations.requests import Requests
from shared.errors import NotReady
from shared.warehouse import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from shared.chain.environment import StepContext
    from shared.destinations.contract import Channel, Destination, Mode

# The order in which changes are sent. The kind `remove` follows after all requests with these changes have ended.
FIRST: tuple[Kind, ...] = ("withdraw", "outdated", *PUTS)
# After each question for a request's status, the pause grows by this factor, up to LONGEST_PAUSE.
LONGER = 1.3
LONGEST_PAUSE = timedelta(hours=1)


class DeliveryInRun:
    """One execution of a delivery run's step. Each delivery of the event members-due starts one execution."""

    def __init__(self, destination: Destination, context: StepContext) -> None:
        self._destination = destination
        self._context = context
        self._run = context.run_as(DeliveryRun)
        self._requests = Requests(destination.name, context.environment)
        self._of_run = {"created_on": self._run.opened_at.date(), "run_id": context.run_id}

    def follow(self) -> None:
        """Ask the destination for the outcome of each open request that is due, and record the known outcomes."""
        now = self._context.now
        due = [one for one in self._requests.open() if one.outcome != "sent" or one.look_at <= now]
        asked = [self._look(one, now) for one in due]
        self._record_outcomes([one for one in asked if one.outcome != "sent"])

    def advance(self) -> Delivery | None:
        """Send the batches that can be sent now, and record them in the member ledger.

        Changes of the kind `remove` are sent only when no request of the run is open.

        Returns:
            The run's result, or None if a request of the destination is still open or a batch is still unsent.

        Raises:
            NotReady: the deadline has passed, or would pass before the destination accepts requests again.
        """
        earlier = any(one.run_id != self._context.run_id for one in self._requests.open())
        if earlier and self._destination.waits_for_earlier:
            return None
        plan = self._plan()
        self._send_kinds(FIRST, plan)
        if not any(one.run_id == self._context.run_id for one in self._requests.open()):
            self._send_kinds(("remove",), plan)
        return self._result(plan)

    def _plan(self) -> DeliveryPlan:
        """Return the run's plan. The first delivery computes and stores the plan; later deliveries read it."""
        if kept := self._context.runs.read(self._context.run_id, PLAN):
            return kept
        destination, warehouse = self._destination, self._context.warehouse
        parameters = plan_parameters(destination, destination.channel, self._run.mode, self._run.as_of)
        warehouse.query("destinations/plan", {**self._of_run, **parameters}, form=destination.form)
        warehouse.query("destinations/want", {**self._of_run, "now": self._run.opened_at})
        rows = warehouse.query("destinations/batches", self._of_run)
        batches = [PlannedBatch(row["kind"], row["batch"], row["members"]) for row in rows]
        return self._context.runs.keep(self._context.run_id, PLAN, DeliveryPlan(batches))

    def _result(self, plan: DeliveryPlan) -> Delivery | None:
        """Write and return the run's result; None if a request of the destination is open or a batch is unsent."""
        if self._requests.open() or len(self._requests.places_of(self._context.run_id)) < len(plan.batches):
            return None
        delivery = summary(self._destination.name, plan, self._requests.ended(self._context.run_id))
        self._context.runs.write(self._context.run_id, DELIVERY, delivery)
        return delivery

    def _send_kinds(self, kinds: Iterable[Kind], plan: DeliveryPlan) -> None:
        sent_before = self._requests.places_of(self._context.run_id)
        try:
            for kind in kinds:
                for planned in (one for one in plan.batches if one.kind == kind):
                    if f"{kind}-{planned.number:06}" not in sent_before:
                        self._send(planned, plan)
        finally:
            self._record_sent()

    def _send(self, planned: PlannedBatch, plan: DeliveryPlan) -> None:
        members = self._members({**self._of_run, "kind": planned.kind, "batch": planned.number})
        refused = {one.customer_id: why for one in members if (why := self._destination.validate(one))}
        taken = [one for one in members if one.customer_id not in refused]
        of_kind = [one for one in plan.batches if one.kind == planned.kind]
        total = sum(one.members for one in of_kind)
        batch = Batch(self._context.run_id, planned.kind, planned.number, len(of_kind), total, taken)
        answer = self._apply(batch) if taken else Answer("", "confirmed")
        now = datetime.now(UTC)
        self._requests.keep(
            Request(
                created_on=self._run.opened_at.date(),
                run_id=self._context.run_id,
                kind=planned.kind,
                number=planned.number,
                members=planned.members,
                request=answer.request,
                outcome=answer.outcome,
                sent_at=now,
                look_at=now + self._destination.first_look,
                refused=refused | answer.refused,
                detail=answer.detail,
            )
        )

    def _members(self, of_batch: dict[str, Any]) -> list[Member]:
        rows = self._context.warehouse.query("destinations/members_of_batch", of_batch)
        return [msgspec.convert(row, Member) for row in rows]

    def _members_sent(self, request: Request) -> list[Member]:
        of_run = {"created_on": request.created_on, "run_id": request.run_id}
        members = self._members({**of_run, "kind": request.kind, "batch": request.number})
        return [one for one in members if one.customer_id not in request.refused]

    def _apply(self, batch: Batch) -> Answer:
        """Send the batch. If the destination asks to wait, wait and send again, as long as the deadline allows.

        Raises:
            NotReady: the deadline passes first; the next delivery continues.
        """
        while True:
            if self._context.deadline.has_passed:
                raise NotReady(f"{self._destination.name} has more to take; the next delivery goes on")
            try:
                return self._destination.apply(batch)
            except Busy as busy:
                pause = (busy.until - datetime.now(UTC)).total_seconds()
                if pause > self._context.deadline.wait_seconds:
                    raise NotReady(
                        f"{self._destination.name} asks to wait until {busy.until:%H:%M:%S}: {busy}"
                    ) from busy
            time.sleep(max(pause, 0.0))

    def _record_sent(self) -> None:
        """Record this run's open requests in the member ledger. Recording them again changes nothing."""
        mine = sorted(
            (one for one in self._requests.open() if one.run_id == self._context.run_id), key=lambda one: one.place
        )
        if not mine:
            return
        # Leave out refusals of the kind `outdated`: they concern a former address, and the member is still sent with
        # the new address.
        current = (one for one in mine if one.kind != "outdated")
        refused = {customer: why for one in current for customer, why in one.refused.items()}
        parameters = {
            **self._of_run,
            "kinds": [one.kind for one in mine],
            "batches": [one.number for one in mine],
            "requests": [one.request for one in mine],
            "refused": list(refused),
            "reasons": list(refused.values()),
            "now": max(one.sent_at for one in mine),
        }
        self._context.warehouse.query("destinations/record_sent", parameters)
        self._record_outcomes([one for one in mine if one.outcome != "sent"])

    def _look(self, request: Request, now: datetime) -> Request:
        """Ask for the request's status, store the answer, and return the updated request.

        If the request's outcome is already known, return the request unchanged.
        """
        if request.outcome != "sent":
            return request
        try:
            answer = self._destination.status(request.request, partial(self._members_sent, request))
        except Busy as busy:
            later = request.changed(look_at=busy.until)
            self._requests.keep(later)
            return later
        outcome = answer.outcome
        detail = answer.detail
        if outcome == "sent" and now - request.sent_at >= self._destination.last_look:
            outcome, detail = "unconfirmed", "the destination did not say within the time how the request ended"
        pause = min(self._destination.first_look * LONGER ** (request.looks + 1), LONGEST_PAUSE)
        looked = request.changed(
            outcome=outcome,
            detail=detail,
            refused=request.refused | answer.refused,
            looks=request.looks + 1,
            look_at=now + pause,
        )
        self._requests.keep(looked)
        return looked

    def _record_outcomes(self, requests: list[Request]) -> None:
        """Record the outcomes of ended requests: first in the member ledger, then in the bucket."""
        if not requests:
            return
        refused = {customer: why for one in requests for customer, why in one.refused.items()}
        parameters = {
            "destination": self._destination.name,
            "requests": [one.request for one in requests],
            "outcomes": [str(one.outcome) for one in requests],
            "reasons": [one.detail for one in requests],
            "refused": list(refused),
            "complaints": list(refused.values()),
            "now": self._context.now,
        }
        self._context.warehouse.query_all(
            [Statement("destinations/record_outcome", parameters), self._record_sends(requests)]
        )
        for one in requests:
            self._requests.end(one, self._context.now)

    def _record_sends(self, requests: list[Request]) -> Statement:
        """Return the statement that records ended `requests`; `propensity audit` reads these records."""
        parameters = {
            "destination": self._destination.name,
            "created_on": self._context.now.date(),
            "run_ids": [one.run_id for one in requests],
            "kinds": [one.kind for one in requests],
            "batches": [one.number for one in requests],
            "members": [one.members for one in requests],
            "refused_counts": [len(one.refused) for one in requests],
            "requests": [one.request for one in requests],
            "outcomes": [str(one.outcome) for one in requests],
            "sent_at": [one.sent_at for one in requests],
            "now": self._context.now,
        }
        return Statement("destinations/record_sends", parameters)


def plan_parameters(
    destination: Destination | type[Destination], channel: Channel, mode: Mode, day: date
) -> dict[str, Any]:
    """Return the parameters of sql/destinations/plan.sql for the audience of `day`, except the run's id and day."""
    return {
        "day": day,
        "destination": destination.name,
        "channel": channel,
        "adds": mode != "update",
        "removes": mode == "replace",
        "takes_scores": destination.takes_scores,
        "is_keyed_by_address": destination.is_keyed_by_address,
        "batch_size": destination.batch_size,
    }


def summary(destination: str, plan: DeliveryPlan, requests: list[Ended]) -> Delivery:
    """Return the counts of a delivery run from its plan and its ended requests."""
    planned: Counter[str] = Counter()
    for batch in plan.batches:
        planned[batch.kind] += batch.members
    outcomes: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for one in requests:
        outcomes[one.outcome] += one.members - sum(one.refused.values())
        refused.update(one.refused)
    problems = sorted({one.detail for one in requests if one.detail})
    return Delivery(destination, dict(planned), dict(+outcomes), dict(refused), problems)
