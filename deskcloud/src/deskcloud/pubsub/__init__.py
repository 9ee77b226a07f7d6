"""Serve Pub/Sub (google.pubsub.v1) on 127.0.0.1, with push, backoff, filters and dead letters; messages are persistent.

The service answers UNIMPLEMENTED to requests that use snapshots, seeking, schemas, exactly-once delivery, message
transforms, push with a token or without wrapper, or BigQuery and Cloud Storage subscriptions. Subscriptions do not
expire.
"""

from deskcloud.pubsub.client import Publish, publisher
from deskcloud.pubsub.queues import Progress
from deskcloud.pubsub.server import Server, serve

__all__ = ["Progress", "Publish", "Server", "publisher", "serve"]
