"""Report the token at which a syntax error occurs, and its position in the client's text, as Google's parser does.

sqlglot uses its own words and reports the position within the statement. This module therefore pads each statement of a
script with lines and spaces up to the statement's position in the script. All reported positions then refer to the
script.
"""

import functools
import re
from collections.abc import Callable
from typing import Any, Self

from local_bigquery.errors import BigQueryError
from local_bigquery.sql import script, translate
from local_bigquery.sql.dialect import BigQueryDialect
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import TokenType

from deskcloud.bigquery.emulator import patching
from deskcloud.googlesql.tokens import UnterminatedError, tokenize

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
_RESERVED = frozenset(
    """
    ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE CURRENT
    DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH FOLLOWING FOR FROM FULL
    GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE LIMIT LOOKUP
    MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE
    RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN
    WHERE WINDOW WITH WITHIN
    """.split()  # noqa: SIM905 - ninety words
)
# In the first two patterns, the group is the token that sqlglot expected.
_WANTED = (
    (re.compile(r"Expect(?:ing|ed) ([^\w\s])"), 'Expected "{}" but got'),
    (re.compile(r"Expected (?!TYPE)([A-Z]{2,})\b"), "Expected keyword {} but got"),
    (re.compile(r"(Invalid expression / Unexpected token)"), "Expected end of input but got"),
)


class Part(str):
    """A statement of a script.

    `before` is the padding up to the statement's position. `follows` is the script's next token after the statement.
    `behind` is the text between the statement and this token.
    """

    __slots__ = ("before", "behind", "follows")
    before: str
    behind: str
    follows: str

    @classmethod
    def of(cls, text: str, before: str, behind: str, follows: str) -> Self:
        """Return the statement `text` with the three texts around it."""
        part = cls(text)
        part.before, part.behind, part.follows = before, behind, follows
        return part


def add() -> None:
    """Replace the texts and positions of syntax errors. Call this after `add` of the modules that wrap the parser."""
    words, place = "errors have sqlglot's messages", "positions in errors refer to the statement and not to the script"
    parser = BigQueryDialect.Parser
    patching.change(parser, "raise_error", lambda original: functools.partialmethod(_raise, original), words)
    for module in (translate, script):
        patching.wrap(module, "syntax_error", _syntax_error, words)
    patching.change(script.Parser, "text", lambda original: functools.partialmethod(_text, original), place)
    patching.wrap(script, "parse", _parse, place)


def words_of(error: Exception) -> str | None:
    """Return the message of Google's parser for an error of sqlglot, or None if the message is unknown."""
    return getattr(error, "words", None)


def _raise(parser: Any, original: Callable[..., None], message: str, *token: Any) -> None:
    try:
        original(parser, message, *token)
    except ParseError as error:
        error.words = _words(message, parser._curr, parser.sql)  # type: ignore[attr-defined]  # noqa: SLF001
        raise


def _words(message: str, found: Any, sql: str) -> str:
    matches = ((words, pattern.match(message)) for pattern, words in _WANTED)
    wanted = next((words.format(match[1]) for words, match in matches if match), "Unexpected")
    return f"Syntax error: {wanted} {_token_and_position(found, sql)}"


def _text(parser: script.Parser, original: Callable[..., str], start: int, end: int) -> str:
    text = original(parser, start, end)
    if start >= end:
        return text
    before = parser.sql[: parser.tokens[start].start]
    spaces = "\n" * before.count("\n") + " " * len(before[before.rfind("\n") + 1 :])
    follows = parser.tokens[end] if end < len(parser.tokens) else None
    behind = parser.sql[parser.tokens[end - 1].end + 1 : follows.start] if follows else ""
    return Part.of(text, spaces, behind, follows.text if follows else "")


def _parse(original: Callable[[str], list[exp.Expr]], text: str) -> list[exp.Expr]:
    if isinstance(text, Part):
        text = Part.of(text.before + text, "", text.behind, text.follows)
    return original(text)


def _syntax_error(original: Callable[..., BigQueryError], error: Exception, sql: str) -> BigQueryError:
    if isinstance(error, TokenError):
        return _unclosed(sql) or original(error, sql)
    made = original(error, sql)
    words = None if "Unexpected identifier" in made.message else words_of(error)
    return BigQueryError("invalidQuery", words) if words else made


def _token_and_position(token: Any, sql: str) -> str:
    """Return a token and its position in the words of Google's parser."""
    before = sql.before if isinstance(sql, Part) else ""
    if token is not None and token.token_type != TokenType.SENTINEL:
        name, offset = _named(sql[token.start : token.end + 1]), token.start
    elif isinstance(sql, Part) and sql.follows:
        name, offset = _named(sql.follows), len(sql) + len(sql.behind)
        sql += sql.behind
    else:
        tokens = tokenize(sql)
        name, offset = "end of script", tokens[-1].end if tokens else 0
    return f"{name} at [{_position(before + sql, len(before) + offset)}]"


def _named(text: str) -> str:
    first = text[:1]
    if first == "`":
        return f"identifier {text}"
    if re.fullmatch(r"(?:[rRbB]{0,2})['\"].*", text, re.DOTALL):
        return f"string literal {text}"
    if text.isdigit():
        return f'integer literal "{text}"'
    if first.isdigit():
        return f'floating point literal "{text}"'
    if first.isalpha() or first == "_":
        return f"keyword {text.upper()}" if text.upper() in _RESERVED else f'identifier "{text}"'
    return f'"{text}"'


def _unclosed(sql: str) -> BigQueryError | None:
    try:
        tokenize(sql)
    except UnterminatedError as error:
        kind = "identifier" if error.quote == "`" else "string"
        where = _position(sql, error.offset)
        return BigQueryError("invalidQuery", f"Syntax error: Unclosed {kind} literal at [{where}]")
    return None


def _position(sql: str, offset: int) -> str:
    return f"{sql.count('\n', 0, offset) + 1}:{offset - sql.rfind('\n', 0, offset)}"
