"""A local Pub/Sub: google.pubsub.v1 on 127.0.0.1, durable, with push, backoff, filters and dead letters.

These are refused with UNIMPLEMENTED: snapshots and seeking, schemas, exactly-once delivery, message transforms, push
with a token or without wrapper, BigQuery and Cloud Storage subscriptions. Subscriptions do not expire.
"""

from deskcloud.pubsub.client import Publish, publisher
from deskcloud.pubsub.queues import Progress
from deskcloud.pubsub.server import Server, serve

__all__ = ["Progress", "Publish", "Server", "publisher", "serve"]
