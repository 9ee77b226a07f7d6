"""Run GoogleSQL's own compliance cases on the local BigQuery and count how it answers.

    python scripts/compliance.py CHECKOUT/googlesql/compliance/testdata [--every N] [--write]

CHECKOUT is one of https://github.com/google/googlesql. Each case that Google's reference implementation runs in
BigQuery's dialect runs on the local BigQuery too; --every N takes each Nth case. The script prints each silent
difference and the counts. It exits with 1 where there are more silent differences than compliance.yaml holds for
this N. --write writes the new counts there.

    same              the same columns, types and rows
    different         other rows, columns or types, silently
    refused           by the local BigQuery, by what is missing
    not BigQuery's    refused by the reference implementation in BigQuery's dialect, or no plain query
"""

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import yaml
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from local import serving
from local.bigquery import emulator, gateway
from local.bigquery.tokens import UnterminatedError
from local.googlesql import difference, reference
from local.googlesql.catalog import Catalog
from local.googlesql.difference import Answer
from local.googlesql.errors import Crashed, Refused

COUNTS = Path(__file__).with_suffix(".yaml")
PROJECT = "local-project"
# A case is text between lines of ==, and what it gives follows a line of --.
_CASE, _RESULT = re.compile(r"^==\s*$", re.MULTILINE), re.compile(r"^--\s*$", re.MULTILINE)
_OPTION, _COMMENT = re.compile(r"^\[[^\n]*\]\s*$", re.MULTILINE), re.compile(r"^\s*#.*$|--.*$", re.MULTILINE)
_TABLE = re.compile(r"(?is)\s*create\s+(?:temp\s+)?table\s+`?(\w+)`?\s+as\s+(.*)$")
_QUERY = re.compile(r"(?is)\s*(select|with|\(|from)\b")
# Types that only GoogleSQL has, parameters, and functions that never give the same twice.
_FOREIGN = re.compile(
    r"(?i)\b(u?int32|uint64|float32|float|proto|enum|graph_table|new|uuid|tokenlist|map)\b|@|googlesql_test"
    r"|\b(rand|generate_uuid|current_\w+|session_user)\b"
)


def main(testdata: Path, every: int) -> int:
    """Print and compare the counts."""
    counts: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as state, emulator.run(Path(state) / "emulator", project=PROJECT) as running:
        app = gateway.create_app(running.url, Path(state) / "gateway", storage_url="http://127.0.0.1:1")
        with serving.serve(app) as url, ThreadPoolExecutor(2) as pool:
            options = ClientOptions(api_endpoint=url)
            client = bigquery.Client(PROJECT, credentials=AnonymousCredentials(), client_options=options)
            for file, sql, googles, ours in pool.map(
                lambda one: _answered(client, *one), islice(cases(testdata), 0, None, every)
            ):
                if googles.refusal:
                    counts["not BigQuery's"] += 1
                    continue
                kind = difference.kind(ours, googles, is_ordered=_is_ordered(sql))
                verdict = {"": "same", "refused": "refused"}.get(kind, "different")
                counts[verdict] += 1
                if verdict == "refused":
                    missing[_reason(ours.refusal)] += 1
                if verdict == "different":
                    print(f"{kind} {file}\n{sql}\n  here   {ours}\n  Google {googles}\n")
    for reason, count in missing.most_common(60):
        print(f"{count:5} refused: {reason}")
    print(dict(counts))
    known = yaml.safe_load(COUNTS.read_text()) if COUNTS.exists() else {}
    if "--write" in sys.argv:
        COUNTS.write_text(yaml.safe_dump(known | {every: dict(counts)}))
        return 0
    allowed = known[every]["different"]
    if counts["different"] > allowed:
        print(f"{counts['different']} silent differences, and {COUNTS.name} allows {allowed}")
        return 1
    return 0


def cases(testdata: Path) -> Iterator[tuple[str, str]]:
    """Yield each case as its file and one statement; its tables are written out as common table expressions."""
    for path in sorted(testdata.glob("*.test")):
        tables: dict[str, str] = {}
        for case in _CASE.split(path.read_text()):
            given = _RESULT.split(case)[0]
            sql = _OPTION.sub("", given).strip().rstrip(";")
            if "prepare_database" in given:
                if made := _TABLE.match(sql):
                    tables[made[1]] = made[2].strip().rstrip(";")
            elif sql:
                yield path.name, _whole(sql, tables)


def _whole(sql: str, tables: dict[str, str]) -> str:
    used = [f"`{name}` as ({query})" for name, query in tables.items() if re.search(rf"(?i)\b{re.escape(name)}\b", sql)]
    if not used:
        return sql
    begins = re.match(r"(?is)\s*with\s+(recursive\s+)?", sql)
    if not begins:
        return f"with {', '.join(used)} {sql}"
    return f"with {begins[1] or ''}{', '.join(used)}, {sql[begins.end() :]}"


def _answered(client: bigquery.Client, file: str, sql: str) -> tuple[str, str, Answer, Answer]:
    nothing = Answer(refusal="not run")
    if not _QUERY.match(_COMMENT.sub("", sql).lstrip()) or _FOREIGN.search(sql):
        return file, sql, nothing, nothing
    try:
        googles = Answer.of_reference(reference.run(sql, Catalog(lambda _: None)))
    except (Refused, Crashed, UnterminatedError, ValueError, TypeError, OverflowError, AssertionError):
        return file, sql, nothing, nothing
    if googles.refusal:
        return file, sql, googles, nothing
    try:
        rows = client.query_and_wait(sql, retry=None, job_retry=None, wait_timeout=60)
        return file, sql, googles, Answer.of_client(rows)
    except GoogleAPICallError as error:
        return file, sql, googles, Answer(refusal=error.message)
    except (ValueError, TypeError, OverflowError) as error:
        return file, sql, googles, Answer(columns=(("", ""),), rows=((str(error),),))


def _is_ordered(sql: str) -> bool:
    try:
        return difference.is_ordered(sql)
    except UnterminatedError:
        return False


def _reason(refusal: str) -> str:
    """Return the kind of a refusal, without what belongs to the one statement."""
    words = refusal.partition("prettyPrint=false: ")[2].partition("\n")[0] or refusal
    return re.sub(r"\[.*?\]|'[^']*'|\"[^\"]*\"|\d+", "…", words)[:90].strip()


if __name__ == "__main__":
    step = int(sys.argv[sys.argv.index("--every") + 1]) if "--every" in sys.argv else 1
    sys.exit(main(Path(sys.argv[1]), step))
