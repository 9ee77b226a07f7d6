"""The declaration of a step of the chain: its name, its function, and how the step gets its event from a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import Malformed
from shared.events import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shared.chain.environment import Environment, StepContext
    from shared.events import Event
    from shared.push import Message


def decode_event(message: Message) -> Event:
    """Return the event in a message. The message's topic determines the event's class.

    Raises:
        Malformed: the topic has no event class, or the body is not an event of this class.
    """
    if message.topic not in EVENTS:
        raise Malformed(f"no event belongs to topic {message.topic!r}")
    return EVENTS[message.topic].from_json(message.body)


@dataclass(frozen=True)
class Opening:
    """How messages open runs for a step.

    A message on one of the topics `on` requests a run. There is one exception: a message on the topic of `event` that
    contains a run's id belongs to this run. `open` opens a run, or joins an open one, and returns the run's first
    event, or None if there is nothing to do.
    """

    event: type[Event]
    on: tuple[str, ...]
    open: Callable[[Message, Environment, datetime], Event | None]

    def is_asked_by(self, message: Message) -> bool:
        """Return whether the message requests a run.

        Raises:
            Malformed: the body is not a JSON object.
        """
        names_its_run = "run_id" in message.body and message.topic == self.event.topic
        return message.topic in self.on and not names_its_run


@dataclass(frozen=True)
class Step:
    """A step of the chain.

    `name` is its name in the ledger, in job ids and in the log. `run` takes the step's event and returns the next
    event, or None if the step is not done yet. `decode` returns the event of a message with a run's id.
    """

    name: str
    run: Callable[[Any, StepContext], Event | None]
    decode: Callable[[Message], Event] = decode_event
    opening: Opening | None = None

    def event(self, message: Message, environment: Environment, now: datetime) -> Event | None:
        """Return the message's event. If the message requests a run, open the run and return its first event.

        Return None if there is nothing to do.

        Raises:
            Malformed: the step does not understand the message.
            Forbidden: a right that is needed to open a run is missing.
        """
        if self.opening and self.opening.is_asked_by(message):
            return self.opening.open(message, environment, now)
        return self.decode(message)
