"""The log events of the functions that answer checkouts; docs/logs.md lists all events."""

from typing import Any

from shared.log import LogEvent


class CheckoutScored(LogEvent, frozen=True):
    """A checkout was scored; a log sink exports the score to the view `online_predictions`."""

    event = "checkout_scored"
    message = "checkout scored"

    prediction: dict[str, Any]


class EmbeddedStoodIn(LogEvent, frozen=True):
    """The endpoint failed or timed out, and the embedded scorer computed the score."""

    event = "embedded_stood_in"
    severity = "WARNING"
    message = "the embedded scorer replaced the endpoint: {reason}"

    reason: str


class NoScorer(LogEvent, frozen=True):
    """A checkout got no score: there is no champion, or the endpoint failed and there is no embedded scorer."""

    event = "no_scorer"
    severity = "ERROR"
    message = "no scorer is available: {reason}"

    request_id: str
    reason: str
    model_version: str


class ObjectUnusable(LogEvent, frozen=True):
    """An object that the checkout needs, e.g. the champion's pointer, cannot be read; its last content stays in use."""

    event = "object_unusable"
    severity = "ERROR"
    message = "{reason}; the last version read stays in use"

    reason: str


class RequestFailed(LogEvent, frozen=True):
    """A checkout was answered with HTTP 500 because of an internal error."""

    event = "request_failed"
    severity = "ERROR"
    message = "a request failed: {error}"

    request_id: str
    error: str


class RequestRefused(LogEvent, frozen=True):
    """A request to score_checkout broke the contract. `field` and `rule` say how; no value of the request is logged."""

    event = "request_refused"
    severity = "WARNING"
    message = "a request was refused: {rule}"

    request_id: str
    field: str
    rule: str
    status: int
