"""Subscription filters: Pub/Sub's expression language over a message's attributes.

    condition   = operand { "AND" operand } | operand { "OR" operand }
    operand     = ["NOT" | "-"] ( "(" condition ")" | comparison | prefix )
    comparison  = "attributes" ( ":" key | "." key ("=" | "!=") string )
    prefix      = "hasPrefix" "(" "attributes" "." key "," string ")"

A key is a bare word (letters, digits, hyphens, underscores) or a string. As on Google's side, AND and OR mix only
with parentheses, operators are upper case, and keys and values are compared exactly.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LONGEST = 256
"""Bytes that a filter may have."""

type Predicate = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<word>\w[\w-]*)
      | (?P<symbol>!=|[-=:.,()])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_NAMED_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class FilterError(ValueError):
    """The filter is not in Pub/Sub's language; the message says where and what was expected."""


def parse(text: str) -> Predicate:
    """The filter as a test of a message's attributes; an empty filter lets every message through.

    Raises:
        FilterError: the text is not a filter.
    """
    if len(text.encode()) > LONGEST:
        raise FilterError(f"the filter has {len(text.encode())} bytes, the longest allowed has {LONGEST}")
    if not text.strip():
        return lambda _: True
    parser = _Parser(text, _tokens(text))
    predicate = parser.condition()
    if parser.peek().kind != "end":
        raise parser.error("AND, OR or the end")
    return predicate


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    end = len(text.rstrip())
    position = 0
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterError(f"cannot read {text[position:].strip()[:20]!r} in the filter {text!r}")
        kind = match.lastgroup or ""
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        position = match.end()
    return [*tokens, _Token("end", "", end)]


class _Parser:
    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0

    def peek(self) -> _Token:
        return self._tokens[self._next]

    def error(self, expected: str) -> FilterError:
        token = self.peek()
        found = repr(token.text) if token.text else "the end"
        return FilterError(f"expected {expected}, found {found} at column {token.at + 1} of the filter {self._text!r}")

    def condition(self) -> Predicate:
        operands = [self._operand()]
        joint = self.peek().text
        while self.peek().text in {"AND", "OR"}:
            if self.peek().text != joint:
                raise self.error(f"parentheses around the terms joined by {joint}, as AND and OR do not mix")
            self._next += 1
            operands.append(self._operand())
        if len(operands) == 1:
            return operands[0]
        combine = all if joint == "AND" else any
        return lambda attributes: combine(operand(attributes) for operand in operands)

    def _operand(self) -> Predicate:
        if self._accept("NOT") or self._accept("-"):
            inner = self._operand()
            return lambda attributes: not inner(attributes)
        if self._accept("("):
            inner = self.condition()
            self._expect(")")
            return inner
        if self._accept("hasPrefix"):
            return self._prefix()
        if self._accept("attributes"):
            return self._comparison()
        raise self.error('attributes:KEY, attributes.KEY = "VALUE" or hasPrefix(attributes.KEY, "VALUE")')

    def _prefix(self) -> Predicate:
        self._expect("(")
        self._expect("attributes")
        self._expect(".")
        key = self._key()
        self._expect(",")
        prefix = self._string()
        self._expect(")")
        return lambda attributes: attributes.get(key, "").startswith(prefix) and key in attributes

    def _comparison(self) -> Predicate:
        if self._accept(":"):
            key = self._key()
            return lambda attributes: key in attributes
        self._expect(".")
        key = self._key()
        if self._accept("="):
            value = self._string()
            return lambda attributes: attributes.get(key) == value
        if self._accept("!="):
            value = self._string()
            # A message without the key does not have the value either.
            return lambda attributes: attributes.get(key) != value
        raise self.error("= or !=")

    def _accept(self, text: str) -> bool:
        token = self.peek()
        if token.kind == "string" or token.text != text:
            return False
        self._next += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self.error(repr(text))

    def _key(self) -> str:
        token = self.peek()
        if token.kind == "word":
            self._next += 1
            return token.text
        return self._string()

    def _string(self) -> str:
        token = self.peek()
        if token.kind != "string":
            raise self.error("a double-quoted string")
        self._next += 1
        return _ESCAPE.sub(_unescape, token.text[1:-1])


def _unescape(match: re.Match[str]) -> str:
    hexadecimal = match[1] or match[2] or match[3]
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    if match[4]:
        return chr(int(match[4], 8))
    return _NAMED_ESCAPES.get(match[5], match[5])
