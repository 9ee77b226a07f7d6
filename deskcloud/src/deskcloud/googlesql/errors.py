"""What GoogleSQL says of a statement that it does not take."""


class Refused(ValueError):  # noqa: N818 - the word that users of a SQL service expect
    """The analyzer or the reference implementation refuses the statement; the text is Google's own."""


class Failed(Refused):
    """The analyzer takes the statement, and its run fails on a value."""


class Crashed(RuntimeError):  # noqa: N818
    """The WebAssembly module failed; the statement may be right all the same."""
