"""The one distinction that decides what happens to a failed event: can a retry help?"""

import re
from datetime import UTC, datetime, timedelta

# What stands before the host of a URL.
_USER = re.compile(r"(?<=//)[^\s/@\"']*:[^\s/@\"']*@")
# How long a change of rights may take until all of Google Cloud knows it.
PROPAGATION = timedelta(minutes=10)
# What BigQuery, and Google's newer services, call a missing right. HTTP 403 is also the answer to too many requests and
# to a quota that is used up (https://cloud.google.com/bigquery/docs/error-messages), which heal by themselves.
DENIED = {"accessDenied", "IAM_PERMISSION_DENIED"}


def told(text: object) -> str:
    """Return an error as text that may be kept and shown: Google's clients tell the URL, which may hold a secret."""
    said = str(text)
    # Each line of the log comes here, and few hold a URL.
    return _USER.sub("", said) if "//" in said else said


class Permanent(Exception):  # noqa: N818 - a kind of failure, read as `raise Permanent("...")`
    """A retry cannot help: the event is acknowledged and the reason stands on the run.

    Every other exception makes Pub/Sub deliver the event again, with backoff.
    """


class Malformed(Permanent):
    """The message is not an event that this function understands; it belongs to no run and is dead-lettered."""


class NotReady(Exception):  # noqa: N818 - not a failure: what is waited for goes on, and the next delivery looks again
    """Something long goes on beyond this function's time; a later delivery attaches to it."""


def is_final(error: Exception, published_at: datetime) -> bool:
    """Whether delivering the event that was published then again cannot help.

    A missing right may have been granted minutes ago, so it is final only once the event is older than that takes.
    """
    if isinstance(error, Permanent):
        return True
    return _is_denied(error) and datetime.now(UTC) - published_at >= PROPAGATION


def _is_denied(error: Exception) -> bool:
    """Whether it is a Google client's error that names a missing right."""
    details = [one for one in getattr(error, "errors", ()) if isinstance(one, dict)]
    reasons = {getattr(error, "reason", None), *(detail.get("reason") for detail in details)}
    return getattr(error, "code", None) == 403 and bool(reasons & DENIED)
