"""Where a page of a list of jobs ends: behind a job, so that jobs that begin meanwhile move nothing."""

from typing import Any

LONGEST_PAGE = 1_000

_LATEST = 1 << 62
Position = tuple[int, str]
"""When a job was created, in milliseconds, and its id: before it stand newer ones, and lower ids of the same time."""


def position(token: str | None) -> Position | None:
    """The job that the page before ended with.

    Raises:
        ValueError: no list gave this token.
    """
    if token is None:
        return None
    created, separator, job = token.partition(":")
    if not separator or not 0 <= int(created) <= _LATEST:
        raise ValueError(f"Invalid page token: {token}")
    return int(created), job


def token_behind(job: dict[str, Any]) -> str:
    """The token of the page that begins behind a job."""
    return f"{job['statistics']['creationTime']}:{job['jobReference']['jobId']}"


def order(job: dict[str, Any]) -> tuple[int, str]:
    """A key that sorts jobs as lists have them, the newest first."""
    return -int(job["statistics"]["creationTime"]), job["jobReference"]["jobId"]
