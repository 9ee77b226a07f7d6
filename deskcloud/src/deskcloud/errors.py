"""What ends a command with one line instead of a traceback."""


class CommandError(Exception):
    """A person can mend it; the message says how."""


class UsageError(CommandError):
    """The command was called wrongly, whatever the environment is like; the message names what was given, and its rule.

    The exit code is 2.
    """
