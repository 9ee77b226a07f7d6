"""The one distinction that decides what happens to a failed event: can a retry help?"""


class Permanent(Exception):  # noqa: N818 - a kind of failure, read as `raise Permanent("...")`
    """A retry cannot help: the event is acknowledged and the reason stands on the run.

    Every other exception makes Pub/Sub deliver the event again, with backoff.
    """


class Malformed(Permanent):
    """The message is not an event that this function understands; it belongs to no run and is dead-lettered."""


class NotReady(Exception):  # noqa: N818 - not a failure: what is waited for goes on, and the next delivery looks again
    """Something long goes on beyond this function's time; a later delivery attaches to it."""
