"""The body of an HTTP request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Request


class UnreadableError(ValueError):
    """The body was cut off, or is not what its headers say."""


def read(request: Request) -> bytes:
    """Return the whole body.

    Raises:
        UnreadableError: it cannot be read to its end.
    """
    try:
        return request.get_data()
    except Exception as error:
        # Each server has errors of its own for that; gunicorn's have no base that a library may name.
        raise UnreadableError(f"the body cannot be read to its end: {type(error).__name__}") from error
