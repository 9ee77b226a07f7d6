"""The errors of GoogleSQL's analyzer and reference implementation."""


class Refused(ValueError):  # noqa: N818 - the word that users of a SQL service expect
    """The analyzer or the reference implementation refuses the statement; the message is Google's."""


class Failed(Refused):
    """The analyzer accepts the statement, but the statement fails at run time because of a value."""


class Crashed(RuntimeError):  # noqa: N818
    """The WebAssembly module failed; the statement may still be valid."""
