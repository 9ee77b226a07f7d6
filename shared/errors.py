"""Decide whether another delivery of a failed event can help. shared/handler.py acts on the decision."""

import re
from datetime import UTC, datetime, timedelta

# User and password in a URL.
_USER = re.compile(r"(?<=//)[^\s/@\"']*:[^\s/@\"']*@")
# Maximum time until a change of access rights applies everywhere in Google Cloud.
PROPAGATION = timedelta(minutes=10)
# The reasons with which BigQuery and Google's newer services report a missing right. The HTTP status 403 alone does not
# show this: an exceeded quota, for which a retry helps, has the same status.
# https://cloud.google.com/bigquery/docs/error-messages
DENIED = {"accessDenied", "IAM_PERMISSION_DENIED"}


def told(text: object) -> str:
    """Return an error's text without passwords.

    Google's clients put URLs into errors, and a URL may hold a password.
    """
    said = str(text)
    # Each log line passes through this function, but few contain a URL. So look for `//` before the slower regex is
    # used.
    return _USER.sub("", said) if "//" in said else said


class Permanent(Exception):  # noqa: N818 - a kind of failure, read as `raise Permanent("...")`
    """An error that a retry cannot fix: the message is acknowledged, and the reason is recorded as the run's failure.

    After any other exception, Pub/Sub delivers the message again, with backoff.
    """


class Malformed(Permanent):
    """The message is not an event that this function understands. It belongs to no run, and becomes a dead letter."""


class NotReady(Exception):  # noqa: N818 - not a failure: the next delivery waits again
    """A job or an operation is still running at this delivery's deadline; a later delivery waits for it again."""


def is_final(error: Exception, published_at: datetime) -> bool:
    """Return whether the error is final: each further delivery of the event would fail too.

    `published_at` is the time of the event's publication.

    An error about a missing right is final only if the event is at least ten minutes old. A right that was granted
    before `published_at` applies everywhere by then.
    """
    if isinstance(error, Permanent):
        return True
    return _is_denied(error) and datetime.now(UTC) - published_at >= PROPAGATION


def _is_denied(error: Exception) -> bool:
    """Whether `error` comes from a Google client and reports a missing right."""
    details = [one for one in getattr(error, "errors", ()) if isinstance(one, dict)]
    reasons = {getattr(error, "reason", None), *(detail.get("reason") for detail in details)}
    return getattr(error, "code", None) == 403 and bool(reasons & DENIED)
