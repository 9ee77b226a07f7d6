"""Errors that end a command with one line instead of a traceback."""


class CommandError(Exception):
    """The user can fix this error, and the message says how."""


class UsageError(CommandError):
    """The command was called incorrectly. The message names the argument and its rule.

    The exit code of the command is 2.
    """
