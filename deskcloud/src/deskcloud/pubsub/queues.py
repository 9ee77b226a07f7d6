"""The deliveries of one subscription: ready, leased to a subscriber, or waiting for their next attempt."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from deskcloud.pubsub import filter as message_filter
from deskcloud.pubsub.state import Store

type Outcome = Literal["acked", "nacked", "expired", "dead-lettered", "outlived"]

_FIRST_BACKOFF = 0.01
"""Seconds; what doubles when a retry policy's minimum is zero."""

_PUSH_BACKOFF = (0.1, 60.0)
"""Seconds; a push subscription without a retry policy backs off like this, a pull subscription not at all."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of one attempt to deliver a message.

    `outcome` is acked, nacked (refused by the subscriber, or its push endpoint), expired (no answer within the
    acknowledgement deadline), dead-lettered (failed once too often and forwarded) or outlived (older than the
    subscription's retention, dropped).
    """

    subscription: str
    message_id: str
    attempt: int
    outcome: Outcome


@dataclass(slots=True, eq=False)
class Delivery:
    """One message on its way to one subscription."""

    id: int
    message: Any
    attempt: int = 0
    """How often it was handed out."""
    leased: bool = False
    timer: asyncio.TimerHandle | None = None
    """Ends the lease, or the time between two attempts."""
    on_settled: Callable[[], None] | None = None
    """Tells the stream that holds the lease that it has room again."""


class Queue:
    """All unacknowledged deliveries of one subscription. Used from the event loop only."""

    def __init__(
        self,
        config: Any,
        store: Store,
        forward: Callable[["Queue", Delivery], bool],
        observe: Callable[[Progress], None],
    ) -> None:
        self.config = config
        self.closed = False
        self.matches = message_filter.parse(config.filter)
        self._store = store
        self._forward = forward
        self._observe = observe
        self._unacked: dict[int, Delivery] = {}
        self._ready: deque[Delivery] = deque()
        self._behind: dict[str, deque[Delivery]] = {}
        """Ordering key to what waits until the delivery before it is settled."""
        self._arrival = asyncio.Event()

    def __len__(self) -> int:
        return len(self._unacked)

    @property
    def is_push(self) -> bool:
        """Messages go to an HTTP endpoint."""
        return bool(self.config.push_config.push_endpoint)

    @property
    def counts_attempts(self) -> bool:
        """Subscribers are told the attempt, as there is a dead-letter topic."""
        return bool(self.config.dead_letter_policy.dead_letter_topic)

    def put(self, delivery: Delivery) -> None:
        """Take a delivery in; it is ready unless one with its ordering key is under way."""
        self._unacked[delivery.id] = delivery
        key = delivery.message.ordering_key if self.config.enable_message_ordering else ""
        if key in self._behind:
            self._behind[key].append(delivery)
            return
        if key:
            self._behind[key] = deque()
        self._make_ready(delivery)

    async def arrival(self) -> None:
        """Return when something is ready, or the subscription is gone (`closed`)."""
        await self._arrival.wait()

    def take(self, limit: int, seconds: float | None, on_settled: Callable[[], None] | None = None) -> list[Delivery]:
        """Lease up to `limit` ready deliveries for `seconds`; None leaves the deadline to the caller."""
        taken: list[Delivery] = []
        while self._ready and len(taken) < limit:
            delivery = self._ready.popleft()
            if delivery.id not in self._unacked:
                continue  # acknowledged late, after its lease
            if self._is_outlived(delivery):
                self._settle(delivery, "outlived")
                continue
            delivery.attempt += 1
            delivery.leased = True
            delivery.on_settled = on_settled
            self._set_deadline(delivery, seconds)
            taken.append(delivery)
        if not self._ready and not self.closed:
            self._arrival.clear()
        return taken

    def ack(self, delivery_id: int) -> None:
        """Settle a delivery, in time or late; unknown ones are settled already."""
        delivery = self._unacked.get(delivery_id)
        if delivery is not None:
            self._settle(delivery, "acked")

    def extend(self, delivery_id: int, attempt: int, seconds: float) -> None:
        """Move the end of a lease; zero seconds is a refusal. Leases that are over stay over."""
        delivery = self._unacked.get(delivery_id)
        if delivery is None or not delivery.leased or delivery.attempt != attempt:
            return
        if seconds:
            self._set_deadline(delivery, seconds)
        else:
            self.fail(delivery, "nacked")

    def fail(self, delivery: Delivery, outcome: Literal["nacked", "expired"]) -> None:
        """End a lease without acknowledgement: try again after the backoff, or forward to the dead-letter topic."""
        if self.closed or not delivery.leased or delivery.id not in self._unacked:
            return
        self._release(delivery)
        self._report(delivery, outcome)
        policy = self.config.dead_letter_policy
        if self.counts_attempts and delivery.attempt >= policy.max_delivery_attempts:  # noqa: SIM102 two thoughts
            if self._forward(self, delivery):
                self._settle(delivery, "dead-lettered")
                return
        self._store.count_attempts(delivery.id, delivery.attempt)
        wait = backoff(self.config, delivery.attempt)
        delivery.timer = asyncio.get_running_loop().call_later(wait, self._make_ready, delivery)

    def close(self) -> None:
        """The subscription is deleted: nothing is delivered any more."""
        self.closed = True
        for delivery in list(self._unacked.values()):
            self._release(delivery)
        self._unacked.clear()
        self._ready.clear()
        self._arrival.set()

    def _make_ready(self, delivery: Delivery) -> None:
        delivery.timer = None
        self._ready.append(delivery)
        self._arrival.set()

    def _set_deadline(self, delivery: Delivery, seconds: float | None) -> None:
        if delivery.timer is not None:
            delivery.timer.cancel()
            delivery.timer = None
        if seconds is not None:
            loop = asyncio.get_running_loop()
            delivery.timer = loop.call_later(seconds, self.fail, delivery, "expired")

    def _release(self, delivery: Delivery) -> None:
        self._set_deadline(delivery, None)
        delivery.leased = False
        if delivery.on_settled is not None:
            delivery.on_settled()
            delivery.on_settled = None

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        del self._unacked[delivery.id]
        self._release(delivery)
        self._store.remove_delivery(delivery.id)
        self._report(delivery, outcome)
        key = delivery.message.ordering_key
        if key in self._behind:
            if self._behind[key]:
                self._make_ready(self._behind[key].popleft())
            else:
                del self._behind[key]

    def _report(self, delivery: Delivery, outcome: Outcome) -> None:
        self._observe(Progress(self.config.name, delivery.message.message_id, delivery.attempt, outcome))

    def _is_outlived(self, delivery: Delivery) -> bool:
        age = time.time() - delivery.message.publish_time.ToNanoseconds() / 1e9
        return bool(age > self.config.message_retention_duration.ToTimedelta().total_seconds())


def backoff(config: Any, attempt: int) -> float:
    """Seconds from a failed attempt to the next: doubling from the retry policy's minimum up to its maximum."""
    if config.HasField("retry_policy"):
        shortest = config.retry_policy.minimum_backoff.ToTimedelta().total_seconds()
        longest = config.retry_policy.maximum_backoff.ToTimedelta().total_seconds()
    elif config.push_config.push_endpoint:
        shortest, longest = _PUSH_BACKOFF
    else:
        return 0.0
    doublings = min(attempt - 1, 30)  # beyond, the maximum has long been reached
    return float(min(longest, max(shortest, _FIRST_BACKOFF) * 2**doublings))
