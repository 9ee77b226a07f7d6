"""Rewrite a MERGE as queries, because the reference implementation can analyze MERGE, but not run it.

Each WHEN clause becomes a query. The query returns the new values of the rows to which the clause applies. If several
clauses match a row, the first applies. Setting a field of a struct is not supported.
https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deskcloud.googlesql.tokens import Token, closing, split, starts, tokenize, unquoted

MATCHED, BY_TARGET, BY_SOURCE = "matched", "not matched by target", "not matched by source"


@dataclass(frozen=True)
class Clause:
    """A WHEN clause.

    `kind` is one of the constants above, and `action` is UPDATE, DELETE or INSERT. `values` maps a column to the
    expression for its value. `values` is empty for DELETE, and None for INSERT ROW.
    """

    kind: str
    condition: str
    action: str
    values: dict[str, str] | None = field(default_factory=dict)


@dataclass(frozen=True)
class Merge:
    """A parsed MERGE. `source` and `condition` are parts of the statement's text."""

    table: str
    alias: str
    source: str
    condition: str
    clauses: list[Clause]

    @classmethod
    def read(cls, text: str, columns: Iterable[str]) -> "Merge":
        """Parse a statement. `columns` are the target's column names.

        Raises:
            ValueError: the statement sets a field of a struct.
        """
        tokens = tokenize(text)
        target = tokens[2:] if starts(tokens, "MERGE", "INTO") else tokens[1:]
        using = next(_at_the_top(target, "USING"))
        on = next(_at_the_top(target, "ON"))
        whens = [*(index for index in _at_the_top(target, "WHEN") if _is_clause(target[index:])), len(target)]
        names = [unquoted(token) for token in target[:using] if token.word != "AS"]
        clauses = [_clause(text, target[start:end], columns) for start, end in itertools.pairwise(whens)]
        return cls(
            names[0], names[-1], _text(text, target[using + 1 : on]), _text(text, target[on + 1 : whens[0]]), clauses
        )

    def matched(self, key: str) -> str:
        """Return a query for the target's rows that match a source row. `key` is the column with the rows' numbers."""
        alias = f"`{self.alias}`"
        return f"select distinct {alias}.{key} from `{self.table}` as {alias} join {self.source} on {self.condition}"  # noqa: S608 - the statement's own SQL

    def query(self, clause: Clause, columns: Mapping[str, str], key: str) -> str:
        """Return a query for the rows to which a clause applies.

        The query returns each row's number as the column `key`, and the new values. New rows have no number. `columns`
        maps the target's columns to their types. For a clause NOT MATCHED BY SOURCE, the query also returns the
        target's rows that have a match. The caller must remove these rows.
        """
        same = [one for one in self.clauses if one.kind == clause.kind]
        cases = " ".join(f"when {one.condition} then {number}" for number, one in enumerate(same))
        chosen = f"case {cases} end = {same.index(clause)}"
        target, alias = f"`{self.table}` as `{self.alias}`", f"`{self.alias}`"
        match clause.kind:
            case "matched":
                rows = f"{target} join {self.source} on {self.condition} where {chosen}"
            case "not matched by target":
                present = f"exists (select 1 from {target} where {self.condition})"  # noqa: S608 - the statement's own SQL
                rows = f"{self.source} where {chosen}"
                rows += "" if self.condition == "false" else f" and not {present}"
            case _:
                rows = f"{target} where {chosen}"
        if clause.values is None:
            return f"select * from {rows}"  # noqa: S608 - the statement's own SQL
        values = clause.values
        if clause.kind == BY_TARGET:
            made = [f"cast({value} as {columns[name]}) as `{name}`" for name, value in values.items()]
        else:
            made = [f"{alias}.{key} as {key}"]
            made += [
                f"cast({values[name]} as {kind}) as `{name}`" if name in values else f"{alias}.`{name}`"
                for name, kind in columns.items()
            ]
        return f"select {', '.join(made)} from {rows}"  # noqa: S608 - the statement's own SQL


def _text(text: str, tokens: Sequence[Token]) -> str:
    return text[tokens[0].start : tokens[-1].end] if tokens else ""


def _at_the_top(tokens: Sequence[Token], word: str) -> Iterator[int]:
    """Yield the indices of the tokens equal to `word` that are outside brackets."""
    index = 0
    while index < len(tokens):
        if tokens[index].word == word:
            yield index
        index = closing(tokens, index) + 1 if tokens[index].text in "([" else index + 1


def _is_clause(tokens: Sequence[Token]) -> bool:
    return starts(tokens, "WHEN", "MATCHED") or starts(tokens, "WHEN", "NOT", "MATCHED")


def _clause(text: str, tokens: Sequence[Token], columns: Iterable[str]) -> Clause:
    then = next(
        index for index in _at_the_top(tokens, "THEN") if tokens[index + 1].word in {"UPDATE", "DELETE", "INSERT"}
    )
    head, rest = list(tokens[:then]), tokens[then + 1 :]
    conditions = list(_at_the_top(head, "AND"))
    words = head[: conditions[0]] if conditions else head
    condition = _text(text, head[conditions[0] + 1 :]) if conditions else "true"
    is_by_source = any(token.word == "SOURCE" for token in words)
    kind = MATCHED if words[1].word == "MATCHED" else BY_SOURCE if is_by_source else BY_TARGET
    action = rest[0].word
    if action == "UPDATE":
        return Clause(kind, condition, action, dict(_assignments(text, rest[2:])))
    return Clause(kind, condition, action, _inserted(text, rest[1:], columns) if action == "INSERT" else {})


def _assignments(text: str, tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    for part in split(tokens, ","):
        names = [token for token in part[: next(_at_the_top(part, "="))] if token.text != "."]
        if len(names) > 2:
            raise ValueError("fields of structs are not set here")
        yield unquoted(names[-1]), _value(text, part[next(_at_the_top(part, "=")) + 1 :])


def _inserted(text: str, tokens: Sequence[Token], columns: Iterable[str]) -> dict[str, str] | None:
    if tokens[0].word == "(":
        end = closing(tokens, 0)
        columns = [unquoted(part[0]) for part in split(tokens[1:end], ",")]
        tokens = tokens[end + 1 :]
    if tokens[0].word == "ROW":
        return None
    values = [_value(text, part) for part in split(tokens[2 : closing(tokens, 1)], ",")]
    return dict(zip(columns, values, strict=True))


def _value(text: str, tokens: Sequence[Token]) -> str:
    return "null" if starts(tokens, "DEFAULT") else _text(text, tokens)
