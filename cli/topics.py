"""The topics that there are, for commands that publish to one."""

import difflib

from cli import declarations
from cli.errors import UsageError


def require(topic: str) -> None:
    """Refuse a topic that nobody declares.

    Raises:
        UsageError: names the topics that there are.
    """
    topics = declarations.read().topics
    if topic in topics:
        return
    near = difflib.get_close_matches(topic, topics, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"there is no topic {topic!r}; {meant}topics are: {', '.join(topics)}")
