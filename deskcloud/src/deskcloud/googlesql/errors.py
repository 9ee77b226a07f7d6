"""The errors of GoogleSQL's analyzer and reference implementation."""


class Refused(ValueError):  # noqa: N818 - the word that users of a SQL service expect
    """GoogleSQL's analyzer or reference implementation refuses the statement; the message is GoogleSQL's."""


class Failed(Refused):
    """The statement is valid, but fails when it runs, because of a value."""


class Crashed(RuntimeError):  # noqa: N818
    """The WebAssembly module failed; the statement may still be valid."""
