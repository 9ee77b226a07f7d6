"""Run GoogleSQL's own compliance cases on the local BigQuery and count the results.

    python scripts/compliance.py CHECKOUT/googlesql/compliance/testdata [--only TEXT] [--write]

CHECKOUT is a checkout of https://github.com/google/googlesql. Google's reference implementation runs each case. If it
accepts the case in BigQuery's dialect, the local BigQuery runs the case too. With --only, the script runs only files
whose names contain TEXT. The script prints each difference that compliance.yaml does not list, the reasons of refusals,
and the counts. The exit code is 1 if a difference is not listed, or if a listed case no longer differs. --write updates
the counts.

    same              both return the same columns, types and rows, or both fail
    different         the local BigQuery returns other rows, columns or types, or does not fail
    refused           the local BigQuery refuses the case; counted by the missing feature
    not BigQuery's    the reference implementation refuses the case in BigQuery's dialect, or results are not comparable
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import batched
from pathlib import Path
from typing import Any

import yaml
from google.cloud import bigquery

from deskcloud.comparison import answers, cases, difference
from deskcloud.comparison.cases import Case, File
from deskcloud.comparison.difference import Answer
from deskcloud.googlesql.errors import Crashed, Refused
from deskcloud.googlesql.reference import Database, Parameters, Rows
from deskcloud.googlesql.types import Fields

LIST = Path(__file__).with_suffix(".yaml")
THREADS = 2
NOTHING = Answer()
# The local BigQuery is restarted after this number of files, because it keeps the result of each query.
FILES = 40
# Functions and clauses whose result differs at each call.
_RANDOM = re.compile(r"(?i)\b(rand|generate_uuid|current_\w+|session_user|tablesample)\b")
# The reference implementation lacks a feature of BigQuery if it raises this error.
_LACKING = "invalid collation name"


@dataclass(frozen=True)
class Verdict:
    """The result of a case. `word` is same, different, refused or not BigQuery's, as the docstring above says."""

    name: str
    case: Case
    word: str
    reason: str = ""
    ours: Answer = NOTHING
    googles: Answer = NOTHING


@dataclass(frozen=True)
class Tables:
    """The tables of a file of cases.

    `rows` holds the rows of each table, `kept` is the reference implementation's database, and `dataset` is the dataset
    of the local BigQuery. `dataset` is "" for a file without tables. `refusals` has the error for each table that the
    local BigQuery refused.
    """

    rows: dict[str, tuple[Fields, Rows]]
    kept: Database
    dataset: str
    refusals: dict[str, str]

    @classmethod
    def of(cls, file: File, client: bigquery.Client) -> "Tables":
        """Create a file's tables in the reference implementation and in the local BigQuery."""
        rows: dict[str, tuple[Fields, Rows]] = {}
        refusals: dict[str, str] = {}
        dataset = f"{answers.PROJECT}.{Path(file.name).stem}"
        if file.tables:
            client.create_dataset(dataset)
        for name, query in file.tables.items():
            # If the reference implementation refuses a table, the table has types that BigQuery does not have. Then
            # BigQuery cannot run the cases that name the table either.
            with suppress(Refused, Crashed, ValueError, TypeError, OverflowError, AttributeError):
                rows[name] = answers.made(query, rows)
                answer = answers.ours(client, f"create table `{name}` as {query}", dataset=dataset)
                if answer.refusal:
                    refusals[name] = answer.refusal
        return cls(rows, Database(rows), dataset if file.tables else "", refusals)


def main(testdata: Path, only: str) -> int:
    """Print the differences and the counts, and return the exit code."""
    known = yaml.safe_load(LIST.read_text())
    listed = {name for names in known["listed"].values() for name in names}
    counts: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {"refused": Counter(), "not BigQuery's": Counter()}
    different: set[str] = set()
    foreign = {name: reason for reason, names in known["foreign"].items() for name in names}
    for verdict in _verdicts([file for file in cases.files(testdata) if only in file.name], foreign):
        counts[verdict.word] += 1
        if verdict.word in reasons:
            reasons[verdict.word][verdict.reason] += 1
        if verdict.word == "different":
            different.add(verdict.name)
        if verdict.word == "different" and verdict.name not in listed:
            print(f"{verdict.reason} {verdict.name}\n{verdict.case.sql}\n{verdict.case.parameters}")
            print(f"  here   {verdict.ours}\n  Google {verdict.googles}\n", flush=True)
    for word, of_word in reasons.items():
        for reason, count in of_word.most_common():
            print(f"{count:5} {word}: {reason}")
    print(f"{sum(counts.values())} cases: {dict(counts)}")
    if "--write" in sys.argv:
        LIST.write_text(yaml.safe_dump(known | {"counts": dict(counts)}, sort_keys=False, width=1000))
    unlisted, gone = len(different - listed), set() if only else listed - different
    print(f"{unlisted} silent differences are not in {LIST.name}; {len(gone)} of it no longer differ: {sorted(gone)}")
    return 1 if unlisted or gone else 0


def _verdicts(files: list[File], foreign: dict[str, str]) -> Iterator[Verdict]:
    for some in batched(files, FILES, strict=False):
        with answers.local_bigquery() as client, ThreadPoolExecutor(THREADS) as pool:
            for file in some:
                judge = partial(_verdict, client, file, Tables.of(file, client), foreign)
                yield from pool.map(judge, file.cases)
                print(f"{file.name}: {len(file.cases)}", file=sys.stderr, flush=True)


def _verdict(client: bigquery.Client, file: File, tables: Tables, foreign: dict[str, str], case: Case) -> Verdict:
    verdict = partial(Verdict, f"{file.name}:{case.name}", case)
    if excluded := _excluded(file, case, foreign):
        return verdict("not BigQuery's", excluded)
    try:
        parameters = answers.parameters(case.parameters)
        given = [answers.of_clients(name, kind, value) for name, (kind, value) in parameters.items()]
    except (Refused, ValueError) as refusal:
        return verdict("not BigQuery's", _kind(str(refusal)))
    googles = _googles(tables, case, parameters)
    if googles.refusal and (not googles.is_failure or _LACKING in googles.refusal):
        return verdict("not BigQuery's", _kind(googles.refusal))
    ours = _ours(client, tables, case, given)
    kind = difference.kind(ours, googles, is_ordered=case.is_ordered, has_open_arrays=case.has_open_arrays)
    word = {"": "same", "refused": "refused"}.get(kind, "different")
    return verdict(word, _kind(ours.refusal) if word == "refused" else kind, ours, googles)


def _googles(tables: Tables, case: Case, parameters: Parameters) -> Answer:
    if case.kind == "query":
        return answers.of_database(tables.kept, case.sql, parameters)
    if case.target not in tables.rows:
        return Answer(refusal=f"no table {case.target}")
    return answers.after_change(case.sql, case.target, tables.rows, parameters)


def _ours(client: bigquery.Client, tables: Tables, case: Case, parameters: list[Any]) -> Answer:
    for name in case.tables:
        if name in tables.refusals:
            return Answer(refusal=tables.refusals[name])
    sql = case.sql
    if case.kind == "change":
        # Each case changes a new copy of the table.
        copy = f"create temp table `{case.target}` as select * from `{tables.dataset}.{case.target}`"  # noqa: S608
        sql = f"{copy};\n{sql};\nselect * from `{case.target}`"
    return answers.ours(client, sql, dataset=tables.dataset or None, parameters=parameters)


def _excluded(file: File, case: Case, foreign: dict[str, str]) -> str:
    """Return why BigQuery cannot run a case, or why the answers cannot be compared. Return "" if both are possible."""
    if found := sorted((case.features | {file.name}) & foreign.keys()):
        return foreign[found[0]]
    if not case.kind or (case.kind == "change" and not case.target):
        return "it is not a query, INSERT, UPDATE or DELETE"
    if case.is_open or _RANDOM.search(case.sql):
        return "its answer may be another each time"
    return ""


def _kind(refusal: str) -> str:
    """Return an error message without the names and values of the statement, so that equal errors can be counted."""
    words = refusal.partition("prettyPrint=false: ")[2].partition("\n")[0] or refusal
    return re.sub(r"\[.*?\]|'[^']*'|\"[^\"]*\"|`[^`]*`|\d+", "…", words)[:90].strip()


if __name__ == "__main__":
    text = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    sys.exit(main(Path(sys.argv[1]), text))
