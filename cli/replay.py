"""`propensity replay`: send dead letters again to their original topics."""

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

# Seconds within which a function should have rejected an unusable message, including a cold start.
PATIENCE_SECONDS = 10
PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class Original:
    """The message that became a dead letter.

    `letter` is the dead letter's name, and `function` the function or subscription that the dead letter names.
    """

    letter: str
    function: str
    topic: str
    data: bytes
    attributes: dict[str, str]


class NotReplayableError(ValueError):
    """The dead letter cannot be sent again; the message says why."""


def chosen(environment: Environment, names: Iterable[str]) -> tuple[list[Original], dict[str, str]]:
    """Return the messages of the named dead letters, or of all if no name is given.

    Returns:
        The messages, and the reason for each dead letter that cannot be sent, by name.

    Raises:
        CommandError: a name belongs to no dead letter.
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
    """Return the message that became the dead letter `name`.

    If Pub/Sub made the dead letter, it names no topic. Then the topic is that of the subscription.

    Raises:
        NotReplayableError: the dead letter lacks the message's data or a known topic.
    """
    if left_out := letter.left_out_bytes:
        raise NotReplayableError(f"it lacks the {left_out} bytes of data; Pub/Sub makes another dead letter with them")
    function = letter.function
    topic = letter.topic or _topic_of(function.rpartition("/")[2], declared)
    if topic not in declared.topics:
        raise NotReplayableError(_unknown(topic, function))
    found = Original(name, function, topic, _decoded(letter.data), letter.attributes)
    if not found.data and not found.attributes:
        raise NotReplayableError("it is empty, and Pub/Sub refuses a message without data and attributes")
    return found


def _unknown(topic: str, function: str) -> str:
    if topic:
        return f"its topic {topic!r} does not exist"
    if function:
        return f"its topic is unknown, and {function!r} is not the subscription of a function"
    return "its topic is unknown: it was published to dead-letters directly"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotReplayableError("its data is not base64") from None


def _topic_of(subscription: str, declared: declarations.Declarations) -> str:
    """Return the topic of a function's subscription, or "" if no function has this subscription."""
    of_each = {
        f"{name.replace('_', '-')}-{topic}": topic for name, one in declared.functions.items() for topic in one.topics
    }
    return of_each.get(subscription, "")


def send(environment: Environment, originals: list[Original]) -> dict[str, Original]:
    """Send each message to its topic and delete its dead letter; return the messages by their new ids.

    A message that two functions rejected has two dead letters and is sent once. If the process dies before the
    deletion, the message may be sent twice, which is harmless: an event has one effect.
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
    """Wait up to PATIENCE_SECONDS for sent messages that become dead letters again.

    Return the reason of each new dead letter, by its name.

    `known` holds the names of the earlier dead letters.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        letters = {name: one for name, one in environment.dead_letters.all().items() if name not in known}
        # The dead letter of a rejected message is named MESSAGE_ID-FUNCTION.
        found = {name: one.reason for name, one in letters.items() if name.partition("-")[0] in sent}
        if {name.partition("-")[0] for name in found} == sent.keys() or time.monotonic() > deadline:
            return found
        wait(PAUSE_SECONDS)
