"""What Google's reference implementation makes of a statement of sql/ on the rows that the local BigQuery holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fixtures import googlesql

from local.bigquery.tokens import Token, closing, starts, tokenize
from local.googlesql import reference
from local.googlesql.catalog import table_paths
from shared import warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

type Rows = list[dict[str, Any]]

# Why the reference implementation cannot run a statement; the analyzer has seen all of them.
NOT_RUN = {
    "audience/export": "EXPORT DATA",
    "deployment/export_model": "EXPORT MODEL",
    "deployment/golden_rows": "BigQuery ML",
    "deployment/register_model": "ALTER MODEL",
    "deployment/weights": "BigQuery ML",
    "evaluation/test_predictions": "BigQuery ML",
    "deployment/training_statistics": "BigQuery ML",
    "models/baseline": "CREATE MODEL",
    "models/boosted_trees": "CREATE MODEL",
    "models/logistic": "CREATE MODEL",
    "recommendations/by_matrix_factorization": "BigQuery ML",
    "recommendations/factorization": "CREATE MODEL",
    "reset/all_rows": "TRUNCATE TABLE",
    "scoring/scores": "BigQuery ML",
    "source/day_tables": "__TABLES__ holds times that only the tables themselves know",
    "source/newest_table": "__TABLES__ holds times that only the tables themselves know",
}


@dataclass(frozen=True)
class Twice:
    """One statement on the reference implementation; `contents` returns the rows of a table by its name in SQL."""

    contents: Callable[[str], Rows]

    def query(self, text: str, values: dict[str, Any]) -> Rows:
        """Return a query's rows."""
        tables = {name: self._rows(name) for path in table_paths(text) if (name := ".".join(path))}
        result = reference.run(text, googlesql.catalog(), tables, _parameters(text, values))
        names = [column.name for column in result.columns]
        return [dict(zip(names, row, strict=True)) for row in result.rows]

    def delete(self, text: str, values: dict[str, Any], table: str) -> Rows:
        """Return what a DELETE leaves in its table."""
        return reference.modify(text, googlesql.catalog(), {table: self._rows(table)}, _parameters(text, values))

    def merge(self, text: str, values: dict[str, Any]) -> Rows:
        """Return what a MERGE that writes every row of its source leaves in its table."""
        merge = Merge.read(text)
        kept = f"select target.* from {merge.table} as target where not coalesce({merge.deletes}, false)"  # noqa: S608 - ours
        if merge.condition != "false":
            kept += f" and not exists (select 1 from {merge.source} as {merge.alias} where {merge.condition})"  # noqa: S608 - ours
        columns = [field["name"] for field in googlesql.catalog().columns(merge.table)]
        written = self.query(f"select * from {merge.source}", values)  # noqa: S608 - ours
        return self.query(kept, values) + [dict(zip(columns, row.values(), strict=True)) for row in written]

    def _rows(self, name: str) -> Rows:
        view = googlesql.view(name)
        return self.query(view, {}) if view else self.contents(name)


@dataclass(frozen=True)
class Merge:
    """The parts of `MERGE INTO table AS target USING source AS alias ON condition WHEN ...`."""

    table: str
    source: str
    alias: str
    condition: str
    deletes: str

    @classmethod
    def read(cls, text: str) -> Merge:
        """Take a statement of sql/ apart."""
        tokens = tokenize(text)
        assert starts(tokens, "MERGE", "INTO"), text
        using = _index(tokens, "USING") + 1
        end = closing(tokens, using)
        on = _index(tokens[end:], "ON") + end
        when = _index(tokens[on:], "WHEN") + on
        clauses = text[tokens[when].start :]
        deletes = re.search(r"when not matched by source\s+and (.*?)\s+then delete", clauses, re.DOTALL)
        return cls(
            table=tokens[2].text,
            source=text[tokens[using].start : tokens[end].end],
            alias=tokens[end + 2].text,
            condition=text[tokens[on + 1].start : tokens[when - 1].end],
            deletes=deletes[1] if deletes else "false",
        )


def _index(tokens: list[Token], word: str) -> int:
    return next(index for index, token in enumerate(tokens) if token.word == word)


def _parameters(text: str, values: dict[str, Any]) -> reference.Parameters:
    """Return the values that a text names, with the types that the warehouse sends."""
    kinds = googlesql.parameter_types()
    named = {token.text[1:] for token in tokenize(text) if token.kind == "parameter"}
    for name in named:
        assert googlesql.sent_type(warehouse._parameter(name, values[name])) == kinds[name], name
    return {name: (kinds[name], values[name]) for name in named}
