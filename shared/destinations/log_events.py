"""The log events of the destinations; docs/logs.md lists all events."""

from shared.log import LogEvent


class AudienceDelivered(LogEvent, frozen=True):
    """A delivery run has ended: the outcome of each of its requests is known."""

    event = "audience_delivered"
    severity = "NOTICE"
    message = "{destination} has the audience"

    run_id: str
    destination: str
    planned: dict[str, int]
    outcomes: dict[str, int]
    refused: dict[str, int]
