"""The errors that end a command with a one-line message instead of a traceback."""

from deskcloud.errors import CommandError, UsageError

__all__ = ["CommandError", "UsageError", "said_by_google"]


def said_by_google(error: Exception) -> str | None:
    """Return the message to print for an error of Google's clients; None for any other error."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

    if isinstance(error, GoogleAPICallError):
        return error.message or repr(error)
    if isinstance(error, DefaultCredentialsError):
        return f"there are no credentials: log in with `gcloud auth application-default login`. {error}"
    return str(error) if isinstance(error, RetryError | GoogleAuthError) else None
