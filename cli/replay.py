"""`propensity replay`: dead letters are sent again to the topics that they came from."""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import declarations
from cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.chain.environment import Environment
    from shared.dead_letters import Letter

# How long a function of a quiet environment takes to refuse a message, a cold start included.
PATIENCE_SECONDS = 10
PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class Original:
    """A message as it was before it became a dead letter, `letter` by name."""

    letter: str
    function: str
    topic: str
    data: bytes
    attributes: dict[str, str]


class NotReplayableError(ValueError):
    """What the dead letter holds is no message that could be sent again; says why."""


def chosen(environment: Environment, names: Iterable[str]) -> tuple[list[Original], dict[str, str]]:
    """Return the messages of the dead letters of these names, or of all, and why others of them cannot be sent.

    Raises:
        CommandError: there is no dead letter of a name.
    """
    letters, declared = environment.dead_letters.all(), declarations.read()
    if unknown := [name for name in names if name not in letters]:
        raise CommandError(f"there is no dead letter {', '.join(unknown)}; `propensity runs` lists them")
    originals, refused = [], {}
    for name in dict.fromkeys(names) or sorted(letters):
        try:
            originals.append(original(name, letters[name], declared))
        except NotReplayableError as error:
            refused[name] = str(error)
    return originals, refused


def original(name: str, letter: Letter, declared: declarations.Declarations) -> Original:
    """Return the message that became the dead letter; of what Pub/Sub gave up, the subscription tells the topic.

    Raises:
        NotReplayableError: the letter does not hold the message, or there is no such topic.
    """
    if left_out := letter.left_out_bytes:
        raise NotReplayableError(f"its {left_out} bytes had no room in it; Pub/Sub makes another of the message itself")
    function = letter.function
    topic = letter.topic or _topic_of(function.rpartition("/")[2], declared)
    if topic not in declared.topics:
        raise NotReplayableError(_unknown(topic, function))
    found = Original(name, function, topic, _decoded(letter.data), letter.attributes)
    if not found.data and not found.attributes:
        raise NotReplayableError("it is empty, and Pub/Sub takes no message without data and attributes")
    return found


def _unknown(topic: str, function: str) -> str:
    if topic:
        return f"it came from topic {topic!r}, which there is not"
    if function:
        return f"it does not say which topic it came from, and {function!r} is no function's subscription"
    return "its topic is unknown: it was published to dead-letters directly"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotReplayableError("its data is not base64") from None


def _topic_of(subscription: str, declared: declarations.Declarations) -> str:
    """Return the topic of a function's subscription; nothing where there is no such subscription."""
    of_each = {
        f"{name.replace('_', '-')}-{topic}": topic for name, one in declared.functions.items() for topic in one.topics
    }
    return of_each.get(subscription, "")


def send(environment: Environment, originals: list[Original]) -> dict[str, Original]:
    """Send each to its topic and remove its dead letter; return them by the ids of their new messages.

    A message that two functions refused has two dead letters and is sent once. A process that dies in between leaves a
    dead letter that was sent: sent twice it has one effect all the same, as any event that is delivered twice.
    """
    sent: dict[str, Original] = {}
    ids: dict[tuple[Any, ...], str] = {}
    for one in originals:
        message = (one.topic, one.data, *sorted(one.attributes.items()))
        if message not in ids:
            ids[message] = environment.pass_on(one.topic, one.data, one.attributes)
            sent[ids[message]] = one
        environment.dead_letters.remove(one.letter)
    return sent


def returned(
    environment: Environment, sent: dict[str, Original], known: set[str], wait: Callable[[float], object] = time.sleep
) -> dict[str, str]:
    """Return what is a dead letter again soon after, and why, by the letters' names."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        letters = {name: one for name, one in environment.dead_letters.all().items() if name not in known}
        # A refused message's letter is named for the message and the function.
        found = {name: one.reason for name, one in letters.items() if name.partition("-")[0] in sent}
        if {name.partition("-")[0] for name in found} == sent.keys() or time.monotonic() > deadline:
            return found
        wait(PAUSE_SECONDS)
