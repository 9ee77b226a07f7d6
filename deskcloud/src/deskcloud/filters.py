"""What the filter languages of Pub/Sub and Cloud Logging share: tokens, AND, OR, NOT, `-`, parentheses and strings.

A language inherits from `Parser`. It says how its tokens look, how AND and OR bind, and what a term is.
"""

import abc
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

type Predicate[Subject] = Callable[[Subject], bool]

_NAMED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class FilterError(ValueError):
    """The text is not in the filter language; the message says where, and what was expected."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the filter: its kind (a group of the token's pattern, or `end`), and where it begins."""

    kind: str
    text: str
    at: int


class Parser[Subject](abc.ABC):
    """Reads a filter from left to right, one token ahead."""

    TOKEN: ClassVar[re.Pattern[str]]
    """One group a kind of token; strings are of the kind `string`, in double quotes."""

    BLANK: ClassVar[re.Pattern[str]]
    """What may stand between tokens; matches the empty text too."""

    ESCAPE: ClassVar[re.Pattern[str]]
    """An escape in a string: group `code` is x, u or U with hexadecimal digits, `octal` digits, `char` any other."""

    def __init__(self, text: str) -> None:
        """Raises FilterError where the text has something that is no token."""
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
        """Return the words for a position in the text."""

    def whole(self, read: Callable[[], Predicate[Subject]], follows: str) -> Predicate[Subject]:
        """Return what `read` makes of the text; an empty one lets everything through.

        Raises:
            FilterError: something stands behind it; expected was the end, or what `follows` names.
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
        """Return a term, or what stands in parentheses, after any NOT or `-`."""
        if self.accept("NOT") or self.accept("-"):
            inner = self.operand(term, group)
            return lambda subject: not inner(subject)
        if self.accept("("):
            return self.grouped(group)
        return term()

    def grouped(self, group: Callable[[], Predicate[Subject]]) -> Predicate[Subject]:
        """Return what stands in parentheses, of which the first has been read."""
        predicate = group()
        self.expect(")", "AND, OR or ')'")
        return predicate

    def peek(self, ahead: int = 0) -> Token:
        """Return the next token, or one behind it; behind the last is the end."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Return the next token and go on."""
        token = self.peek()
        self._next += 1
        return token

    def accept(self, text: str) -> bool:
        """Go on if the next token is this word or symbol."""
        if self.peek().text != text:
            return False
        self._next += 1
        return True

    def expect(self, text: str, words: str = "") -> None:
        """Go on behind this word or symbol. Raises FilterError, in which `words` name it."""
        if not self.accept(text):
            raise self.error(words or repr(text))

    def error(self, expected: str) -> FilterError:
        """Return the error that the next token is not what was expected."""
        token = self.peek()
        found = repr(token.text) if token.text else "the end"
        return FilterError(f"expected {expected}, found {found} at {self.place(token.at)}")

    def unquoted(self, text: str) -> str:
        """Return what a string token means. Raises FilterError where an escape names no character."""
        return self.ESCAPE.sub(self._unescaped, text[1:-1])

    def _unescaped(self, match: re.Match[str]) -> str:
        groups = match.groupdict()
        if code := groups["code"]:
            number = int(code[1:], 16)
            if number > 0x10FFFF:
                raise FilterError(f"\\{code} is no character, in the filter {self.text!r}")
            return chr(number)
        if octal := groups.get("octal"):
            return chr(int(octal, 8))
        return _NAMED.get(groups["char"], groups["char"])


def joined[Subject](combine: Callable[[Iterable[bool]], bool], terms: list[Predicate[Subject]]) -> Predicate[Subject]:
    """Return a predicate that holds where all of the terms do, or any."""
    return terms[0] if len(terms) == 1 else lambda subject: combine(term(subject) for term in terms)
