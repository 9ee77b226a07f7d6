"""Lists of jobs: how many jobs are kept, and the page tokens.

A token names a job, so that new jobs do not shift the pages.
"""

from typing import Any

KEPT_JOBS = 2_000
"""Number of finished jobs that gateway and emulator each keep, the newest; BigQuery keeps jobs for six months."""

LONGEST_PAGE = 1_000

_LATEST = 1 << 62
Position = tuple[int, str]
"""A job's creation time in milliseconds since 1970, and its id. Lists sort by time descending, then by id ascending."""


def position(token: str | None) -> Position | None:
    """Return the last job of the previous page, or None for the first page.

    Raises:
        ValueError: the token is invalid.
    """
    if token is None:
        return None
    created, separator, job = token.partition(":")
    if not separator or not 0 <= int(created) <= _LATEST:
        raise ValueError(f"Invalid page token: {token}")
    return int(created), job


def token_behind(job: dict[str, Any]) -> str:
    """Return the token of the page that begins after a job."""
    return f"{job['statistics']['creationTime']}:{job['jobReference']['jobId']}"


def order(job: dict[str, Any]) -> tuple[int, str]:
    """Return the sort key of lists of jobs: the newest first."""
    return -int(job["statistics"]["creationTime"]), job["jobReference"]["jobId"]
