"""Check names and limits of Pub/Sub's resources, set defaults, and build the JSON of a push."""

import base64
import re
from typing import Any

from google.protobuf import duration_pb2

from deskcloud.filters import FilterError
from deskcloud.pubsub import errors
from deskcloud.pubsub import filter as message_filter
from deskcloud.pubsub.state import PubsubMessage, Subscription, Topic

DELETED_TOPIC = "_deleted-topic_"
"""A subscription has this name as its topic after the topic was deleted."""

_ID = r"(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}"
_NAMES = {kind: re.compile(rf"projects/[^/]+/{kind}/{_ID}") for kind in ("topics", "subscriptions")}
_RETENTION = (600, 31 * 86400)
_DEFAULT_RETENTION = 7 * 86400
_LARGEST_PUBLISH = 10_000_000

_UNSUPPORTED_TOPIC_FIELDS = (
    "schema_settings", "ingestion_data_source_settings", "message_transforms", "kms_key_name",
)  # fmt: skip
_UNSUPPORTED_SUBSCRIPTION_FIELDS = (
    "bigquery_config", "cloud_storage_config", "bigtable_config", "message_transforms",
    "enable_exactly_once_delivery", "retain_acked_messages",
)  # fmt: skip


def check_name(name: str, kind: str) -> None:
    """Check a name by Google's rules. `kind` is "topics" or "subscriptions".

    Raises:
        PubsubError: INVALID_ARGUMENT if the name breaks a rule.
    """
    if not _NAMES[kind].fullmatch(name):
        raise errors.invalid(
            f"Invalid [{kind}] name: (name={name}). It must be projects/PROJECT/{kind}/ID; the ID has 3 to 255 "
            "letters, digits or -_.~+%, starts with a letter and not with goog."
        )


def checked_topic(topic: Any) -> Any:
    """Check a topic of a request, and return the topic as Pub/Sub stores it.

    Raises:
        PubsubError: INVALID_ARGUMENT if the name breaks a rule; UNIMPLEMENTED if a field is not supported here.
    """
    check_name(topic.name, "topics")
    _refuse_fields(topic, _UNSUPPORTED_TOPIC_FIELDS)
    checked = Topic.FromString(topic.SerializeToString())
    checked.state = Topic.State.ACTIVE
    return checked


def checked_subscription(subscription: Any) -> Any:
    """Check a subscription of a request, and return it with defaults, as Pub/Sub stores it.

    Raises:
        PubsubError: INVALID_ARGUMENT if a field breaks a rule; UNIMPLEMENTED if a field is not supported here.
    """
    check_name(subscription.name, "subscriptions")
    _refuse_fields(subscription, _UNSUPPORTED_SUBSCRIPTION_FIELDS)
    checked = Subscription.FromString(subscription.SerializeToString())
    checked.state = Subscription.State.ACTIVE
    checked.ack_deadline_seconds = checked.ack_deadline_seconds or 10
    _check_range("ack_deadline_seconds", checked.ack_deadline_seconds, 10, 600)
    if not checked.HasField("message_retention_duration"):
        checked.message_retention_duration.seconds = _DEFAULT_RETENTION
    _check_range("message_retention_duration", _seconds(checked.message_retention_duration), *_RETENTION)
    _check_filter(checked.filter)
    _check_push(checked.push_config)
    if checked.HasField("retry_policy"):
        _complete_retry_policy(checked.retry_policy)
    if checked.HasField("dead_letter_policy"):
        policy = checked.dead_letter_policy
        check_name(policy.dead_letter_topic, "topics")
        policy.max_delivery_attempts = policy.max_delivery_attempts or 5
        _check_range("dead_letter_policy.max_delivery_attempts", policy.max_delivery_attempts, 5, 100)
    return checked


def check_messages(messages: Any) -> None:
    """Check the messages of a Publish request by Google's rules.

    Raises:
        PubsubError: INVALID_ARGUMENT if there are no messages or too many, or a message breaks a rule.
    """
    if not messages:
        raise errors.invalid("The request has no messages; publish at least one.")
    if len(messages) > 1000:
        raise errors.invalid(f"The request has {len(messages)} messages; publish at most 1000 at once.")
    if sum(message.ByteSize() for message in messages) > _LARGEST_PUBLISH:
        raise errors.invalid(f"The request is larger than {_LARGEST_PUBLISH} bytes; publish less at once.")
    for message in messages:
        _check_message(message)


def push_body(message: Any, subscription: str, attempt: int | None) -> dict[str, Any]:
    """Return the JSON for a push endpoint. `attempt` is None if the subscription has no dead-letter topic.

    As in Google's Pub/Sub, some fields appear twice, in camel case and in snake case.
    """
    published = message.publish_time.ToJsonString()
    body: dict[str, Any] = {
        "message": {
            "messageId": message.message_id,
            "message_id": message.message_id,
            "publishTime": published,
            "publish_time": published,
        },
        "subscription": subscription,
    }
    if message.data:
        body["message"]["data"] = base64.b64encode(message.data).decode()
    if message.attributes:
        body["message"]["attributes"] = dict(message.attributes)
    if message.ordering_key:
        body["message"]["orderingKey"] = message.ordering_key
    if attempt is not None:
        body["deliveryAttempt"] = attempt
    return body


def dead_letter(message: Any, subscription: str, attempts: int) -> Any:
    """Return the message for the dead-letter topic. Like Google's, it has attributes about its former deliveries."""
    _, project, _, subscription_id = subscription.split("/")
    letter = PubsubMessage(data=message.data, attributes=message.attributes, ordering_key=message.ordering_key)
    letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(attempts)
    letter.attributes["CloudPubSubDeadLetterSourceSubscription"] = subscription_id
    letter.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = project
    letter.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = message.publish_time.ToJsonString()
    return letter


def ack_id(delivery: int, attempt: int) -> str:
    """Return the id with which a subscriber acknowledges a delivery."""
    return f"{delivery}:{attempt}"


def parse_ack_id(text: str) -> tuple[int, int]:
    """Return the two numbers in an `ack_id`: the delivery's number and the attempt's number.

    Raises:
        PubsubError: INVALID_ARGUMENT if `text` is not an `ack_id`.
    """
    delivery, _, attempt = text.partition(":")
    if not (delivery.isdecimal() and attempt.isdecimal()):
        raise errors.invalid(f"You have passed an invalid ack ID to the service (ack_id={text}).")
    return int(delivery), int(attempt)


def page(names: list[str], size: int, token: str) -> tuple[list[str], str]:
    """Return at most `size` of the sorted names, and the token of the next page. `token` is the token of this page.

    The token of the next page is the last name of this page, or "" if there is no next page.
    """
    rest = [name for name in sorted(names) if name > token]
    size = size or 1000
    return rest[:size], rest[size - 1] if len(rest) > size else ""


def _refuse_fields(resource: Any, names: tuple[str, ...]) -> None:
    used = {field.name for field, _ in resource.ListFields()}
    for name in names:
        if name in used:
            raise errors.unsupported(f"{type(resource).__name__}.{name}")


def _check_message(message: Any) -> None:
    if not message.data and not message.attributes:
        raise errors.invalid(
            "One or more messages in the publish request is empty. Each message must contain either non-empty data, "
            "or at least one attribute."
        )
    if len(message.attributes) > 100:
        raise errors.invalid(f"A message has {len(message.attributes)} attributes; the most allowed is 100.")
    for key, value in message.attributes.items():
        if not 0 < len(key.encode()) <= 256 or key.startswith("goog") or len(value.encode()) > 1024:
            raise errors.invalid(
                f"The attribute {key[:256]!r} is not allowed: a key has 1 to 256 bytes and does not start with goog, "
                "a value has at most 1024 bytes."
            )


def _check_filter(text: str) -> None:
    try:
        message_filter.parse(text)
    except FilterError as error:
        raise errors.invalid(f"Invalid filter: {error}.") from error


def _check_push(push: Any) -> None:
    for field in ("oidc_token", "no_wrapper"):
        if push.HasField(field):
            raise errors.unsupported(f"PushConfig.{field}")
    if push.push_endpoint and not push.push_endpoint.startswith(("http://", "https://")):
        raise errors.invalid(f"Invalid push endpoint {push.push_endpoint}: it must be an http or https URL.")


def _complete_retry_policy(policy: Any) -> None:
    if not policy.HasField("minimum_backoff"):
        policy.minimum_backoff.seconds = 10
    if not policy.HasField("maximum_backoff"):
        policy.maximum_backoff.seconds = 600
    shortest, longest = _seconds(policy.minimum_backoff), _seconds(policy.maximum_backoff)
    _check_range("retry_policy.minimum_backoff", shortest, 0, 600)
    _check_range("retry_policy.maximum_backoff", longest, 0, 600)
    if shortest > longest:
        raise errors.invalid(
            f"Invalid retry_policy: minimum_backoff ({shortest:g} s) must not exceed maximum_backoff ({longest:g} s)."
        )


def _check_range(name: str, value: float, low: int, high: int) -> None:
    if not low <= value <= high:
        raise errors.invalid(f"Invalid {name}: {value:g}; it must be between {low} and {high}.")


def _seconds(duration: duration_pb2.Duration) -> float:
    return float(duration.ToTimedelta().total_seconds())
