"""Implement the gRPC services google.pubsub.v1.Publisher and Subscriber."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1.types import pubsub

from deskcloud.pubsub import wire
from deskcloud.pubsub.broker import Broker
from deskcloud.pubsub.errors import PubsubError, invalid, not_found
from deskcloud.pubsub.push import Pusher
from deskcloud.pubsub.queues import Delivery, Queue
from deskcloud.pubsub.state import Store

_log = logging.getLogger(__name__)

_PULL_WAIT = 20.0
"""Seconds that a Pull waits for the first message."""

_BATCH = 100
"""Maximum number of messages in one response of a streaming pull."""

type Call = grpc.aio.ServicerContext
type Handler = Callable[[Any, Call], Awaitable[Any]]


class Routes:
    """The handlers of the RPCs: one method per RPC, which calls the broker and builds the response."""

    def __init__(self, broker: Broker, pusher: Pusher, store: Store) -> None:
        self._broker = broker
        self._pusher = pusher
        self._store = store

    def handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        """Return the handlers for grpc.aio.Server.add_generic_rpc_handlers."""
        publisher = {
            "CreateTopic": self._unary(pubsub.Topic, self._create_topic),
            "GetTopic": self._unary(pubsub.GetTopicRequest, self._get_topic),
            "UpdateTopic": self._unary(pubsub.UpdateTopicRequest, self._update_topic),
            "DeleteTopic": self._unary(pubsub.DeleteTopicRequest, self._delete_topic),
            "ListTopics": self._unary(pubsub.ListTopicsRequest, self._list_topics),
            "ListTopicSubscriptions": self._unary(pubsub.ListTopicSubscriptionsRequest, self._list_topic_subscriptions),
            "Publish": self._unary(pubsub.PublishRequest, self._publish),
        }
        subscriber = {
            "CreateSubscription": self._unary(pubsub.Subscription, self._create_subscription),
            "GetSubscription": self._unary(pubsub.GetSubscriptionRequest, self._get_subscription),
            "UpdateSubscription": self._unary(pubsub.UpdateSubscriptionRequest, self._update_subscription),
            "DeleteSubscription": self._unary(pubsub.DeleteSubscriptionRequest, self._delete_subscription),
            "ListSubscriptions": self._unary(pubsub.ListSubscriptionsRequest, self._list_subscriptions),
            "ModifyPushConfig": self._unary(pubsub.ModifyPushConfigRequest, self._modify_push_config),
            "Pull": self._unary(pubsub.PullRequest, self._pull),
            "Acknowledge": self._unary(pubsub.AcknowledgeRequest, self._acknowledge),
            "ModifyAckDeadline": self._unary(pubsub.ModifyAckDeadlineRequest, self._modify_ack_deadline),
            "StreamingPull": grpc.stream_stream_rpc_method_handler(
                self._streaming_pull,
                request_deserializer=pubsub.StreamingPullRequest.pb().FromString,
                response_serializer=_serialize,
            ),
        }
        return (
            grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", publisher),
            grpc.method_handlers_generic_handler("google.pubsub.v1.Subscriber", subscriber),
            _Unsupported(),
        )

    def _unary(self, request: Any, handle: Handler) -> grpc.RpcMethodHandler:
        async def answer(message: Any, call: Call) -> Any:
            try:
                response = await handle(message, call)
                await self._store.committed()
            except PubsubError as error:
                await call.abort(error.code, error.message)
            except sqlite3.Error as error:
                await call.abort(grpc.StatusCode.INTERNAL, f"The state cannot be written: {error}.")
            else:
                return response

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=request.pb().FromString, response_serializer=_serialize
        )

    # The service Publisher

    async def _create_topic(self, topic: Any, _: Call) -> Any:
        return self._broker.create_topic(topic)

    async def _get_topic(self, request: Any, _: Call) -> Any:
        return self._broker.topic(request.topic)

    async def _update_topic(self, request: Any, _: Call) -> Any:
        return self._broker.update_topic(request.topic, request.update_mask)

    async def _delete_topic(self, request: Any, _: Call) -> Any:
        self._broker.delete_topic(request.topic)
        return empty_pb2.Empty()

    async def _list_topics(self, request: Any, _: Call) -> Any:
        topics = self._broker.topics_in(request.project)
        names, token = wire.page(list(topics), request.page_size, request.page_token)
        return pubsub.ListTopicsResponse.pb()(topics=[topics[name] for name in names], next_page_token=token)

    async def _list_topic_subscriptions(self, request: Any, _: Call) -> Any:
        self._broker.topic(request.topic)
        subscriptions = [queue.config.name for queue in self._broker.subscriptions_of(request.topic)]
        names, token = wire.page(subscriptions, request.page_size, request.page_token)
        return pubsub.ListTopicSubscriptionsResponse.pb()(subscriptions=names, next_page_token=token)

    async def _publish(self, request: Any, _: Call) -> Any:
        wire.check_messages(request.messages)
        return pubsub.PublishResponse.pb()(message_ids=self._broker.publish(request.topic, request.messages))

    # The service Subscriber

    async def _create_subscription(self, subscription: Any, _: Call) -> Any:
        return self._followed(self._broker.create_subscription(subscription))

    async def _get_subscription(self, request: Any, _: Call) -> Any:
        return self._broker.queue(request.subscription).config

    async def _update_subscription(self, request: Any, _: Call) -> Any:
        return self._followed(self._broker.update_subscription(request.subscription, request.update_mask))

    async def _delete_subscription(self, request: Any, _: Call) -> Any:
        self._pusher.follow(self._broker.delete_subscription(request.subscription))
        return empty_pb2.Empty()

    async def _list_subscriptions(self, request: Any, _: Call) -> Any:
        queues = self._broker.subscriptions_in(request.project)
        names, token = wire.page(list(queues), request.page_size, request.page_token)
        configs = [queues[name].config for name in names]
        return pubsub.ListSubscriptionsResponse.pb()(subscriptions=configs, next_page_token=token)

    async def _modify_push_config(self, request: Any, _: Call) -> Any:
        change = pubsub.Subscription.pb()(name=request.subscription, push_config=request.push_config)
        mask = pubsub.UpdateSubscriptionRequest.pb()(update_mask={"paths": ["push_config"]}).update_mask
        self._followed(self._broker.update_subscription(change, mask))
        return empty_pb2.Empty()

    async def _pull(self, request: Any, call: Call) -> Any:
        queue = self._broker.pull_queue(request.subscription)
        if request.max_messages < 1:
            raise invalid(f"Invalid max_messages: {request.max_messages}; it must be at least 1.")
        seconds = queue.config.ack_deadline_seconds
        taken = queue.take(request.max_messages, seconds)
        remaining = call.time_remaining()
        # Answer before the caller's deadline: an empty answer is no error for the caller, but a missed deadline is one.
        deadline = asyncio.get_running_loop().time() + min(_PULL_WAIT, (remaining or _PULL_WAIT * 2) * 0.8)
        while not taken and not request.return_immediately:
            try:
                async with asyncio.timeout_at(deadline):
                    await queue.arrival()
            except TimeoutError:
                break
            if queue.closed:
                raise not_found(request.subscription)
            taken = queue.take(request.max_messages, seconds)
        return pubsub.PullResponse.pb()(received_messages=_received(queue, taken))

    async def _acknowledge(self, request: Any, _: Call) -> Any:
        queue = self._broker.queue(request.subscription)
        for delivery, _attempt in [wire.parse_ack_id(text) for text in request.ack_ids]:
            queue.ack(delivery)
        return empty_pb2.Empty()

    async def _modify_ack_deadline(self, request: Any, _: Call) -> Any:
        queue = self._broker.queue(request.subscription)
        if not 0 <= request.ack_deadline_seconds <= 600:
            raise invalid(
                f"Invalid ack_deadline_seconds: {request.ack_deadline_seconds}; it must be between 0 and 600."
            )
        for delivery, attempt in [wire.parse_ack_id(text) for text in request.ack_ids]:
            queue.extend(delivery, attempt, request.ack_deadline_seconds)
        return empty_pb2.Empty()

    async def _streaming_pull(self, requests: AsyncIterator[Any], call: Call) -> AsyncIterator[Any]:
        try:
            first = await anext(requests)
            stream = _Stream(self._broker.pull_queue(first.subscription), first)
        except StopAsyncIteration:
            return
        except PubsubError as error:
            await call.abort(error.code, error.message)
            return
        reading = asyncio.create_task(stream.read(requests))
        try:
            async for response in stream.responses():
                yield response
        except PubsubError as error:
            await call.abort(error.code, error.message)
        finally:
            reading.cancel()

    def _followed(self, queue: Queue) -> Any:
        self._pusher.follow(queue)
        return queue.config


class _Stream:
    """One streaming pull. It pauses while the subscriber has its maximum number of unacknowledged messages."""

    def __init__(self, queue: Queue, first: Any) -> None:
        if not 10 <= first.stream_ack_deadline_seconds <= 600:
            raise invalid(
                f"Invalid stream_ack_deadline_seconds: {first.stream_ack_deadline_seconds}; it must be between 10 "
                "and 600."
            )
        self._queue = queue
        self._seconds = first.stream_ack_deadline_seconds
        # In the request, zero and negative values mean that there is no limit.
        self._limit = first.max_outstanding_messages if first.max_outstanding_messages > 0 else 1_000_000
        self._outstanding = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._settle(first)

    async def read(self, requests: AsyncIterator[Any]) -> None:
        """Process the acknowledgements that the subscriber sends."""
        async for request in requests:
            self._seconds = request.stream_ack_deadline_seconds or self._seconds
            try:
                self._settle(request)
            except PubsubError as error:
                _log.warning("%s: ignored on a streaming pull: %s", self._queue.config.name, error)

    async def responses(self) -> AsyncIterator[Any]:
        """Yield batches of messages. When the subscription is deleted, raise PubsubError with NOT_FOUND."""
        properties = {"message_ordering_enabled": self._queue.config.enable_message_ordering}
        while True:
            await self._has_room.wait()
            await self._queue.arrival()
            if self._queue.closed:
                raise not_found(self._queue.config.name)
            room = min(_BATCH, self._limit - self._outstanding)
            taken = self._queue.take(room, self._seconds, self._has_settled)
            self._outstanding += len(taken)
            if self._outstanding >= self._limit:
                self._has_room.clear()
            if taken:
                yield pubsub.StreamingPullResponse.pb()(
                    received_messages=_received(self._queue, taken), subscription_properties=properties
                )

    def _has_settled(self) -> None:
        self._outstanding -= 1
        self._has_room.set()

    def _settle(self, request: Any) -> None:
        for text in request.ack_ids:
            self._queue.ack(wire.parse_ack_id(text)[0])
        for text, seconds in zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True):
            self._queue.extend(*wire.parse_ack_id(text), seconds)


class _Unsupported(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Refuses methods that the local Pub/Sub does not implement, e.g. for snapshots, schemas and IAM."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        method = handler_call_details.method.strip("/")

        async def refuse(_: bytes, call: Call) -> None:
            await call.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"{method} is not supported by the local Pub/Sub; do without it."
            )

        return grpc.unary_unary_rpc_method_handler(refuse)


def _received(queue: Queue, deliveries: list[Delivery]) -> list[Any]:
    received = pubsub.ReceivedMessage.pb()
    return [
        received(
            ack_id=wire.ack_id(delivery.id, delivery.attempt),
            message=delivery.message,
            delivery_attempt=delivery.attempt if queue.counts_attempts else 0,
        )
        for delivery in deliveries
    ]


def _serialize(message: Any) -> bytes:
    return bytes(message.SerializeToString())
