"""Google's clients, each made when first asked for, and what every function does with them.

Clients are kept for the life of the process, because an instance of a function serves many events. Their addresses
come from the environment variables that Google's clients themselves read, so nothing here knows of a local cloud.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from shared import jsontext
from shared.settings import Settings

# A cold start pays only for what its function uses, so clients are imported when first used.
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
        """The environment's bucket."""
        return self.storage.bucket(self.settings.bucket)

    @cached_property
    def publisher(self) -> pubsub_v1.PublisherClient:
        """The Pub/Sub publisher; one event a message, so batching would only wait."""
        from google.cloud import pubsub_v1  # type: ignore[attr-defined]

        return pubsub_v1.PublisherClient(batch_settings=pubsub_v1.types.BatchSettings(max_messages=1))

    def publish(self, event: Event) -> None:
        """Publish an event to its topic and wait until Pub/Sub has it."""
        self.send(event.topic, event.to_json())

    def send(self, topic: str, body: dict[str, Any], **attributes: str) -> None:
        """Publish JSON to a topic and wait until Pub/Sub has it."""
        self.pass_on(topic, jsontext.encode(body), attributes)

    def pass_on(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """Publish a message as it is, wait until Pub/Sub has it, and return its id."""
        path = f"projects/{self.settings.project}/topics/{topic}"
        try:
            return str(self.publisher.publish(path, data, **attributes).result(timeout=60))
        except Exception:
            # A client refuses every further message to a topic that it once failed to publish to.
            self.__dict__.pop("publisher", None)
            raise

    def query(self, name: str, parameters: Parameters | None = None, **identifiers: str) -> list[dict[str, Any]]:
        """Run a statement outside any run; unlike a step's, it is run again by each delivery."""
        from shared.warehouse import Statement, query

        return query(self.bigquery, self.settings, Statement(name, parameters or {}, identifiers))

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """The messages that no function could use."""
        from shared.dead_letters import DeadLetters

        return DeadLetters(self.bucket)


@cache
def clients() -> Clients:
    """Return this process's clients."""
    return Clients(Settings.from_environment())
