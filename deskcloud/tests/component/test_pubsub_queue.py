"""When the local Pub/Sub delivers a message again, depending on leases, backoff, retention and ordering keys."""

import asyncio
import contextlib
import itertools
import time

from google.pubsub_v1.types import pubsub
from hypothesis import given
from hypothesis import strategies as st

from deskcloud.pubsub import wire
from deskcloud.pubsub.push import Pusher
from deskcloud.pubsub.queues import Delivery, Queue, backoff
from deskcloud.pubsub.state import PubsubMessage, Store

RETENTION = 600
BY_NUMBER = itertools.count(1)


def subscription(**fields):
    request = pubsub.Subscription(name="projects/shop/subscriptions/orders", topic="projects/shop/topics/t", **fields)
    return wire.checked_subscription(pubsub.Subscription.pb(request))


def retrying(minimum, maximum):
    return subscription(retry_policy={"minimum_backoff": {"seconds": minimum}, "maximum_backoff": {"seconds": maximum}})


def message(key="", age=0.0):
    made = PubsubMessage(data=b"x", message_id=str(next(BY_NUMBER)), ordering_key=key)
    made.publish_time.FromMilliseconds(int((time.time() - age) * 1000))
    return made


@contextlib.contextmanager
def queue_of(folder, config):
    """Yield a subscription's queue, and the list in which the queue records its deliveries."""
    store, reports = Store(folder), []
    try:
        yield Queue(config, store, lambda _queue, _delivery: False, reports.append), reports
    finally:
        store.close()


def put(queue, *messages):
    deliveries = [Delivery(int(one.message_id), one) for one in messages]
    for delivery in deliveries:
        queue.put(delivery)
    return deliveries


def outcomes(reports):
    return [(report.attempt, report.outcome) for report in reports]


def test_the_backoff_doubles_from_the_minimum_to_the_maximum():
    assert [backoff(retrying(10, 60), attempt) for attempt in range(1, 6)] == [10, 20, 40, 60, 60]


def test_a_policy_without_numbers_has_googles_defaults():
    config = subscription(retry_policy={})
    assert [backoff(config, attempt) for attempt in (1, 2, 7, 100)] == [10, 20, 600, 600]


def test_a_pull_subscription_without_a_policy_delivers_again_at_once():
    assert backoff(subscription(), 5) == 0


def test_a_push_subscription_without_a_policy_still_backs_off():
    config = subscription(push_config={"push_endpoint": "http://127.0.0.1:1/"})
    assert [backoff(config, attempt) for attempt in (1, 2, 20)] == [0.1, 0.2, 60]


@given(st.integers(0, 600), st.integers(0, 600), st.integers(1, 200))
def test_the_backoff_stays_within_the_policy_and_never_shrinks(first, second, attempt):
    config = retrying(min(first, second), max(first, second))
    assert min(first, second) <= backoff(config, attempt) <= backoff(config, attempt + 1) <= max(first, second)


def test_a_lease_ends_if_the_subscriber_does_not_answer(tmp_path):
    async def story():
        with queue_of(tmp_path, subscription()) as (queue, reports):
            put(queue, message())
            [first] = queue.take(1, seconds=0.01)
            assert queue.take(1, seconds=0.01) == []
            await asyncio.wait_for(queue.arrival(), 20)
            assert queue.take(1, seconds=60) == [first]
            return outcomes(reports), first.attempt

    assert asyncio.run(story()) == ([(1, "expired")], 2)


def test_an_acknowledgement_counts_even_after_its_lease(tmp_path):
    async def story():
        with queue_of(tmp_path, subscription()) as (queue, reports):
            put(queue, message())
            [delivery] = queue.take(1, seconds=0.01)
            await asyncio.wait_for(queue.arrival(), 20)
            queue.ack(delivery.id)
            assert queue.take(1, seconds=60) == []
            return outcomes(reports), len(queue)

    assert asyncio.run(story()) == ([(1, "expired"), (1, "acked")], 0)


def test_a_refusal_of_an_earlier_attempt_does_not_end_the_present_one(tmp_path):
    async def story():
        with queue_of(tmp_path, subscription()) as (queue, reports):
            put(queue, message())
            [delivery] = queue.take(1, seconds=60)
            queue.extend(delivery.id, attempt=1, seconds=0)
            await asyncio.wait_for(queue.arrival(), 20)
            queue.take(1, seconds=60)
            queue.extend(delivery.id, attempt=1, seconds=0)
            return outcomes(reports), delivery.leased

    assert asyncio.run(story()) == ([(1, "nacked")], True)


def test_a_message_older_than_the_retention_is_dropped(tmp_path):
    async def story():
        config = subscription(message_retention_duration={"seconds": RETENTION})
        with queue_of(tmp_path, config) as (queue, reports):
            _, fresh = put(queue, message(age=RETENTION + 1), message())
            assert queue.take(10, seconds=60) == [fresh]
            return outcomes(reports)

    assert asyncio.run(story()) == [(0, "outlived")]


def test_only_one_message_per_ordering_key_is_delivered_at_a_time(tmp_path):
    async def story():
        with queue_of(tmp_path, subscription(enable_message_ordering=True)) as (queue, _):
            first, second, other = put(queue, message("a"), message("a"), message("b"))
            assert queue.take(10, seconds=60) == [first, other]
            queue.ack(first.id)
            assert queue.take(10, seconds=60) == [second]

    asyncio.run(story())


def test_an_endpoint_that_does_not_answer_in_time_is_asked_again(tmp_path):
    async def story():
        released = asyncio.Event()

        async def silent(reader, writer):
            await released.wait()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        config = subscription(push_config={"push_endpoint": f"http://127.0.0.1:{port}/"})
        config.ack_deadline_seconds = 1  # shorter than the 10 s that a client must set at least
        failed = asyncio.Event()
        pusher, store, reports = Pusher(concurrency=1), Store(tmp_path), []

        def observe(report):
            reports.append(report)
            failed.set()

        queue = Queue(config, store, lambda _queue, _delivery: False, observe)
        put(queue, message())
        pusher.follow(queue)
        await asyncio.wait_for(failed.wait(), 20)
        await pusher.close()
        store.close()
        released.set()
        server.close()
        return outcomes(reports)

    assert asyncio.run(story()) == [(1, "expired")]
