"""Split GoogleSQL into tokens: words, names, strings, numbers, parameters and signs.

Searches in a statement use the tokens and not the text, so the content of strings and comments is never read as SQL.
https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# A quote after a backslash does not end a string, not even a raw string.
_STRING = (
    "|".join(rf"{quote}(?:[^\\]|\\.)*?{quote}" for quote in ("'''", '"""'))
    + r"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
)
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+|--[^\n]*|\#[^\n]*|/\*.*?\*/)
  | (?P<string>(?:[rR][bB]?|[bB][rR]?)?(?:{_STRING}))
  | (?P<name>`(?:[^`\\]|\\.)*`)
  | (?P<parameter>\?|@@?[A-Za-z_]\w*|@@?`[^`]*`)
  | (?P<word>[^\W\d]\w*)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\w*)
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTES = frozenset("'\"`")
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


class UnterminatedError(ValueError):
    """A string or a quoted name has no end. `offset` is the position of its opening `quote`."""

    def __init__(self, quote: str, offset: int) -> None:
        super().__init__(f"unclosed {quote} at offset {offset}")
        self.quote = quote
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Token:
    """A token. `kind` is the name of a group of `_TOKEN`. `start` and `end` (exclusive) are offsets in the text."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The keyword or sign in upper case, or "" for other kinds of tokens."""
        return self.text.upper() if self.kind in {"word", "sign"} else ""


def tokenize(text: str) -> list[Token]:
    """Return the tokens of `text`. Spaces and comments are left out.

    Raises:
        UnterminatedError: a string or a quoted name has no end.
    """
    return list(read(text))


def read(text: str) -> Iterator[Token]:
    """Yield the tokens one by one, for callers that need only the first tokens. The errors are as in `tokenize`."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "sign"
        if kind == "sign" and match.group() in _QUOTES:
            raise UnterminatedError(match.group(), match.start())
        if kind != "space":
            yield Token(kind, match.group(), match.start(), match.end())


def closing(tokens: Sequence[Token], opening: int) -> int:
    """Return the index of the bracket that closes the bracket at `opening`, or len(tokens) if there is none."""
    depth = 0
    for index in range(opening, len(tokens)):
        sign = tokens[index].text if tokens[index].kind == "sign" else ""
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if depth == 0:
            return index
    return len(tokens)


def split(tokens: Sequence[Token], sign: str) -> list[Sequence[Token]]:
    """Split the tokens at each `sign` outside brackets. If there are no tokens, return an empty list."""
    parts: list[Sequence[Token]] = []
    start = index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "sign" and token.text in _OPEN:
            index = closing(tokens, index)
        elif token.kind == "sign" and token.text == sign:
            parts.append(tokens[start:index])
            start = index + 1
        index += 1
    return [*parts, tokens[start:]] if tokens else []


def starts(tokens: Sequence[Token], *words: str) -> bool:
    """Return whether the tokens begin with these keywords."""
    return [token.word for token in tokens[: len(words)]] == list(words)


def unquoted(token: Token) -> str:
    """Return the token's text. A quoted name loses its backticks."""
    return token.text[1:-1].replace("\\`", "`") if token.kind == "name" else token.text
