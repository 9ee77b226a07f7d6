"""The errors that end a command with a one-line message instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from deskcloud.errors import CommandError, UsageError
from shared.settings import SettingsError

__all__ = ["CommandError", "UsageError", "assigning", "said_by_google"]


@contextmanager
def assigning() -> Iterator[None]:
    """Convert errors in the settings of `--set` into usage errors.

    Raises:
        UsageError: a setting is invalid; names the setting, the given value and the allowed values.
    """
    try:
        yield
    except SettingsError as error:
        raise UsageError(str(error)) from None


def said_by_google(error: Exception) -> str | None:
    """Return the message of an error of Google's clients for a person; None for any other error."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

    if isinstance(error, GoogleAPICallError):
        return error.message or repr(error)
    if isinstance(error, DefaultCredentialsError):
        return f"there are no credentials: log in with `gcloud auth application-default login`. {error}"
    return str(error) if isinstance(error, RetryError | GoogleAuthError) else None
