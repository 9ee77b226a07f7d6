"""Run the corpus on the local BigQuery and on the reference implementation, and record the differences.

python tests/googlesql/differential.py            # print the differences that differences.yaml does not list
python tests/googlesql/differential.py --write    # update differences.yaml and docs/differences.md
"""

from __future__ import annotations

import dataclasses
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import batched
from pathlib import Path

import corpus
import yaml
from google.cloud import bigquery

from deskcloud.comparison import answers, difference
from deskcloud.comparison.difference import Answer
from deskcloud.googlesql import reference
from deskcloud.googlesql.errors import Crashed, Refused
from deskcloud.googlesql.tokens import tokenize

LIST = Path(__file__).parent / "differences.yaml"
PAGE = Path(__file__).parents[2] / "docs" / "differences.md"
DATASET = f"{answers.PROJECT}.corpus"
# THREADS is the number of statements that run in parallel on the local BigQuery. BATCH is the number of expressions in
# one statement.
THREADS = 3
BATCH = 40
# Maps a kind of difference to a note about it for docs/differences.md.
NOTES = {
    "accepted": (
        "`propensity up --strict` checks only statements that are sent alone. It does not check statements in\n"
        "scripts, in EXECUTE IMMEDIATE, after DECLARE and in sessions."
    )
}
# This difference concerns the statistics of all jobs and not a single statement.
STATISTICS = (
    "The statistics of every job, e.g. of a plain SELECT or a dry run, say that `totalBytesProcessed` is 0. For\n"
    "queries, `totalBytesBilled` is 0 and `cacheHit` is false. So costs cannot be estimated locally."
)
KINDS = {
    "rows": "Other rows, without an error",
    "types": "Other types",
    "columns": "Other names of columns",
    "accepted": "Accepted here, refused by BigQuery",
    "refused": "Refused here, accepted by BigQuery",
}


@dataclass(frozen=True)
class Local:
    """The local BigQuery, with a dataset that holds the tables of the corpus."""

    client: bigquery.Client

    @classmethod
    def prepare(cls, client: bigquery.Client) -> Local:
        client.create_dataset(DATASET)
        for name, table in corpus.tables().items():
            configuration = bigquery.LoadJobConfig(schema=table.fields)
            client.load_table_from_json(table.as_json(), f"{DATASET}.{name}", job_config=configuration).result()
        return cls(client)

    def answer(self, sql: str) -> difference.Answer:
        return answers.ours(self.client, sql, dataset=DATASET)

    def left(self, sql: str) -> Answer:
        """Return the rows of the statement's target after the statement, followed by the number of changed rows.

        The change is rolled back.
        """
        table = target(sql)
        # BigQuery rolls back a transaction that is still open at the end of its script.
        script = f"begin transaction; {sql}; select @@row_count, {table}.* from (select 1) left join {table} on true"  # noqa: S608 - the statement is from our corpus
        found = self.answer(script)
        if found.refusal:
            return found
        rows = [row[1:] for row in found.rows if any(value not in (None, []) for value in row[1:])]
        return Answer(found.columns[1:], (*rows, (found.rows[0][0],)))

    def differences(self, theme: str, every: int = 1) -> dict[str, str]:
        """Map each statement of a theme whose result differs from Google's to the kind of the difference.

        All expressions are run. Of the queries and changes, only every `every`-th is run.
        """
        if theme in corpus.changes():
            kinds = {
                sql: difference.kind(self.left(sql), googles_leave(sql), is_ordered=False)
                for sql in corpus.changes()[theme][::every]
            }
            return {sql: kind for sql, kind in kinds.items() if kind}
        if theme in corpus.queries():
            return self._each(corpus.queries()[theme][::every])
        listed = {one for of_theme in known().get(theme, {}).values() for one in of_theme}
        alone = [f"select {one}" for one in corpus.expressions()[theme]]
        together = [one for one in alone if one not in listed]
        with ThreadPoolExecutor(THREADS) as pool:
            for batch, same in pool.map(self._same, batched(together, BATCH, strict=False)):
                if same:
                    alone = [one for one in alone if one not in batch]
        return self._each(alone)

    def _same(self, batch: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
        """Evaluate the expressions in one statement. Return `batch`, and whether all results agree with Google's."""
        sql = f"select {', '.join(one.removeprefix('select ') for one in batch)}"
        ours = self.answer(sql)
        return batch, not ours.refusal and not difference.kind(ours, googles(sql), is_ordered=True)

    def _each(self, statements: list[str]) -> dict[str, str]:
        with ThreadPoolExecutor(THREADS) as pool:
            answers = pool.map(self.answer, statements)
            kinds = {
                sql: difference.kind(ours, googles(sql), is_ordered=difference.is_ordered(sql))
                for sql, ours in zip(statements, answers, strict=True)
            }
        return {sql: kind for sql, kind in kinds.items() if kind}


def googles(sql: str) -> difference.Answer:
    return answers.of_database(corpus.database(), sql)


def googles_leave(sql: str) -> Answer:
    try:
        modified = reference.modify(sql, corpus.catalog(), corpus.rows())
    except (Refused, Crashed) as error:
        return Answer(refusal=str(error))
    table = target(sql)
    after = Answer.of_reference(reference.run(f"select * from {table}", corpus.catalog(), {table: modified.rows}))  # noqa: S608 - the statement is from our corpus
    return dataclasses.replace(after, rows=(*after.rows, (modified.count,)))


def target(sql: str) -> str:
    """Return the table that a statement changes."""
    return next(token.text for token in tokenize(sql)[1:] if token.word not in {"INTO", "FROM"})


@cache
def known() -> dict[str, dict[str, dict[str, str]]]:
    """Return the reasons that differences.yaml lists: nested dicts by theme, kind of difference, and statement."""
    return yaml.safe_load(LIST.read_text()) or {}


def page() -> str:
    """Return the text of docs/differences.md, which describes the listed differences."""
    lines = ["# Where the local BigQuery differs", ""]
    size = sum(map(len, corpus.themes().values()))
    changed = sum(map(len, corpus.changes().values()))
    count = sum(len(of_kind) for of_theme in known().values() for of_kind in of_theme.values())
    lines += [
        f"`tests/googlesql/corpus` contains {size} statements; {changed} are INSERT, UPDATE, DELETE or MERGE.",
        "Each statement runs on the local BigQuery and on Google's reference implementation of GoogleSQL.",
        f"For {size - count} statements, the results or the changed tables are equal, or both refuse the statement.",
        f"This page lists the other {count}. `python tests/googlesql/differential.py --write` writes this page.",
        "",
        STATISTICS,
    ]
    for kind, title in KINDS.items():
        of_kind = {theme: of_theme[kind] for theme, of_theme in known().items() if of_theme.get(kind)}
        if not of_kind:
            continue
        note = ["", NOTES[kind]] if kind in NOTES else []
        lines += ["", f"## {title}", *note, "", "| theme | statement | reason |", "|---|---|---|"]
        for theme, statements in of_kind.items():
            for sql, reason in statements.items():
                text = " ".join(sql.split()).replace("|", "\\|")
                lines.append(f"| {theme.replace('_', ' ')} | `{text}` | {reason} |")
    return "\n".join([*lines, ""])


def main() -> None:
    with answers.local_bigquery() as client:
        ours = Local.prepare(client)
        found = {theme: ours.differences(theme) for theme in corpus.themes()}
        for theme, differences in found.items():
            for sql, kind in differences.items():
                if sql not in known().get(theme, {}).get(kind, {}):
                    is_change = theme in corpus.changes()
                    here = ours.left(sql) if is_change else ours.answer(sql)
                    there = googles_leave(sql) if is_change else googles(sql)
                    print(f"{kind} {theme} | {sql}\n  here   {here}\n  Google {there}")
    if "--write" in sys.argv:
        _write(found)


def _write(found: dict[str, dict[str, str]]) -> None:
    reasons = {
        sql: why for of_theme in known().values() for of_kind in of_theme.values() for sql, why in of_kind.items()
    }
    made: dict[str, dict[str, dict[str, str]]] = {}
    for theme, differences in found.items():
        for sql, kind in sorted(differences.items(), key=lambda one: (list(KINDS).index(one[1]), one[0])):
            made.setdefault(theme, {}).setdefault(kind, {})[sql] = reasons.get(sql, "not corrected yet")
    LIST.write_text(yaml.safe_dump(made, sort_keys=False, width=1000, allow_unicode=True))
    known.cache_clear()
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
