"""The errors of GoogleSQL's analyzer and reference implementation."""


class Refused(ValueError):  # noqa: N818 - users of a SQL service expect this word
    """GoogleSQL's analyzer or reference implementation refuses the statement. The message comes from GoogleSQL."""


class Failed(Refused):
    """The statement is valid, but when it runs, a value makes it fail."""


class Crashed(RuntimeError):  # noqa: N818
    """The WebAssembly module failed. The statement may be valid."""
