"""Queue the deliveries of one subscription.

A delivery is ready, leased to a subscriber, or waits for the next attempt.
"""

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
"""First backoff, in seconds, if the retry policy's minimum is zero."""

_PUSH_BACKOFF = (0.1, 60.0)
"""Shortest and longest backoff, in seconds, of a push subscription without a retry policy."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What has happened to the delivery of a message.

    The values of `outcome`:

    acked          the subscriber has acknowledged the message
    nacked         the subscriber or the push endpoint has refused the message
    expired        the subscriber has not answered within the acknowledgement deadline
    dead-lettered  the message was forwarded to the dead-letter topic after the last attempt
    outlived       the message was dropped, because it is older than the subscription's retention
    """

    subscription: str
    message_id: str
    attempt: int
    outcome: Outcome


@dataclass(slots=True, eq=False)
class Delivery:
    """A message in the queue of one subscription."""

    id: int
    message: Any
    attempt: int = 0
    """How often the message was sent to the subscriber."""
    leased: bool = False
    timer: asyncio.TimerHandle | None = None
    """Timer for the end of the lease, or of the backoff between two attempts."""
    on_settled: Callable[[], None] | None = None
    """Called when the lease ends. The streaming pull that had the lease can then take another message."""


class Queue:
    """All unacknowledged deliveries of one subscription. Only the event loop's thread may call the methods."""

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
        """For each ordering key, the deliveries that wait until the delivery before them is settled."""
        self._arrival = asyncio.Event()

    def __len__(self) -> int:
        return len(self._unacked)

    @property
    def is_push(self) -> bool:
        """Whether messages are posted to an HTTP endpoint."""
        return bool(self.config.push_config.push_endpoint)

    @property
    def counts_attempts(self) -> bool:
        """Whether the subscription has a dead-letter topic. If so, each message is sent with the attempt's number."""
        return bool(self.config.dead_letter_policy.dead_letter_topic)

    def put(self, delivery: Delivery) -> None:
        """Add a delivery, which becomes ready when all earlier deliveries with the same ordering key are settled."""
        self._unacked[delivery.id] = delivery
        key = delivery.message.ordering_key if self.config.enable_message_ordering else ""
        if key in self._behind:
            self._behind[key].append(delivery)
            return
        if key:
            self._behind[key] = deque()
        self._make_ready(delivery)

    async def arrival(self) -> None:
        """Wait until a delivery is ready, or until the queue is closed because its subscription was deleted."""
        await self._arrival.wait()

    def take(self, limit: int, seconds: float | None, on_settled: Callable[[], None] | None = None) -> list[Delivery]:
        """Lease up to `limit` ready deliveries for `seconds`.

        If `seconds` is None, the caller must end each lease with `ack` or `fail`. `on_settled` is called when
        the lease of a delivery ends.
        """
        taken: list[Delivery] = []
        while self._ready and len(taken) < limit:
            delivery = self._ready.popleft()
            if delivery.id not in self._unacked:
                continue  # acknowledged late, when the delivery was ready again
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
        """Settle a delivery that the subscriber has acknowledged, even after the deadline. Ignore an unknown id."""
        delivery = self._unacked.get(delivery_id)
        if delivery is not None:
            self._settle(delivery, "acked")

    def extend(self, delivery_id: int, attempt: int, seconds: float) -> None:
        """Let the lease of attempt `attempt` end `seconds` from now. If this lease has already ended, do nothing.

        Zero seconds means that the subscriber refuses the message.
        """
        delivery = self._unacked.get(delivery_id)
        if delivery is None or not delivery.leased or delivery.attempt != attempt:
            return
        if seconds:
            self._set_deadline(delivery, seconds)
        else:
            self.fail(delivery, "nacked")

    def fail(self, delivery: Delivery, outcome: Literal["nacked", "expired"]) -> None:
        """End a lease without acknowledgement.

        The delivery is ready again after the backoff. But if this was the last attempt and the dead-letter topic
        exists, the message is forwarded to this topic.
        """
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
        """Stop all deliveries, because the subscription is deleted."""
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
    """Return the seconds from a failed attempt to the next. `attempt` is the number of the failed attempt, from 1.

    The time doubles with each attempt, from the retry policy's minimum to its maximum. Without a retry policy, a push
    subscription has the limits of `_PUSH_BACKOFF`, and the time for a pull subscription is 0.
    """
    if config.HasField("retry_policy"):
        shortest = config.retry_policy.minimum_backoff.ToTimedelta().total_seconds()
        longest = config.retry_policy.maximum_backoff.ToTimedelta().total_seconds()
    elif config.push_config.push_endpoint:
        shortest, longest = _PUSH_BACKOFF
    else:
        return 0.0
    doublings = min(attempt - 1, 30)  # a larger exponent could overflow, and 30 is enough for any maximum
    return float(min(longest, max(shortest, _FIRST_BACKOFF) * 2**doublings))
