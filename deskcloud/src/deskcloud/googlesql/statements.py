"""Split a query text into statements, and find calls of ML functions and WITH clauses in a statement."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from deskcloud.googlesql.tokens import Token, UnterminatedError, closing, read, split, starts, tokenize, unquoted

_BLOCKS = frozenset({"BEGIN", "IF", "LOOP", "WHILE", "REPEAT", "FOR", "CASE"})
_BEFORE_A_STATEMENT = frozenset({";", "THEN", "ELSE", "DO", "BEGIN", "LOOP", "REPEAT"})
_PROCEDURAL = _BLOCKS | {"DECLARE", "SET", "EXECUTE", "CALL", "RAISE", "ASSERT", "RETURN", "COMMIT", "ROLLBACK"}


@dataclass(frozen=True)
class Statement:
    """One statement of a script. `text` is the whole script, and the tokens' offsets are positions in `text`."""

    text: str
    tokens: Sequence[Token]

    @property
    def source(self) -> str:
        """Return the part of `text` that is this statement."""
        return self.text[self.tokens[0].start : self.tokens[-1].end]

    @property
    def is_procedural(self) -> bool:
        """Whether the statement is valid only inside a script (DECLARE, IF ...)."""
        return self.tokens[0].word in _PROCEDURAL

    @property
    def is_block(self) -> bool:
        """Whether the statement contains other statements."""
        return _opens_a_block(self.tokens, 0)


@dataclass(frozen=True)
class Call:
    """A call `ML.NAME(argument, ...)` from offset `start` to `end`.

    If the closing bracket is missing, `is_closed` is false and `end` is the statement's end.
    """

    name: str
    arguments: Sequence[Sequence[Token]]
    start: int
    end: int
    is_closed: bool


@dataclass(frozen=True)
class Definition:
    """A common table expression `name AS (query)`. The name is visible between the offsets `start` and `end`.

    `clause` is the offset of WITH. `first` is the token of the name, and `last` is the closing bracket.
    """

    clause: int
    start: int
    end: int
    first: Token
    last: Token
    is_recursive: bool


def parse(text: str) -> list[Statement]:
    """Return the statements of a script. A block (BEGIN ... END, IF ... END IF) counts as one statement.

    Raises:
        UnterminatedError: a string or a quoted name has no end.
    """
    tokens = tokenize(text)
    statements, start = [], 0
    for end in [*_ends(tokens), len(tokens)]:
        if end > start:
            statements.append(Statement(text, tokens[start:end]))
        start = end + 1
    return statements


def _ends(tokens: Sequence[Token]) -> Iterator[int]:
    depth = 0
    for index, token in enumerate(tokens):
        if token.word == ";" and depth == 0:
            yield index
        elif token.word == "END" and depth:
            depth -= 1
        elif _opens_a_block(tokens, index) or (token.word == "CASE" and not _closes(tokens, index)):
            depth += 1


def _opens_a_block(tokens: Sequence[Token], index: int) -> bool:
    word = tokens[index].word
    if word not in _BLOCKS or (index and tokens[index - 1].word not in _BEFORE_A_STATEMENT):
        return False
    following = tokens[index + 1].word if index + 1 < len(tokens) else ""
    if word in {"IF", "REPEAT"} and following == "(":
        # `THEN IF(a, b, c)` and `REPEAT('a', 3)` are function calls, but `IF (condition) THEN` is not.
        inside = tokens[index + 2 : closing(tokens, index + 1)]
        return word == "IF" and len(split(inside, ",")) == 1
    return not (word == "BEGIN" and following in {"", ";", "TRANSACTION"})


def _closes(tokens: Sequence[Token], index: int) -> bool:
    return index > 0 and tokens[index - 1].word == "END"


_OWN_STATEMENTS = {
    ("CREATE", "MODEL"): "CREATE_MODEL",
    ("CREATE", "OR", "REPLACE", "MODEL"): "CREATE_MODEL",
    ("ALTER", "MODEL"): "ALTER_MODEL",
    ("DROP", "MODEL"): "DROP_MODEL",
    ("EXPORT", "MODEL"): "EXPORT_MODEL",
    ("EXPORT", "DATA"): "EXPORT_DATA",
    ("DROP", "SCHEMA"): "DROP_SCHEMA",
}
_HINT = re.compile(r"\bml\b|\bmodel\b|\bexport\b|\bschema\b", re.IGNORECASE)
# More than the number of tokens in CREATE OR REPLACE MATERIALIZED VIEW IF NOT EXISTS and a table name with dashes.
_LONGEST_HEAD = 30
_BEFORE_A_KIND = frozenset({"OR", "REPLACE", "MATERIALIZED"})
_ML_IN_A_STRING = re.compile(r"\b(CREATE|REPLACE|ALTER|DROP|EXPORT)\s+MODEL\b|\bML\s*\.\s*\w+\s*\(", re.IGNORECASE)


def own_statement(tokens: Sequence[Token]) -> str:
    """Return the type of a statement that the gateway runs itself, e.g. CREATE_MODEL, or "" for any other statement."""
    return next((kind for words, kind in _OWN_STATEMENTS.items() if starts(tokens, *words)), "")


def is_ml(tokens: Sequence[Token]) -> bool:
    """Return whether a statement calls an ML function, or creates, changes, exports or drops a model."""
    found = (own_statement(tokens[index : index + 4]) for index in range(len(tokens)))
    return any(kind.endswith("MODEL") for kind in found) or any(ml_calls(tokens))


def needs_the_gateway(statement: Statement) -> bool:
    """Return whether the statement, or one inside it, calls an ML function or is of a kind that the gateway runs."""
    tokens = statement.tokens
    found = (own_statement(tokens[index : index + 4]) for index in range(len(tokens)))
    return any(found) or any(ml_calls(tokens)) or _executes_ml(tokens)


def _executes_ml(tokens: Sequence[Token]) -> bool:
    """Return whether the tokens contain EXECUTE IMMEDIATE, and a string that looks like a statement for the gateway."""
    executes = any(starts(tokens[index:], "EXECUTE", "IMMEDIATE") for index in range(len(tokens)))
    return executes and any(token.kind == "string" and _ML_IN_A_STRING.search(token.text) for token in tokens)


def is_ours(text: str) -> bool:
    """Return whether a query text contains a statement that needs the gateway."""
    # Most texts contain no word of `_HINT` and need no parsing.
    if not _HINT.search(text):
        return False
    try:
        return any(needs_the_gateway(statement) for statement in parse(text))
    except UnterminatedError:
        return False


def created_table(text: str) -> Sequence[Token]:
    """Return the first tokens of a CREATE TABLE or CREATE VIEW statement, from the table's or view's name on.

    Return an empty list for any other text.
    """
    try:
        tokens = list(islice(read(text), _LONGEST_HEAD))
    except UnterminatedError:
        return []
    kind = next((i for i, token in enumerate(tokens) if token.word in {"TABLE", "VIEW"}), 0)
    if not starts(tokens, "CREATE") or any(token.word not in _BEFORE_A_KIND for token in tokens[1:kind]):
        return []
    rest = tokens[kind + 1 :] if kind else []
    return rest[3:] if starts(rest, "IF", "NOT", "EXISTS") else rest


def ml_calls(tokens: Sequence[Token]) -> Iterator[Call]:
    """Yield the calls of ML functions. An inner call comes before the outer call."""
    found = []
    for index in range(len(tokens) - 3):
        before = tokens[index - 1].text if index else ""
        if before == "." or not _is_ml_name(tokens[index : index + 4]):
            continue
        last = closing(tokens, index + 3)
        name = unquoted(tokens[index + 2]).upper()
        arguments, is_closed = split(tokens[index + 4 : last], ","), last < len(tokens)
        end = tokens[last if is_closed else -1].end
        found.append(Call(f"ML.{name}", arguments, tokens[index].start, end, is_closed))
    yield from sorted(found, key=lambda call: call.end)


def _is_ml_name(tokens: Sequence[Token]) -> bool:
    ml, dot, name, bracket = tokens
    return ml.word == "ML" and dot.word == "." and name.kind in {"word", "name"} and bracket.word == "("


def definitions(tokens: Sequence[Token]) -> list[Definition]:
    """Return the common table expressions of a statement in the order of the text."""
    found = []
    for index, token in enumerate(tokens):
        if token.word != "WITH":
            continue
        end = _end_of_region(tokens, index)
        is_recursive = starts(tokens[index:], "WITH", "RECURSIVE")
        position = index + 1 + is_recursive
        while _is_definition(tokens[position : position + 3]):
            last = closing(tokens, position + 2)
            if last == len(tokens):
                break
            visible = (tokens[last].end, tokens[end - 1].end)
            found.append(Definition(token.start, *visible, tokens[position], tokens[last], is_recursive))
            if last + 1 >= len(tokens) or tokens[last + 1].word != ",":
                break
            position = last + 2
    return found


def _is_definition(tokens: Sequence[Token]) -> bool:
    return len(tokens) == 3 and tokens[0].kind in {"word", "name"} and tokens[1].word == "AS" and tokens[2].word == "("


def _end_of_region(tokens: Sequence[Token], index: int) -> int:
    """Return the index of the bracket that closes the brackets around a token.

    `index` is the index of the token. If no brackets enclose the token, the result is len(tokens).
    """
    depth = 0
    for position in range(index, len(tokens)):
        depth += (tokens[position].word in {"(", "["}) - (tokens[position].word in {")", "]"})
        if depth < 0:
            return position
    return len(tokens)


def path(tokens: Sequence[Token]) -> tuple[list[str], Sequence[Token]]:
    """Split the tokens, which begin with the path of a table or model, into the path's parts and the tokens after it.

    `p.d.m`, `p`.`d`.`m` and p-with-dashes.d.m all have three parts.
    """
    parts: list[str] = []
    index = 0
    while index < len(tokens) and tokens[index].kind in {"word", "name", "number"}:
        end = index + 1
        # An unquoted project name may contain dashes: my-project-1.dataset.table
        while (
            end + 1 < len(tokens)
            and tokens[end].text == "-"
            and tokens[end - 1].end == tokens[end].start
            and tokens[end].end == tokens[end + 1].start
        ):
            end += 2
        text = "".join(unquoted(token) for token in tokens[index:end])
        parts += text.split(".") if tokens[index].kind == "name" else [text]
        index = end
        if index >= len(tokens) or tokens[index].text != ".":
            break
        index += 1
    return parts, tokens[index:]
