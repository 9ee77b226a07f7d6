"""What ends a command with one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from deskcloud.errors import CommandError, UsageError
from shared.settings import SettingsError

__all__ = ["CommandError", "UsageError", "assigning", "said_by_google"]


@contextmanager
def assigning() -> Iterator[None]:
    """Tell of a setting that `--set` gave wrongly; those of the environment are read before.

    Raises:
        UsageError: names the setting, its rule and what was given.
    """
    try:
        yield
    except SettingsError as error:
        raise UsageError(str(error)) from None


def said_by_google(error: Exception) -> str | None:
    """Return what an error of Google's clients tells a person; None for an error that is not theirs."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

    if isinstance(error, GoogleAPICallError):
        return error.message or repr(error)
    if isinstance(error, DefaultCredentialsError):
        return f"Google Cloud cannot know who asks; log in with `gcloud auth application-default login`. {error}"
    return str(error) if isinstance(error, RetryError | GoogleAuthError) else None
