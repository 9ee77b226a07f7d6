"""What answers at the checkout logs, by name of the event; docs/logs.md lists all events."""

from typing import Any

from shared.log import LogEvent


class CheckoutScored(LogEvent, frozen=True):
    """A score was given; a sink brings it to the view `online_predictions`."""

    event = "checkout_scored"
    message = "checkout scored"

    prediction: dict[str, Any]


class EmbeddedStoodIn(LogEvent, frozen=True):
    """The endpoint failed or was late, and the embedded champion gave the score."""

    event = "embedded_stood_in"
    severity = "WARNING"
    message = "the embedded champion stands in: {reason}"

    reason: str


class NoScorer(LogEvent, frozen=True):
    """A checkout got no score: no model serves, or none can be reached."""

    event = "no_scorer"
    severity = "ERROR"
    message = "nothing can score: {reason}"

    request_id: str
    reason: str


class ObjectUnusable(LogEvent, frozen=True):
    """The champion's pointer, its scorer or the recommendations cannot be read; the former ones serve on."""

    event = "object_unusable"
    severity = "ERROR"
    message = "{reason}; what was read before goes on serving"

    reason: str


class RequestFailed(LogEvent, frozen=True):
    """A checkout was answered 500: a failure of ours."""

    event = "request_failed"
    severity = "ERROR"
    message = "a request failed: {error}"

    request_id: str
    error: str


class RequestRefused(LogEvent, frozen=True):
    """A checkout broke the contract; names field and rule, and nothing of what was sent."""

    event = "request_refused"
    severity = "WARNING"
    message = "a request was refused: {rule}"

    request_id: str
    field: str
    rule: str
    status: int
