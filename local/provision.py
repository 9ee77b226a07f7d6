"""Make in the local cloud what Terraform makes on Google Cloud, from the same declarations. Twice is once."""

from concurrent.futures import ThreadPoolExecutor
from string import Template

from google.api_core.exceptions import AlreadyExists, Conflict
from google.cloud import aiplatform_v1 as vertex
from google.cloud import bigquery, pubsub_v1, storage  # type: ignore[attr-defined]
from google.protobuf.duration_pb2 import Duration

from local.declarations import Delivery, Function, Table


def bucket(client: storage.Client, name: str) -> None:
    """Make the bucket of runs and revisions."""
    try:
        client.create_bucket(name)
    except Conflict:
        return


def tables(client: bigquery.Client, dataset: str, declared: list[Table]) -> None:
    """Make the dataset and its tables, then the views, which read them."""
    client.create_dataset(dataset, exists_ok=True)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda table: _make_table(client, dataset, table), (one for one in declared if not one.query)))
    for view in (one for one in declared if one.query):
        _make_table(client, dataset, view)


def _make_table(client: bigquery.Client, dataset: str, declared: Table) -> None:
    name = f"{client.project}.{dataset}.{declared.name}"
    table = bigquery.Table(name, schema=[_column(column) for column in declared.columns] or None)
    table.description = declared.description
    if declared.query:
        table.view_query = Template(declared.query).substitute(dataset=f"{client.project}.{dataset}")
    if declared.partition:
        milliseconds = declared.expiration_days * 86_400_000 if declared.expiration_days else None
        table.time_partitioning = bigquery.TimePartitioning(field=declared.partition, expiration_ms=milliseconds)
    if declared.cluster:
        table.clustering_fields = declared.cluster
    client.create_table(table, exists_ok=True)


def _column(column: dict[str, str | bool]) -> bigquery.SchemaField:
    mode = "REQUIRED" if column.get("required") else "NULLABLE"
    return bigquery.SchemaField(
        str(column["name"]), str(column["type"]), mode=mode, description=str(column["description"])
    )


def topics(publisher: pubsub_v1.PublisherClient, project: str, names: list[str]) -> None:
    """Make the topics."""
    for name in names:
        try:
            publisher.create_topic(name=f"projects/{project}/topics/{name}")
        except AlreadyExists:
            continue


def subscriptions(
    subscriber: pubsub_v1.SubscriberClient,
    project: str,
    functions: list[Function],
    delivery: Delivery,
    functions_url: str,
) -> None:
    """Make one push subscription a function and topic, or point it at where the function answers now."""
    for function in functions:
        for topic in function.topics:
            path = f"projects/{project}/subscriptions/{function.name.replace('_', '-')}-{topic}"
            topic_path = f"projects/{project}/topics/{topic}"
            # The framework learns a raw push's topic from the path.
            push = pubsub_v1.types.PushConfig(push_endpoint=f"{functions_url}/{function.name}/{topic_path}")
            try:
                subscriber.create_subscription(
                    request={
                        "name": path,
                        "topic": topic_path,
                        "push_config": push,
                        "ack_deadline_seconds": min(function.timeout_seconds, 600),
                        "retry_policy": pubsub_v1.types.RetryPolicy(
                            minimum_backoff=_duration(delivery.minimum_backoff_seconds),
                            maximum_backoff=_duration(delivery.maximum_backoff_seconds),
                        ),
                        "dead_letter_policy": _dead_letters(project, topic, delivery),
                    }
                )
            except AlreadyExists:
                subscriber.modify_push_config(subscription=path, push_config=push)


def _duration(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))


def _dead_letters(project: str, topic: str, delivery: Delivery) -> pubsub_v1.types.DeadLetterPolicy | None:
    """Return where undeliverable messages go; what cannot be kept as a dead letter has nowhere further to go."""
    if topic == delivery.dead_letter_topic:
        return None
    return pubsub_v1.types.DeadLetterPolicy(
        dead_letter_topic=f"projects/{project}/topics/{delivery.dead_letter_topic}",
        max_delivery_attempts=delivery.max_delivery_attempts,
    )


def endpoint(client: vertex.EndpointServiceClient, project: str, region: str, endpoint_id: str) -> None:
    """Make the endpoint that serves the champion."""
    parent = f"projects/{project}/locations/{region}"
    try:
        client.create_endpoint(
            parent=parent, endpoint_id=endpoint_id, endpoint=vertex.Endpoint(display_name=endpoint_id)
        ).result()
    except AlreadyExists:
        return
