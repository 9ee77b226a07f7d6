"""Post the messages of push subscriptions to their endpoints, each message until the endpoint acknowledges it."""

import asyncio
import logging
from typing import Literal

import httpx

from deskcloud.pubsub import wire
from deskcloud.pubsub.queues import Delivery, Queue
from deskcloud.web.plain import NO_TLS

_log = logging.getLogger(__name__)

_ACKNOWLEDGING = frozenset({102, 200, 201, 202, 204})
"""HTTP statuses that acknowledge a message. After any other status, the message is delivered again."""


class Pusher:
    """Posts the messages of all push subscriptions, with at most `concurrency` concurrent requests per subscription."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._http = httpx.AsyncClient(
            headers={"User-Agent": "CloudPubSub-Google", "Content-Type": "application/json"},
            timeout=None,  # noqa: S113 `_answer` limits each request to the acknowledgement deadline
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            trust_env=False,
            verify=NO_TLS,
        )
        self._pumps: dict[str, asyncio.Task[None]] = {}
        self._posts: set[asyncio.Task[None]] = set()

    def follow(self, queue: Queue) -> None:
        """Post a subscription's messages until the subscription is deleted or is no longer a push subscription."""
        name = queue.config.name
        if queue.is_push and not queue.closed:
            if name not in self._pumps:
                self._pumps[name] = asyncio.create_task(self._pump(queue))
        elif name in self._pumps:
            self._pumps.pop(name).cancel()

    async def close(self) -> None:
        """Stop posting. Unacknowledged messages are delivered again after the next start."""
        tasks = [*self._pumps.values(), *self._posts]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.aclose()

    async def _pump(self, queue: Queue) -> None:
        free = asyncio.Semaphore(self._concurrency)
        while True:
            await free.acquire()
            while not (taken := queue.take(1, seconds=None)):
                await queue.arrival()
            post = asyncio.create_task(self._post(queue, taken[0]))
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)
            post.add_done_callback(lambda _: free.release())

    async def _post(self, queue: Queue, delivery: Delivery) -> None:
        outcome = await self._answer(queue, delivery)
        if outcome == "acked":
            queue.ack(delivery.id)
        else:
            queue.fail(delivery, outcome)

    async def _answer(self, queue: Queue, delivery: Delivery) -> Literal["acked", "nacked", "expired"]:
        config = queue.config
        attempt = delivery.attempt if queue.counts_attempts else None
        body = wire.push_body(delivery.message, config.name, attempt)
        try:
            async with asyncio.timeout(config.ack_deadline_seconds):
                response = await self._http.post(config.push_config.push_endpoint, json=body)
        except TimeoutError:
            problem = f"no answer within {config.ack_deadline_seconds} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = f"{type(error).__name__}: {error}"
        else:
            if response.status_code in _ACKNOWLEDGING:
                return "acked"
            problem = f"status {response.status_code}"
        _log.info("%s: attempt %d of %s: %s", config.name, delivery.attempt, delivery.message.message_id, problem)
        return "expired" if problem.startswith("no answer") else "nacked"
