"""Measure whether a local cloud grows while it runs: its memory, its open files, and its state on disk.

The benchmark starts `propensity up` with the files that a demonstration has left. It sends thousands of queries and the
scheduled messages of two hours. Memory and files grow during a warm-up. The warm-up ends when the job history is full,
and DuckDB has written DuckLake's metadata file three times. Three writes are needed, because DuckDB writes new content
beside the old content, and reuses the old space only at the next write. After the warm-up, memory and files must stay
almost constant.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, pubsub_v1  # type: ignore[attr-defined]

from benchmarks.measure import Row, say, seconds
from cli.declarations import ROOT, Declarations, read
from deskcloud.bigquery.job_lists import KEPT_JOBS
from deskcloud.scheduler import cron
from shared import jsontext

QUERIES = 3_000
SAMPLES = 12
# A table is replaced after every WARM_UP_CHANGES queries during the warm-up, and later after every CHANGES queries.
WARM_UP_CHANGES, CHANGES = 3, 10
# The simulated period, in which each schedule is due at least once. The messages are published without waiting.
FROM, MINUTES = datetime(2026, 1, 1, 5, tzinfo=UTC), 120
# Some growth is allowed, because runs of the chain create tables, models and files that stay.
ALLOWED_GROWTH = 1.1
QUERY_MILLISECONDS = 25
_PROJECT = "propensity-local"
_PROPENSITY = str(Path(sys.executable).with_name("propensity"))
_MEGABYTE = 1 << 20
_SERVICES = ("bigquery", "storage", "pubsub", "vertex", "logging", "functions")
_KNOWN = {"emulator.child": "emulator", "propensity up": "services", "deskcloud.functions": "functions"}


@dataclass(frozen=True)
class Sample:
    """One sample: the resident memory (MB) and the open files of each process, and the size of the state (MB).

    `milliseconds` is the median time of the small queries since the last sample.
    """

    queries: int
    memory: dict[str, float]
    files: dict[str, int]
    folder: float
    milliseconds: float

    def __str__(self) -> str:
        memory = "  ".join(f"{name} {size:5.0f} MB {self.files[name]:3} files" for name, size in self.memory.items())
        return f"{self.queries:6,} queries  {memory}  state {self.folder:6.1f} MB  {self.milliseconds:5.1f} ms a query"


def measure(full: bool) -> list[Row]:
    """Compare the last sample with the floor. The floor is the first sample after the warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        _run("demo", "--days", "30", "--sessions", "3000", "--state", str(state))
        samples = list(_soak(state, Path(folder) / "env.sh", QUERIES * (4 if full else 1)))
    full_history, last = samples[SAMPLES // 3], samples[-1]
    rows = [
        Row(f"{name}, resident after {last.queries:,} queries", last.memory[name], "MB", size, ALLOWED_GROWTH)
        for name, size in full_history.memory.items()
    ]
    rows += [
        Row(f"{name}, open files", last.files[name], "", count, ALLOWED_GROWTH)
        for name, count in full_history.files.items()
    ]
    rows.append(Row("state folder", last.folder, "MB", full_history.folder, ALLOWED_GROWTH))
    rows.append(Row("a small query at the end, median", last.milliseconds, "ms", QUERY_MILLISECONDS, 1))
    return rows


def _soak(state: Path, env_file: Path, queries: int) -> Iterator[Sample]:
    ports = [f"--{name}-port=0" for name in _SERVICES]
    command = [_PROPENSITY, "up", "--state", str(state), "--env-file", str(env_file), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            while not (line := process.stdout.readline() if process.stdout else "").startswith("ready"):
                if not line:
                    raise RuntimeError(f"propensity up ended with status {process.wait()}")
            environment = _environment(env_file)
            os.environ["PUBSUB_EMULATOR_HOST"] = environment["PUBSUB_EMULATOR_HOST"]
            yield from _samples(psutil.Process(process.pid), state, environment, queries)
        finally:
            process.terminate()
            process.communicate()


def _samples(root: psutil.Process, state: Path, environment: Mapping[str, str], queries: int) -> Iterator[Sample]:
    client = bigquery.Client(
        _PROJECT,
        AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": environment["BIGQUERY_EMULATOR_HOST"]},
    )
    declared = read()
    # The first third of the samples is the warm-up, in which the job history and the metadata file become full.
    warm_up, measured = SAMPLES // 3, SAMPLES - SAMPLES // 3
    batches = [KEPT_JOBS // warm_up] * warm_up + [queries // measured] * measured
    made = 0
    for position, batch in enumerate(batches):
        share = MINUTES // len(batches)
        _publish_what_is_due(declared, range(position * share, (position + 1) * share))
        each = WARM_UP_CHANGES if position < warm_up else CHANGES
        times = [_work(client, made + number, each) for number in range(batch)]
        made += batch
        sample = _sample(root, state, made, statistics.median(times) * 1000)
        say(f"  {sample}")
        yield sample


def _work(client: bigquery.Client, number: int, each: int) -> float:
    """Run a small query, and return its time in seconds.

    After every `each` queries, also replace a table. After every 50 queries, also create and delete a dataset.
    """
    statement = f"SELECT COUNT(*) AS visitors, {number} AS n FROM propensity.sessions"  # noqa: S608
    took = seconds(lambda: list(client.query_and_wait(statement)))
    if number % each == 0:
        client.query_and_wait(f"CREATE OR REPLACE TABLE propensity.soak AS SELECT {number} AS n")
    if number % 50 == 0:
        dataset = f"soak_{number}"
        client.create_dataset(dataset)
        client.create_table(bigquery.Table(f"{_PROJECT}.{dataset}.t", [bigquery.SchemaField("n", "INT64")]))
        client.insert_rows_json(f"{dataset}.t", [{"n": number}])
        client.delete_dataset(dataset, delete_contents=True)
    return took


def _publish_what_is_due(declared: Declarations, minutes: range) -> None:
    with pubsub_v1.PublisherClient() as publisher:
        for minute in minutes:
            for one in declared.schedules.values():
                if cron.parse(one.cron).matches(FROM + timedelta(minutes=minute)):
                    topic = publisher.topic_path(_PROJECT, one.topic)
                    publisher.publish(topic, jsontext.encode(one.body)).result()


def _sample(root: psutil.Process, state: Path, queries: int, milliseconds: float) -> Sample:
    processes = {_name(process): process for process in (root, *root.children(recursive=True))}
    memory = {name: process.memory_info().rss / _MEGABYTE for name, process in processes.items()}
    files = {name: process.num_fds() for name, process in processes.items()}
    size = sum(file.lstat().st_size for file in state.rglob("*") if file.is_file())
    return Sample(queries, memory, files, size / _MEGABYTE, milliseconds)


def _name(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    return next((name for part, name in _KNOWN.items() if part in command), process.name())


def _environment(env_file: Path) -> dict[str, str]:
    script = f". {env_file} && env -0"
    lines = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True).stdout.split("\0")  # noqa: S607
    return dict(line.partition("=")[::2] for line in lines if line)


def _run(*arguments: str) -> None:
    say(f"  propensity {' '.join(arguments)}")
    subprocess.run([_PROPENSITY, *arguments], capture_output=True, check=True, cwd=ROOT)
