"""Create the resources that a cloud's document declares. Repeated calls have no further effect."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
from google.api_core.exceptions import AlreadyExists, Conflict
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, pubsub_v1, storage  # type: ignore[attr-defined]
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from deskcloud.document import Column, Dataset, Document, Endpoint, Subscription, Table
from deskcloud.errors import CommandError
from deskcloud.web.plain import NO_TLS

NOBODY = AnonymousCredentials()  # type: ignore[no-untyped-call]


def everything(document: Document, services: Mapping[str, str]) -> None:
    """Create all resources of the document. `services` maps a service's name to its address."""
    project = document.project
    with ThreadPoolExecutor(3) as pool:
        made = [
            pool.submit(make_datasets, project, document.datasets, services["bigquery"]),
            pool.submit(make_buckets, project, document.buckets, services["storage"]),
            pool.submit(make_endpoints, project, document.endpoints, services["vertex"]),
        ]
        make_topics(document, services["pubsub"], services["functions"])
        for one in made:
            one.result()


def make_buckets(project: str, names: tuple[str, ...], url: str) -> None:
    """Create the buckets `names`, unless they exist. `url` is the address of Cloud Storage."""
    client = storage.Client(project, NOBODY, client_options={"api_endpoint": url})
    for name in names:
        try:
            client.create_bucket(name)
        except Conflict:
            continue


def make_datasets(project: str, datasets: tuple[Dataset, ...], url: str) -> None:
    """Create each dataset with its tables, and then its views, because views read tables.

    If a table exists, the declared columns that it lacks are added, also inside structs. If a view exists with another
    query than the declared one, the view gets the declared query.

    Raises:
        CommandError: a new column is not declared last. BigQuery adds columns at the end of a table. The table would
            then not have the declared order, and INSERT ROW would write values into the wrong columns.
    """
    for dataset in datasets:
        client = bigquery.Client(project, NOBODY, location=dataset.location, client_options={"api_endpoint": url})
        client.create_dataset(dataset.name, exists_ok=True)
        tables = [one for one in dataset.tables if not one.query]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: _make_table(client, dataset.name, one), tables))  # noqa: B023 - called before `client` changes
        for view in (one for one in dataset.tables if one.query):
            _make_table(client, dataset.name, view)


def _make_table(client: bigquery.Client, dataset: str, named: Table) -> None:
    columns = [field(one) for one in named.columns] or None
    table = bigquery.Table(f"{client.project}.{dataset}.{named.name}", schema=columns)
    table.description = named.description
    if named.query:
        table.view_query = named.query
    if named.partition:
        milliseconds = named.expiration_days * 86_400_000 if named.expiration_days else None
        table.time_partitioning = bigquery.TimePartitioning(field=named.partition, expiration_ms=milliseconds)
    if named.cluster:
        table.clustering_fields = list(named.cluster)
    there = client.create_table(table, exists_ok=True)
    schema = _with_columns(there.schema, columns or [])
    if named.query and there.view_query != named.query:
        there.view_query = named.query
        client.update_table(there, ["view_query"])
    elif not named.query and schema != there.schema:
        _require_order(named, [one.name for one in schema])
        there.schema = schema
        client.update_table(there, ["schema"])


def _require_order(table: Table, made: list[str]) -> None:
    declared = [column.name for column in table.columns]
    if [name for name in made if name in declared] != declared:
        kept = ", ".join(made)
        raise CommandError(f"table {table.name}: declare new columns last, as BigQuery adds them at the end: {kept}")


def _with_columns(known: Sequence[bigquery.SchemaField], wanted: Sequence[bigquery.SchemaField]) -> list[Any]:
    """Return a table's columns, `known`, followed by the `wanted` columns that the table lacks.

    The fields that a struct lacks are added to the struct in the same way.
    """
    by_name = {one.name: one for one in wanted}
    kept = [_whole(column, by_name.pop(column.name, column)) for column in known]
    return [*kept, *by_name.values()]


def _whole(column: bigquery.SchemaField, wanted: bigquery.SchemaField) -> bigquery.SchemaField:
    fields = _with_columns(column.fields, wanted.fields)
    if fields == list(column.fields):
        return column
    return bigquery.SchemaField.from_api_repr(column.to_api_repr() | {"fields": [one.to_api_repr() for one in fields]})


def field(column: Column) -> bigquery.SchemaField:
    """Convert a column to a SchemaField of Google's client."""
    mode = "REQUIRED" if column.required else "REPEATED" if column.repeated else "NULLABLE"
    fields = [field(one) for one in column.fields]
    return bigquery.SchemaField(column.name, column.type, mode, description=column.description, fields=fields)


def make_topics(document: Document, host: str, functions_url: str) -> None:
    """Create the topics, and the subscriptions that push to `functions_url`. `host` is Pub/Sub's address."""
    with grpc.insecure_channel(host) as channel:
        publisher = pubsub_v1.PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        subscriber = pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        for topic in document.topics:
            try:
                publisher.create_topic(name=topic_path(document.project, topic))
            except AlreadyExists:
                continue
        for subscription in document.subscriptions:
            _make_subscription(subscriber, document.project, subscription, functions_url)


def topic_path(project: str, topic: str) -> str:
    """Return the topic's resource name, `projects/P/topics/T`."""
    return f"projects/{project}/topics/{topic}"


def _make_subscription(
    subscriber: pubsub_v1.SubscriberClient, project: str, named: Subscription, functions_url: str
) -> None:
    """Create the subscription. If it exists, update its push endpoint."""
    path, topic = f"projects/{project}/subscriptions/{named.name}", topic_path(project, named.topic)
    # The URL's path ends with the topic, because functions-framework reads a push's topic from the path.
    push = pubsub_v1.types.PushConfig(push_endpoint=f"{functions_url}/{named.function}/{topic}")
    dead_letters = named.dead_letters and pubsub_v1.types.DeadLetterPolicy(
        dead_letter_topic=topic_path(project, named.dead_letters), max_delivery_attempts=named.max_delivery_attempts
    )
    try:
        subscriber.create_subscription(
            request={
                "name": path,
                "topic": topic,
                "push_config": push,
                "ack_deadline_seconds": named.ack_deadline_seconds,
                "retry_policy": pubsub_v1.types.RetryPolicy(
                    minimum_backoff=_duration(named.minimum_backoff_seconds),
                    maximum_backoff=_duration(named.maximum_backoff_seconds),
                ),
                "dead_letter_policy": dead_letters or None,
            }
        )
    except AlreadyExists:
        subscriber.modify_push_config(subscription=path, push_config=push)


def _duration(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))


def make_endpoints(project: str, endpoints: tuple[Endpoint, ...], url: str) -> None:
    """Create Vertex AI's endpoints. `url` is the address of Vertex AI."""
    for endpoint in endpoints:
        # The request is sent without Google's client, because the client's import would take a second.
        answer = httpx.post(
            f"{url}/v1/projects/{project}/locations/{endpoint.region}/endpoints",
            params={"endpointId": endpoint.name},
            json={"displayName": endpoint.name},
            trust_env=False,
            verify=NO_TLS,
        )
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()
