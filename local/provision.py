"""Make in the local cloud what Terraform makes on Google Cloud, from the same declarations. Twice is once."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from string import Template
from typing import Any

import grpc
import httpx
from google.api_core.exceptions import AlreadyExists, Conflict
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, pubsub_v1, storage  # type: ignore[attr-defined]
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from local.declarations import Declarations, Delivery, Function, Table

NOBODY = AnonymousCredentials()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Names:
    """What the things of one environment are called."""

    project: str
    bucket: str
    dataset: str
    region: str
    endpoint: str
    # `project.dataset` of the Google Analytics export, which the sinks' filters name.
    export: str = ""
    # Where the dataset is.
    location: str = "US"

    def topic(self, name: str) -> str:
        """Return a topic's full name."""
        return f"projects/{self.project}/topics/{name}"


def everything(declared: Declarations, names: Names, services: Mapping[str, str]) -> None:
    """Make all of it; `services` are the addresses by name."""
    with ThreadPoolExecutor(3) as pool:
        made = [
            pool.submit(make_tables, names, declared.tables, services["bigquery"]),
            pool.submit(make_bucket, names, services["storage"]),
            pool.submit(make_endpoint, names, services["vertex"]),
        ]
        make_topics(names, declared, services["pubsub"], services["functions"])
        for one in made:
            one.result()


def make_bucket(names: Names, url: str) -> None:
    """Make the bucket of runs and revisions."""
    client = storage.Client(names.project, NOBODY, client_options={"api_endpoint": url})
    try:
        client.create_bucket(names.bucket)
    except Conflict:
        return


def make_tables(names: Names, declared: list[Table], url: str) -> None:
    """Make the dataset and its tables, then the views, which read them."""
    client = bigquery.Client(names.project, NOBODY, location=names.location, client_options={"api_endpoint": url})
    client.create_dataset(names.dataset, exists_ok=True)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: _make_table(client, names, one), (one for one in declared if not one.query)))
    for view in (one for one in declared if one.query):
        _make_table(client, names, view)


def _make_table(client: bigquery.Client, names: Names, declared: Table) -> None:
    dataset = f"{names.project}.{names.dataset}"
    table = bigquery.Table(f"{dataset}.{declared.name}", schema=[_column(one) for one in declared.columns] or None)
    table.description = declared.description
    if declared.query:
        table.view_query = Template(declared.query).substitute(dataset=dataset)
    if declared.partition:
        milliseconds = declared.expiration_days * 86_400_000 if declared.expiration_days else None
        table.time_partitioning = bigquery.TimePartitioning(field=declared.partition, expiration_ms=milliseconds)
    if declared.cluster:
        table.clustering_fields = declared.cluster
    client.create_table(table, exists_ok=True)


def _column(column: dict[str, Any]) -> bigquery.SchemaField:
    mode = "REQUIRED" if column.get("required") else "REPEATED" if column.get("repeated") else "NULLABLE"
    fields = [_column(one) for one in column.get("fields", ())]
    return bigquery.SchemaField(column["name"], column["type"], mode, description=column["description"], fields=fields)


def make_topics(names: Names, declared: Declarations, host: str, functions_url: str) -> None:
    """Make the topics, and one push subscription a function and topic it listens to."""
    with grpc.insecure_channel(host) as channel:
        publisher = pubsub_v1.PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        subscriber = pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        for topic in declared.topics:
            try:
                publisher.create_topic(name=names.topic(topic))
            except AlreadyExists:
                continue
        for function in declared.functions:
            for topic in function.topics:
                _make_subscription(subscriber, names, function, topic, declared.delivery, functions_url)


def _make_subscription(
    subscriber: pubsub_v1.SubscriberClient,
    names: Names,
    function: Function,
    topic: str,
    delivery: Delivery,
    functions_url: str,
) -> None:
    """Make the subscription, or point it at where the function answers now."""
    path = f"projects/{names.project}/subscriptions/{function.name.replace('_', '-')}-{topic}"
    # The framework learns a raw push's topic from the path.
    push = pubsub_v1.types.PushConfig(push_endpoint=f"{functions_url}/{function.name}/{names.topic(topic)}")
    try:
        subscriber.create_subscription(
            request={
                "name": path,
                "topic": names.topic(topic),
                "push_config": push,
                "ack_deadline_seconds": min(function.timeout_seconds, 600),
                "retry_policy": pubsub_v1.types.RetryPolicy(
                    minimum_backoff=_duration(delivery.minimum_backoff_seconds),
                    maximum_backoff=_duration(delivery.maximum_backoff_seconds),
                ),
                "dead_letter_policy": _dead_letters(names, topic, delivery),
            }
        )
    except AlreadyExists:
        subscriber.modify_push_config(subscription=path, push_config=push)


def _duration(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))


def _dead_letters(names: Names, topic: str, delivery: Delivery) -> pubsub_v1.types.DeadLetterPolicy | None:
    """Return where undeliverable messages go; what cannot be kept as a dead letter has nowhere further to go."""
    if topic == delivery.dead_letter_topic:
        return None
    return pubsub_v1.types.DeadLetterPolicy(
        dead_letter_topic=names.topic(delivery.dead_letter_topic),
        max_delivery_attempts=delivery.max_delivery_attempts,
    )


def make_endpoint(names: Names, url: str) -> None:
    """Make the endpoint that serves the champion."""
    # Not by Google's client: importing it takes a second, and this process needs it for nothing else.
    answer = httpx.post(
        f"{url}/v1/projects/{names.project}/locations/{names.region}/endpoints",
        params={"endpointId": names.endpoint},
        json={"displayName": names.endpoint},
        trust_env=False,
    )
    if answer.status_code != httpx.codes.CONFLICT:
        answer.raise_for_status()
