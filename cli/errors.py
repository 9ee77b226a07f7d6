"""What ends a command with one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from deskcloud.errors import CommandError, UsageError
from shared.settings import SettingsError

__all__ = ["CommandError", "UsageError", "assigning"]


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
