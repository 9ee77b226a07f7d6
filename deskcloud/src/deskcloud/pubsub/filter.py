"""Parse the filters of subscriptions. A filter is an expression about the attributes of a message.

    condition   = operand { "AND" operand } | operand { "OR" operand }
    operand     = ["NOT" | "-"] ( "(" condition ")" | comparison | prefix )
    comparison  = "attributes" ( ":" key | "." key ("=" | "!=") string )
    prefix      = "hasPrefix" "(" "attributes" "." key "," string ")"

A key is a quoted string, or a word of letters, digits, hyphens and underscores. As in Google's Pub/Sub, a condition
with both AND and OR needs parentheses, and operators must be in upper case. Keys and values are case-sensitive.
"""

import re
from collections.abc import Mapping

from deskcloud import filters
from deskcloud.filters import FilterError

LONGEST = 256
"""Maximum length of a filter, in bytes."""

type Predicate = filters.Predicate[Mapping[str, str]]


def parse(text: str) -> Predicate:
    """Return the filter as a predicate on a message's attributes. An empty filter matches every message.

    Raises:
        FilterError: the text is not a valid filter.
    """
    if len(text.encode()) > LONGEST:
        raise FilterError(f"the filter has {len(text.encode())} bytes, the longest allowed has {LONGEST}")
    parser = _Parser(text)
    return parser.whole(parser.condition, "AND, OR or the end")


class _Parser(filters.Parser[Mapping[str, str]]):
    TOKEN = re.compile(r'(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<word>\w[\w-]*)|(?P<symbol>!=|[-=:.,()])')
    BLANK = re.compile(r"\s*")
    ESCAPE = re.compile(
        r"\\(?:(?P<code>x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|(?P<octal>[0-7]{3})|(?P<char>.))", re.DOTALL
    )

    def place(self, at: int) -> str:
        return f"column {at + 1} of the filter {self.text!r}"

    def condition(self) -> Predicate:
        terms = [self.operand(self._term, self.condition)]
        joint = self.peek().text
        while self.peek().text in {"AND", "OR"}:
            if self.peek().text != joint:
                raise self.error(f"parentheses around the terms joined by {joint}, as AND and OR do not mix")
            self.take()
            terms.append(self.operand(self._term, self.condition))
        return filters.joined(all if joint == "AND" else any, terms)

    def _term(self) -> Predicate:
        if self.accept("hasPrefix"):
            return self._prefix()
        if self.accept("attributes"):
            return self._comparison()
        raise self.error('attributes:KEY, attributes.KEY = "VALUE" or hasPrefix(attributes.KEY, "VALUE")')

    def _prefix(self) -> Predicate:
        for symbol in ("(", "attributes", "."):
            self.expect(symbol)
        key = self._key()
        self.expect(",")
        prefix = self._string()
        self.expect(")")
        return lambda attributes: attributes.get(key, "").startswith(prefix) and key in attributes

    def _comparison(self) -> Predicate:
        if self.accept(":"):
            key = self._key()
            return lambda attributes: key in attributes
        self.expect(".")
        key = self._key()
        if self.accept("="):
            value = self._string()
            return lambda attributes: attributes.get(key) == value
        if self.accept("!="):
            value = self._string()
            # As in Google's Pub/Sub, != is true if the message does not have the attribute.
            return lambda attributes: attributes.get(key) != value
        raise self.error("= or !=")

    def _key(self) -> str:
        return self.take().text if self.peek().kind == "word" else self._string()

    def _string(self) -> str:
        if self.peek().kind != "string":
            raise self.error("a double-quoted string")
        return self.unquoted(self.take().text)
