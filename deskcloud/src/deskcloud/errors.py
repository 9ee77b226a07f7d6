"""Errors that end a command with one line instead of a traceback."""


class CommandError(Exception):
    """The user can fix this error; the message says how."""


class UsageError(CommandError):
    """The command was called incorrectly; the message names the argument and its rule.

    The exit code is 2.
    """
