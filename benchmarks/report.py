"""Measure the time and memory to write the report of a run with 1,000,000 scored visitors.

The floor is the time for the report's statements alone.
"""

import datetime as dt
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measure import Row, in_turns, peak_megabytes, say
from cli import follow, machine
from demo import generator, loading
from shared.chain import run_state
from shared.chain.documents import REPORT
from shared.chain.environment import Environment
from shared.events import DataRefreshed
from shared.report import writing
from shared.warehouse import MOST_AT_ONCE

SCORED = 1_000_000
DAYS, SESSIONS = 24, 6000
ROUNDS = 3
# The gate must approve any winner, because visitors are scored only after a deployment. With the default settings, the
# gate would reject a model that is trained on so few sessions.
SETTINGS = {
    "checks": {"max_age_days": 0},
    "label": {"horizon_days": 5},
    "gate": {"min_positives": 1, "min_roc_auc": 0, "min_roc_auc_lower": 0, "margin": 100},
    "policy": {"kind": "quantile"},
}


def measure(_: bool) -> list[Row]:
    """Run the chain on few sessions, multiply the rows of the run, and measure how its report is written."""
    with tempfile.TemporaryDirectory() as folder:
        files = generator.generate(1, dt.date(2017, 3, 1), DAYS, SESSIONS, Path(folder) / "export")
        with machine.started(Path(folder) / "state", machine.local_settings(SETTINGS, [])) as (_cloud, environment):
            loading.load(files, environment.bigquery, environment.settings.source.dataset)
            run = _published(environment)
            few = peak_megabytes(lambda: _written(run, environment))
            say(f"  {SCORED:,} scored visitors")
            learnt = _multiply(run, environment)
            return _rows(run, environment, learnt, few)


def _rows(run: run_state.Run, environment: Environment, learnt: int, few: float) -> list[Row]:
    def alone() -> None:
        statements = [one for part in writing.PARTS for one in part.asks(material).values()]
        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            list(pool.map(lambda one: environment.query(one.name, one.parameters, **one.identifiers), statements))

    def written() -> bytes:
        return _written(run, environment)

    material = writing.gather(run, environment)
    measured, floor = in_turns(written, alone, ROUNDS)
    what = f"report of {SCORED:,} scored visitors, {learnt:,} rows of the run"
    return [
        Row(f"{what}; floor: its statements alone", measured, floor=floor, bound=1.5),
        Row(f"{what}: memory; floor: its statements alone", peak_megabytes(written), "MB", peak_megabytes(alone), 1.5),
        Row(f"{what}: memory; floor: the run's own {SESSIONS:,} sessions", peak_megabytes(written), "MB", few, 1.5),
        Row("size of the page; floor: the 2 MB allowed", len(written()) / 1e6, "MB", 2, 1),
    ]


def _written(run: run_state.Run, environment: Environment) -> bytes:
    """Make the page again and store it. writing.write would do nothing, because a page is already stored."""
    content = writing.made(writing.gather(run, environment), environment)
    environment.runs.write_page(run.run_id, REPORT, content)
    return content


def _published(environment: Environment) -> run_state.Run:
    runs, letters = set(environment.runs.ids()), set(environment.dead_letters.all())
    environment.send(DataRefreshed.topic, {})
    *_, run = follow.until_end(environment, runs, letters)
    if run is None or run.outcome != "published":
        raise RuntimeError(f"the run was not published: {run.reason if run else 'it was not opened'}")
    return run


def _multiply(run: run_state.Run, environment: Environment) -> int:
    """Copy the run's rows with new visitor ids until there are SCORED scores. Return the number of training rows."""
    dataset = environment.settings.dataset
    [(scored,)] = environment.bigquery.query_and_wait(f"select count(*) from {dataset}.scores")  # noqa: S608 - our names
    copies = -(-SCORED // scored) - 1
    for table in ("training_rows", "evaluation_rows", "scores"):
        environment.bigquery.query_and_wait(_copied(dataset, table, run.run_id, copies))
    own = f"select count(*) from {dataset}.training_rows where run_id = '{run.run_id}'"  # noqa: S608
    [(learnt,)] = environment.bigquery.query_and_wait(own)
    return int(learnt)


def _copied(dataset: str, table: str, run_id: str, copies: int) -> str:
    return f"""
        insert into {dataset}.{table}
        select rows_of_run.* replace (concat(visitor_id, '-', cast(copy as string)) as visitor_id)
        from {dataset}.{table} as rows_of_run
        cross join unnest(generate_array(1, {copies})) as copy
        where run_id = '{run_id}'
    """  # noqa: S608 - our own names
