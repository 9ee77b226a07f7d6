"""What a function of the chain says of itself, and how an event comes out of its messages."""

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
    """Read one of our own events off its topic.

    Raises:
        Malformed: the topic is not ours, or the body is not its event.
    """
    if message.topic not in EVENTS:
        raise Malformed(f"no event belongs to topic {message.topic!r}")
    return EVENTS[message.topic].from_json(message.body)


@dataclass(frozen=True)
class Opening:
    """How messages open runs for a step.

    A message of one of the topics `on` asks for a run, but for an `event` that names its run. `open` opens one or joins
    one, and returns the `event` with which that run begins; None when there is nothing to do.
    """

    event: type[Event]
    on: tuple[str, ...]
    open: Callable[[Message, Environment, datetime], Event | None]

    def is_asked_by(self, message: Message) -> bool:
        """Whether the message asks for a run.

        Raises:
            Malformed: its body is no JSON object.
        """
        names_its_run = "run_id" in message.body and message.topic == self.event.topic
        return message.topic in self.on and not names_its_run


@dataclass(frozen=True)
class Step:
    """One function of the chain.

    `name` is what the runs' folders, the jobs and the log call it. `run` takes the event and returns the next one, or
    None when it is not over yet. `decode` reads the event of a message that names its run.
    """

    name: str
    run: Callable[[Any, StepContext], Event | None]
    decode: Callable[[Message], Event] = decode_event
    opening: Opening | None = None

    def event(self, message: Message, environment: Environment, now: datetime) -> Event | None:
        """Return the event that the message brings, or that of the run that it opens; None when there is none.

        Raises:
            Malformed: the message is none that the step understands.
            Forbidden: a right is missing without which no run can be opened.
        """
        if self.opening and self.opening.is_asked_by(message):
            return self.opening.open(message, environment, now)
        return self.decode(message)
