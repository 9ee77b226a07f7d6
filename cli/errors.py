"""What ends a command with one line instead of a traceback."""


class CommandError(Exception):
    """A person can mend it; the message says how."""
