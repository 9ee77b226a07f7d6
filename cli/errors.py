"""What ends a command with one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.settings import SettingsError


class CommandError(Exception):
    """A person can mend it; the message says how."""


class UsageError(CommandError):
    """The command was called wrongly, whatever the environment is like; the message names what was given, and its rule.

    The exit code is 2.
    """


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
