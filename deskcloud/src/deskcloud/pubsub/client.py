"""Let other local services publish messages through Pub/Sub's API."""

from collections.abc import Callable

import grpc
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.types import PubsubMessage

type Publish = Callable[[str, list[PubsubMessage]], None]
"""A function that publishes messages to a topic (projects/P/topics/T). It returns when Pub/Sub has accepted them."""


def publisher(host: str) -> Publish:
    """Return a function that publishes without batching. `host` is HOST:PORT, as in PUBSUB_EMULATOR_HOST."""
    client = PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(host)))

    def publish(topic: str, messages: list[PubsubMessage]) -> None:
        client.publish(topic=topic, messages=messages, timeout=30)

    return publish
