"""Define the order, the page tokens and the length of job lists.

A page token names the last job of a page and not a number of jobs, so new jobs do not shift the pages.
"""

from typing import Any

KEPT_JOBS = 2_000
"""How many of their newest finished jobs the gateway and the emulator each keep. BigQuery keeps jobs for six months."""

LONGEST_PAGE = 1_000

_LATEST = 1 << 62
Position = tuple[int, str]
"""A job's creation time in milliseconds since 1970, and its id. Lists sort by time descending, then by id ascending."""


def position(token: str | None) -> Position | None:
    """Return the position of the last job of the previous page, or None for the first page.

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
    """Return the token of the page that begins after `job`."""
    return f"{job['statistics']['creationTime']}:{job['jobReference']['jobId']}"


def order(job: dict[str, Any]) -> tuple[int, str]:
    """Return the sort key of a job in job lists: newest first, then by id."""
    return -int(job["statistics"]["creationTime"]), job["jobReference"]["jobId"]
