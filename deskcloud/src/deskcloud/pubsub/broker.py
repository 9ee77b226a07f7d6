"""Keep topics and subscriptions, and route messages from topics to subscriptions.

Only the thread of the event loop may use this module.
"""

import itertools
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import field_mask_pb2, timestamp_pb2

from deskcloud.pubsub import errors, wire
from deskcloud.pubsub.queues import Delivery, Progress, Queue
from deskcloud.pubsub.state import Store

_log = logging.getLogger(__name__)

_FIXED_SUBSCRIPTION_FIELDS = {"name", "topic", "filter", "enable_message_ordering"}


class Broker:
    """Keeps the topics and subscriptions in memory, and also writes each change to the store."""

    def __init__(self, store: Store, observe: Callable[[Progress], None]) -> None:
        self._store = store
        self._observe = observe
        # Ids of messages and deliveries count from the microseconds since 1970, so they are new in each process.
        self._ids = itertools.count(time.time_ns() // 1000)
        self._topics = {topic.name: topic for topic in store.topics()}
        self._queues = {config.name: self._queue(config) for config in store.subscriptions()}
        for delivery_id, subscription, message, attempts in store.deliveries():
            self._queues[subscription].put(Delivery(delivery_id, message, attempts))

    @property
    def queues(self) -> Iterable[Queue]:
        """Return the queues, one per subscription."""
        return self._queues.values()

    # Methods for topics

    def create_topic(self, topic: Any) -> Any:
        """Create a topic.

        Raises:
            PubsubError: ALREADY_EXISTS if the name is taken; INVALID_ARGUMENT or UNIMPLEMENTED as in
                `wire.checked_topic`.
        """
        topic = wire.checked_topic(topic)
        if topic.name in self._topics:
            raise errors.already_exists(topic.name)
        return self._keep_topic(topic)

    def topic(self, name: str) -> Any:
        """Return the topic with the name `name`.

        Raises:
            PubsubError: NOT_FOUND if there is no such topic; INVALID_ARGUMENT if the name breaks a rule.
        """
        wire.check_name(name, "topics")
        if name not in self._topics:
            raise errors.not_found(name)
        return self._topics[name]

    def update_topic(self, change: Any, mask: field_mask_pb2.FieldMask) -> Any:
        """Update the topic `change.name`. The fields that `mask` names get their values from `change`.

        Raises:
            PubsubError: NOT_FOUND if there is no such topic; INVALID_ARGUMENT if the mask is empty or names a fixed
                field; UNIMPLEMENTED if a field is not supported here.
        """
        return self._keep_topic(wire.checked_topic(_merged(self.topic(change.name), change, mask, {"name"})))

    def delete_topic(self, name: str) -> None:
        """Delete a topic. The topic's subscriptions and their undelivered messages remain.

        Raises:
            PubsubError: NOT_FOUND if there is no such topic.
        """
        self.topic(name)
        del self._topics[name]
        self._store.delete_topic(name)
        for queue in self.subscriptions_of(name):
            queue.config.topic = wire.DELETED_TOPIC
            self._store.put_subscription(queue.config)

    def topics_in(self, project: str) -> dict[str, Any]:
        """Return a dict from topic names to the project's topics. `project` has the form projects/PROJECT."""
        return {name: topic for name, topic in self._topics.items() if name.startswith(f"{project}/")}

    def subscriptions_of(self, topic: str) -> list[Queue]:
        """Return the queues of a topic's subscriptions."""
        return [queue for queue in self.queues if queue.config.topic == topic]

    def publish(self, topic: str, messages: Iterable[Any]) -> list[str]:
        """Give each message an id and a time, and add the message to all queues with a matching filter. Return the ids.

        Raises:
            PubsubError: NOT_FOUND if there is no such topic.
        """
        self.topic(topic)
        now = timestamp_pb2.Timestamp()
        now.GetCurrentTime()
        now.nanos -= now.nanos % 1_000_000  # publish times are in whole milliseconds, as in Google's Pub/Sub
        queues = self.subscriptions_of(topic)
        ids: list[str] = []
        deliveries: list[tuple[Queue, Delivery]] = []
        for message in messages:
            message.message_id = str(next(self._ids))
            message.publish_time.CopyFrom(now)
            ids.append(message.message_id)
            attributes = dict(message.attributes)
            deliveries += [(queue, Delivery(next(self._ids), message)) for queue in queues if queue.matches(attributes)]
        self._store.add_deliveries(
            (delivery.id, queue.config.name, delivery.message.SerializeToString()) for queue, delivery in deliveries
        )
        for queue, delivery in deliveries:
            queue.put(delivery)
        return ids

    # Methods for subscriptions

    def create_subscription(self, subscription: Any) -> Queue:
        """Create a subscription.

        Raises:
            PubsubError: ALREADY_EXISTS if the name is taken; NOT_FOUND if there is no such topic or dead-letter topic;
                INVALID_ARGUMENT or UNIMPLEMENTED as in `wire.checked_subscription`.
        """
        config = wire.checked_subscription(subscription)
        if config.name in self._queues:
            raise errors.already_exists(config.name)
        self.topic(config.topic)
        self._check_dead_letter_topic(config)
        queue = self._queues[config.name] = self._queue(config)
        self._store.put_subscription(config)
        return queue

    def queue(self, subscription: str) -> Queue:
        """Return the queue of the subscription with the name `subscription`.

        Raises:
            PubsubError: NOT_FOUND if there is no such subscription; INVALID_ARGUMENT if the name breaks a rule.
        """
        wire.check_name(subscription, "subscriptions")
        if subscription not in self._queues:
            raise errors.not_found(subscription)
        return self._queues[subscription]

    def pull_queue(self, subscription: str) -> Queue:
        """Return the queue of the pull subscription with the name `subscription`.

        Raises:
            PubsubError: FAILED_PRECONDITION if the subscription is a push subscription; NOT_FOUND if there is no such
                subscription.
        """
        queue = self.queue(subscription)
        if queue.is_push:
            raise errors.failed_precondition(
                f"{subscription} is a push subscription; clear its push endpoint to pull from it."
            )
        return queue

    def update_subscription(self, change: Any, mask: field_mask_pb2.FieldMask) -> Queue:
        """Update the subscription `change.name`. The fields that `mask` names get their values from `change`.

        Raises:
            PubsubError: NOT_FOUND if there is no such subscription or dead-letter topic; INVALID_ARGUMENT if the mask
                is empty or names a fixed field; INVALID_ARGUMENT or UNIMPLEMENTED as in `wire.checked_subscription`.
        """
        queue = self.queue(change.name)
        config = wire.checked_subscription(_merged(queue.config, change, mask, _FIXED_SUBSCRIPTION_FIELDS))
        self._check_dead_letter_topic(config)
        queue.config = config
        self._store.put_subscription(config)
        return queue

    def delete_subscription(self, name: str) -> Queue:
        """Delete a subscription and, as in Google's Pub/Sub, its undelivered messages.

        Raises:
            PubsubError: NOT_FOUND if there is no such subscription.
        """
        queue = self.queue(name)
        del self._queues[name]
        queue.close()
        self._store.delete_subscription(name)
        return queue

    def subscriptions_in(self, project: str) -> dict[str, Queue]:
        """Return a dict from subscription names to the project's queues. `project` has the form projects/PROJECT."""
        return {name: queue for name, queue in self._queues.items() if name.startswith(f"{project}/")}

    def _keep_topic(self, topic: Any) -> Any:
        self._topics[topic.name] = topic
        self._store.put_topic(topic)
        return topic

    def _queue(self, config: Any) -> Queue:
        return Queue(config, self._store, self._forward, self._observe)

    def _check_dead_letter_topic(self, config: Any) -> None:
        if config.HasField("dead_letter_policy"):
            self.topic(config.dead_letter_policy.dead_letter_topic)

    def _forward(self, queue: Queue, delivery: Delivery) -> bool:
        """Publish the delivery's message to the dead-letter topic. Return whether this topic exists."""
        topic = queue.config.dead_letter_policy.dead_letter_topic
        if topic not in self._topics:
            _log.warning(
                "%s cannot forward message %s: its dead-letter topic %s is deleted; create it again",
                queue.config.name, delivery.message.message_id, topic,
            )  # fmt: skip
            return False
        self.publish(topic, [wire.dead_letter(delivery.message, queue.config.name, delivery.attempt)])
        return True


def _merged(resource: Any, change: Any, mask: field_mask_pb2.FieldMask, fixed: set[str]) -> Any:
    if not mask.paths:
        raise errors.invalid("The update_mask must be set, and must contain a non-empty paths list.")
    for path in mask.paths:
        field = path.partition(".")[0]
        if field in fixed or field not in resource.DESCRIPTOR.fields_by_name:
            raise errors.invalid(
                f"Invalid update_mask provided in the request: {path!r} is not a mutable field; take it out."
            )
    merged = type(resource).FromString(resource.SerializeToString())
    mask.MergeMessage(change, merged, replace_message_field=True, replace_repeated_field=True)
    return merged
