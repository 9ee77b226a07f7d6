"""The log events of message_customer; docs/logs.md lists all events."""

from shared.log import LogEvent


class MessageSent(LogEvent, frozen=True):
    """The relay accepted the message to the customer of a checkout."""

    event = "message_sent"
    message = "the relay has the message for request {request_id}"

    request_id: str


class MessageSkipped(LogEvent, frozen=True):
    """A rule forbids a message to the customer of a checkout."""

    event = "message_skipped"
    message = "no message for request {request_id}: {reason}"

    request_id: str
    reason: str


class MessageNotDelivered(LogEvent, frozen=True):
    """The relay refused a message, or the relay's answer was lost. The message is never sent again."""

    event = "message_not_delivered"
    severity = "WARNING"
    message = "the message for request {request_id} is {outcome}: {reason}"

    request_id: str
    outcome: str
    reason: str
