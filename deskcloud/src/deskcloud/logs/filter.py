"""Parse filters of sinks, in a part of Cloud Logging's query language.

    query       = disjunction { ["AND"] disjunction }
    disjunction = negation { "OR" negation }
    negation    = ["NOT" | "-"] ( "(" query ")" | comparison )
    comparison  = path operator ( value | "(" values ")" )
    operator    = "=" | "!=" | ">" | "<" | ">=" | "<=" | ":" | "=~" | "!~"

NOT binds tightest, then OR, then AND, as in Google's language. Comments run from `--` to the end of the line. `values`
has the grammar of `query`, with values in place of comparisons: `path = ("a" OR "b")` means `path = "a" OR path = "b"`.
`path:*` tests whether the field exists.

A comparison with a missing field is false, even with `!=` and `!~`. But some top-level fields, such as `severity`, have
a default, which is compared if the field is missing. Comparisons of strings ignore case, but regular expressions and
field names are case-sensitive. The regular expressions are Python's, while Google uses RE2. A list matches if one of
its members matches.

Global restrictions (a value without a field) and functions such as log_id() or sample() are not implemented.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from deskcloud import filters
from deskcloud.filters import FilterError

type Entry = Mapping[str, Any]
type Predicate = filters.Predicate[Entry]

SEVERITIES = {
    "DEFAULT": 0, "DEBUG": 100, "INFO": 200, "NOTICE": 300, "WARNING": 400,
    "ERROR": 500, "CRITICAL": 600, "ALERT": 700, "EMERGENCY": 800,
}  # fmt: skip

LONGEST = 20_000
"""Maximum length of a filter, in characters."""

_DEFAULTS = {"severity": "DEFAULT", "logName": "", "insertId": "", "textPayload": "", "trace": "", "spanId": ""}
_SCALARS = {*_DEFAULTS, "timestamp", "receiveTimestamp", "traceSampled"}
_FIELDS = _SCALARS | {
    "httpRequest", "jsonPayload", "labels", "metadata", "operation", "protoPayload", "resource", "sourceLocation",
    "split", "errorGroups",
}  # fmt: skip

_MOMENTS = {("timestamp",), ("receiveTimestamp",)}

_OPERATORS = {"=", "!=", ">", "<", ">=", "<=", ":", "=~", "!~"}
_STRING = r'"(?:[^"\\]|\\.)*"'
_COMPONENT = re.compile(rf"{_STRING}|[^.\"]+", re.DOTALL)


def parse(text: str) -> Predicate:
    """Return the filter as a predicate on LogEntry JSON. An empty filter matches every entry.

    Raises:
        FilterError: the text is not a valid filter, or uses an unsupported feature.
    """
    if len(text) > LONGEST:
        raise FilterError(f"the filter has {len(text)} characters, the longest allowed has {LONGEST}")
    parser = _Parser(text)
    return parser.whole(lambda: parser.query(parser.comparison), "the end")


class _Parser(filters.Parser[Entry]):
    TOKEN = re.compile(
        rf"""(?P<string>{_STRING})
          | (?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w./%@-]))
          | (?P<word>[\w@/%](?:[\w@/%-])*(?:\.(?:[\w@/%][\w@/%-]*|{_STRING}))*)
          | (?P<symbol>=~|!~|!=|>=|<=|[=<>:()*,-])""",
        re.VERBOSE | re.DOTALL,
    )
    BLANK = re.compile(r"(?:\s|--[^\n]*+)*+")
    # An escape that does not match this pattern is kept. So "\d" and "\\d" both become \d in a regular expression.
    ESCAPE = re.compile(r'\\(?:(?P<code>u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})|(?P<char>["\\ntr]))')

    def place(self, at: int) -> str:
        line = self.text.count("\n", 0, at) + 1
        return f"line {line}, column {at - self.text.rfind(chr(10), 0, at)} of the filter"

    def query(self, leaf: Callable[[], Predicate]) -> Predicate:
        """Parse a query. `leaf` parses a term of the query.

        A term is a comparison or, inside the parentheses of a comparison, a value.
        """
        terms = [self._disjunction(leaf)]
        while self.accept("AND") or not (self.peek().kind == "end" or self.peek().text in {")", "OR"}):
            terms.append(self._disjunction(leaf))
        return filters.joined(all, terms)

    def _disjunction(self, leaf: Callable[[], Predicate]) -> Predicate:
        terms = [self.operand(leaf, lambda: self.query(leaf))]
        while self.accept("OR"):
            terms.append(self.operand(leaf, lambda: self.query(leaf)))
        return filters.joined(any, terms)

    def comparison(self) -> Predicate:
        path = self._path()
        if self.peek().text not in _OPERATORS:
            raise self.error(f"a comparison operator after {'.'.join(path)}")
        operator = self.take().text
        if self.accept("("):
            return self.grouped(lambda: self.query(lambda: self._test(path, operator)))
        return self._test(path, operator)

    def _path(self) -> tuple[str, ...]:
        token, following = self.peek(), self.peek(1)
        self._refuse_function()
        if token.kind in {"string", "number"} or (
            token.kind == "word" and token.text not in {"AND", "OR"} and following.text not in _OPERATORS
        ):
            raise self._refusal(f"a value without a field ({token.text}) is not supported", "write FIELD:VALUE")
        if token.kind != "word":
            raise self.error("a field")
        path = tuple(self.unquoted(part) if part.startswith('"') else part for part in _COMPONENT.findall(token.text))
        if path[0] not in _FIELDS or (path[0] in _SCALARS and len(path) > 1):
            raise self._refusal(f"{token.text} is not a field of a LogEntry", f"known are {', '.join(sorted(_FIELDS))}")
        self.take()
        return path

    def _test(self, path: tuple[str, ...], operator: str) -> Predicate:
        token = self.peek()
        if operator == ":" and self.accept("*"):
            return lambda entry: bool(_explicit(entry, path))
        if token.kind not in {"string", "number", "word"} or token.text in {"AND", "OR", "NOT"}:
            raise self.error("a value")
        self._refuse_function()
        value = self.unquoted(token.text) if token.kind == "string" else token.text
        if problem := _misfit(path, operator, value):
            raise self._refusal(f"{value!r} is not {problem}")
        try:
            test = _value_test(path, operator, value)
        except re.error as error:
            raise self._refusal(f"{value!r} is not a regular expression ({error})") from error
        self.take()
        return lambda entry: any(test(found) for found in _found(entry, path))

    def _refuse_function(self) -> None:
        if self.peek().kind == "word" and self.peek(1).text == "(":
            raise self._refusal(f"the function {self.peek().text}() is not supported")

    def _refusal(self, problem: str, remedy: str = "") -> FilterError:
        """Return the error about the next token, with the problem, the token's position and the remedy."""
        return FilterError(f"{problem}, at {self.place(self.peek().at)}" + (f"; {remedy}" if remedy else ""))


def _misfit(path: tuple[str, ...], operator: str, value: str) -> str:
    """Return "" if `value` fits the field at `path`. Otherwise, return what the field requires, for the error text."""
    if operator in {":", "=~", "!~"}:
        return ""
    if path == ("severity",) and value.upper() not in SEVERITIES and _number(value) is None:
        return f"a severity ({', '.join(SEVERITIES)})"
    if path in _MOMENTS and _moment(value) is None:
        return "a timestamp (RFC 3339)"
    return ""


def _explicit(entry: Any, path: tuple[str, ...]) -> list[Any]:
    """Return the values at a path: several if the path leads through lists, and none if the path does not exist."""
    values = [entry]
    for name in path:
        values = [value[name] for value in _flat(values) if isinstance(value, Mapping) and name in value]
    return values


def _found(entry: Entry, path: tuple[str, ...]) -> list[Any]:
    values = _flat(_explicit(entry, path))
    if not values and len(path) == 1 and path[0] in _DEFAULTS:
        return [_DEFAULTS[path[0]]]
    return values


def _flat(values: list[Any]) -> list[Any]:
    return [member for value in values for member in (_flat(value) if isinstance(value, list) else [value])]


def _value_test(path: tuple[str, ...], operator: str, value: str) -> Callable[[Any], bool]:
    """Return a predicate that compares a value of an entry with the filter's `value`."""
    if operator in {"=~", "!~"}:
        pattern = re.compile(value)
        wanted = operator == "=~"
        return lambda found: isinstance(found, str) and (pattern.search(found) is not None) is wanted
    if operator == ":":
        part = _folded(value)
        return lambda found: any(part in _folded(_text(leaf)) for leaf in _leaves(found))
    convert = _converter(path, value)

    def test(found: Any) -> bool:
        pair = convert(found)
        return pair is not None and _compare(operator, *pair)

    return test


def _converter(path: tuple[str, ...], value: str) -> Callable[[Any], tuple[Any, Any] | None]:
    """Return a function that converts a value of an entry, so that it can be compared with the filter's `value`.

    The function returns both values, converted to a common type, or None if they cannot be compared.
    """
    number, moment = _number(value), _moment(value)
    # These fields are protocol buffers. In their JSON, 64-bit integers are strings, which must be compared as numbers.
    is_typed = path[0] in {"protoPayload", "httpRequest"}

    def convert(found: Any) -> tuple[Any, Any] | None:
        pair: tuple[Any, Any] | None = None
        if found is None:
            pair = (True, value == "NULL_VALUE")
        elif isinstance(found, bool):
            pair = (found, value.lower() == "true") if value.lower() in {"true", "false"} else None
        elif isinstance(found, int | float):
            pair = (found, number) if number is not None else None
        elif isinstance(found, str):
            if path == ("severity",):
                levels = SEVERITIES.get(found.upper()), SEVERITIES.get(value.upper(), number)
                pair = levels if None not in levels else None
            elif path in _MOMENTS:
                moments = _moment(found), moment
                pair = moments if None not in moments else None
            elif is_typed and number is not None and (typed := _number(found)) is not None:
                pair = (typed, number)
            else:
                pair = (_folded(found), _folded(value))
        return pair

    return convert


def _compare(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "=":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case ">":
            return bool(left > right)
        case "<":
            return bool(left < right)
        case ">=":
            return bool(left >= right)
        case _:
            return bool(left <= right)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [leaf for member in value.values() for leaf in _leaves(member)]
    if isinstance(value, list):
        return [leaf for member in value for leaf in _leaves(member)]
    return [value]


def _text(scalar: Any) -> str:
    return str(scalar).lower() if isinstance(scalar, bool) else str(scalar)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
