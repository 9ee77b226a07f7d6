"""Google's clients, each created at its first use, and the calls that all functions share.

Clients live as long as the process, because one instance of a function serves many events. Google's clients read their
addresses from environment variables, so this code is the same on a local cloud.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from shared import jsontext
from shared.settings import Settings

# Clients are imported at their first use, so that a cold start loads only the modules that its function needs.
if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.cloud import bigquery, pubsub_v1, storage  # type: ignore[attr-defined]
    from google.cloud.storage import Bucket

    from shared.dead_letters import DeadLetters
    from shared.events import Event
    from shared.warehouse import Parameters


class Clients:
    """Google's clients in the project that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def bigquery(self) -> bigquery.Client:
        """The BigQuery client, in the dataset's location."""
        from google.cloud import bigquery

        return bigquery.Client(project=self.settings.project, location=self.settings.location)

    @cached_property
    def storage(self) -> storage.Client:
        """The Cloud Storage client."""
        from google.cloud import storage

        return storage.Client(project=self.settings.project)

    @property
    def bucket(self) -> Bucket:
        """The bucket that the settings name."""
        return self.storage.bucket(self.settings.bucket)

    @cached_property
    def publisher(self) -> pubsub_v1.PublisherClient:
        """The Pub/Sub publisher. It does not collect batches, because events are published one at a time."""
        from google.cloud import pubsub_v1  # type: ignore[attr-defined]

        return pubsub_v1.PublisherClient(batch_settings=pubsub_v1.types.BatchSettings(max_messages=1))

    def publish(self, event: Event) -> None:
        """Publish an event to its topic and wait for Pub/Sub's confirmation."""
        self.send(event.topic, event.to_json())

    def send(self, topic: str, body: dict[str, Any], **attributes: str) -> None:
        """Publish `body` as JSON to a topic and wait for Pub/Sub's confirmation."""
        self.pass_on(topic, jsontext.encode(body), attributes)

    def pass_on(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """Publish bytes to a topic, wait for Pub/Sub's confirmation, and return the id of the new message."""
        path = f"projects/{self.settings.project}/topics/{topic}"
        try:
            return str(self.publisher.publish(path, data, **attributes).result(timeout=60))
        except Exception:
            # After a failed publish, a publisher refuses all further messages to the topic. So the next message needs a
            # new publisher.
            self.__dict__.pop("publisher", None)
            raise

    def query(self, name: str, parameters: Parameters | None = None, **identifiers: str) -> list[dict[str, Any]]:
        """Run a statement that belongs to no run, and return its rows.

        Each delivery executes the statement again. In contrast, a statement of a run's step is executed once.
        """
        from shared.warehouse import Statement, query

        return query(self.bigquery, self.settings, Statement(name, parameters or {}, identifiers))

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """The dead letters, which are stored in the bucket."""
        from shared.dead_letters import DeadLetters

        return DeadLetters(self.bucket)


@cache
def clients() -> Clients:
    """Return the clients of this process, from the settings in its environment."""
    return Clients(Settings.from_environment())
