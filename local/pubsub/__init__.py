"""Pub/Sub: google.pubsub.v1 on 127.0.0.1, durable, with push, backoff, filters and dead letters."""

from local.pubsub.client import Publish, publisher
from local.pubsub.queues import Progress
from local.pubsub.server import Server, serve

__all__ = ["Progress", "Publish", "Server", "publisher", "serve"]
