"""Check a topic's name before a command publishes to it."""

import difflib

from cli import declarations
from cli.errors import UsageError


def require(topic: str) -> None:
    """Check that functions.yaml declares the topic.

    Raises:
        UsageError: the topic is not declared; the message lists the declared topics.
    """
    topics = declarations.read().topics
    if topic in topics:
        return
    near = difflib.get_close_matches(topic, topics, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"there is no topic {topic!r}; {meant}topics are: {', '.join(topics)}")
