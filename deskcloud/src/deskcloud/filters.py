"""Parse what the filter languages of Pub/Sub and Cloud Logging share: tokens, operators, parentheses and strings.

Each language has a subclass of `Parser`, which defines the tokens, the precedence of AND and OR, and the terms.
"""

import abc
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

type Predicate[Subject] = Callable[[Subject], bool]

_NAMED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class FilterError(ValueError):
    """The text is not a valid filter. The message names the position and the expected token."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the filter.

    `kind` is the name of a group of `Parser.TOKEN`, or `end`. `at` is the token's offset in the filter.
    """

    kind: str
    text: str
    at: int


class Parser[Subject](abc.ABC):
    """Parses a filter from left to right, with one token of lookahead."""

    TOKEN: ClassVar[re.Pattern[str]]
    """Matches a token. Each kind of token has a group. The group of double-quoted strings is `string`."""

    BLANK: ClassVar[re.Pattern[str]]
    """Matches the text between tokens, which can be empty."""

    ESCAPE: ClassVar[re.Pattern[str]]
    """Matches an escape in a string. The pattern may have these groups.

    Group `code` is x, u or U with hexadecimal digits. Group `octal` is octal digits. Group `char` is any other
    character after the backslash.
    """

    def __init__(self, text: str) -> None:
        """Tokenize the text. Raises FilterError for text that is not a token."""
        self.text = text
        self._tokens = [*self._read()]
        self._next = 0

    def _read(self) -> Iterator[Token]:
        end, position = 0, self._behind_blank(0)
        while position < len(self.text):
            match = self.TOKEN.match(self.text, position)
            if match is None:
                unread = self.text[position : position + 20].rstrip()
                raise FilterError(f"cannot read {unread!r} at {self.place(position)}")
            yield Token(match.lastgroup or "", match[0], position)
            end = match.end()
            position = self._behind_blank(end)
        yield Token("end", "", end)

    def _behind_blank(self, position: int) -> int:
        match = self.BLANK.match(self.text, position)
        return match.end() if match else position

    @abc.abstractmethod
    def place(self, at: int) -> str:
        """Describe the offset `at` for error messages."""

    def whole(self, read: Callable[[], Predicate[Subject]], follows: str) -> Predicate[Subject]:
        """Parse the whole text with `read`. An empty text matches everything.

        Raises:
            FilterError: `read` does not consume the whole text. The message says that `follows` was expected, e.g.
                "AND, OR or the end".
        """
        if self.peek().kind == "end":
            return lambda _: True
        predicate = read()
        if self.peek().kind != "end":
            raise self.error(follows)
        return predicate

    def operand(
        self, term: Callable[[], Predicate[Subject]], group: Callable[[], Predicate[Subject]]
    ) -> Predicate[Subject]:
        """Parse an optional NOT or `-`, then a term or a group in parentheses."""
        if self.accept("NOT") or self.accept("-"):
            inner = self.operand(term, group)
            return lambda subject: not inner(subject)
        if self.accept("("):
            return self.grouped(group)
        return term()

    def grouped(self, group: Callable[[], Predicate[Subject]]) -> Predicate[Subject]:
        """Parse the rest of a group, up to its closing parenthesis. The opening parenthesis has been read."""
        predicate = group()
        self.expect(")", "AND, OR or ')'")
        return predicate

    def peek(self, ahead: int = 0) -> Token:
        """Return the next token, or the token `ahead` positions later. After the last token, return the `end` token."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Return the next token and advance."""
        token = self.peek()
        self._next += 1
        return token

    def accept(self, text: str) -> bool:
        """If the next token is `text`, advance and return True. Otherwise, return False."""
        if self.peek().text != text:
            return False
        self._next += 1
        return True

    def expect(self, text: str, words: str = "") -> None:
        """Advance past the token `text`. Raises FilterError, with `words` in the message, if another token is next."""
        if not self.accept(text):
            raise self.error(words or repr(text))

    def error(self, expected: str) -> FilterError:
        """Return the error for an unexpected next token. `expected` describes the tokens that are valid here."""
        token = self.peek()
        found = repr(token.text) if token.text else "the end"
        return FilterError(f"expected {expected}, found {found} at {self.place(token.at)}")

    def unquoted(self, text: str) -> str:
        """Return the value of a string token. Raises FilterError for an invalid escape."""
        return self.ESCAPE.sub(self._unescaped, text[1:-1])

    def _unescaped(self, match: re.Match[str]) -> str:
        groups = match.groupdict()
        if code := groups["code"]:
            number = int(code[1:], 16)
            if number > 0x10FFFF:
                raise FilterError(f"\\{code} is not a character, in the filter {self.text!r}")
            return chr(number)
        if octal := groups.get("octal"):
            return chr(int(octal, 8))
        return _NAMED.get(groups["char"], groups["char"])


def joined[Subject](combine: Callable[[Iterable[bool]], bool], terms: list[Predicate[Subject]]) -> Predicate[Subject]:
    """Return a predicate that combines the terms with `all` or `any`."""
    return terms[0] if len(terms) == 1 else lambda subject: combine(term(subject) for term in terms)
