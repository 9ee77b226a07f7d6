"""The log events of track_campaign; docs/logs.md lists all events."""

from shared.log import LogEvent


class EventsTracked(LogEvent, frozen=True):
    """Campaign events of a message were stored. The refused events are in a dead letter."""

    event = "events_tracked"
    message = "{events} campaign events were taken, {suppressing} of them suppress; {refused_events} were refused"

    events: int
    suppressing: int
    refused_events: int
