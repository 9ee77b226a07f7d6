"""Read the body of an HTTP request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Request


class UnreadableError(ValueError):
    """The body was cut off, or its length contradicts the headers."""


def read(request: Request) -> bytes:
    """Return the whole body.

    Raises:
        UnreadableError: the body cannot be read to its end.
    """
    try:
        return request.get_data()
    except Exception as error:
        # Each server raises other classes of errors here, and gunicorn's classes have no common base class. So catch
        # all errors.
        raise UnreadableError(f"the body cannot be read to its end: {type(error).__name__}") from error
