"""Serve Pub/Sub (google.pubsub.v1) on 127.0.0.1, with push, backoff, filters, dead letters and persistent messages.

The service does not implement snapshots, seeking, schemas, exactly-once delivery, message transforms, push with a
token, push without wrapper, and subscriptions that write to BigQuery or Cloud Storage. It answers a request for one of
these features with UNIMPLEMENTED. Subscriptions do not expire.
"""

from deskcloud.pubsub.client import Publish, publisher
from deskcloud.pubsub.queues import Progress
from deskcloud.pubsub.server import Server, serve

__all__ = ["Progress", "Publish", "Server", "publisher", "serve"]
