"""`propensity demo`: sessions in, a published audience or a reasoned rejection out, before one's eyes."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.progress import Progress

from cli import follow, machine, report
from cli.declarations import HOME
from cli.errors import CommandError
from demo import generator, loading, sources
from shared.events import DataRefreshed, RecommendationsDue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from cli.follow import Run
    from demo.schema import DayFile
    from shared.chain.environment import Environment

STATE = HOME / ".state" / "demo"
FIRST_DAY = date(2017, 3, 1)
# The sessions are years old on purpose: the day they end is not the day of the demonstration.
# Probabilities of a purchase on a return visit are far below the default band, so offers go by rank.
SETTINGS: dict[str, Any] = {"checks": {"max_age_days": 0}, "policy": {"kind": "quantile"}}


@dataclass(frozen=True)
class Plan:
    """What to demonstrate with."""

    seed: int
    days: int
    sessions: int
    sources: list[Path]
    assignments: list[str]
    state: Path | None


class Laps:
    """How many seconds passed from one milestone to the next."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """Note the time since the milestone before."""
        now = time.monotonic()
        self.seconds[name], self._last = round(now - self._last, 3), now


def run(plan: Plan, out: Console) -> tuple[Run, dict[str, float]]:
    """Start a local cloud, give it the sessions, and watch the chain to its end; also say how long each of these took.

    Raises:
        CommandError: a file is no export, the sessions could not be loaded, or the chain came to no end.
    """
    state = plan.state or STATE
    laps = Laps()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as stack:
        making = pool.submit(_day_files, plan, Path(folder), out)
        # Generated sessions are known to be GA360's and are made while the services start; files must be looked at.
        kind = making.result()[0].export.name.lower() if plan.sources else "ga360"
        document = machine.local_settings({**SETTINGS, "source": {"kind": kind}}, plan.assignments)
        news = threading.Event()
        out.print(f"starting the local cloud in {os.path.relpath(state)} ...")
        # No schedule may find half of the day-tables and open a run on them.
        cloud, environment = stack.enter_context(
            machine.started(state, document, on_line=lambda _: news.set(), is_fresh=plan.state is None, is_held=True)
        )
        laps.lap("start")
        day_files = making.result()
        laps.lap("generate")
        runs, letters = set(environment.runs.ids()), set(environment.dead_letters.all())
        _load(day_files, environment, out)
        laps.lap("load")
        # On a state that is kept the same sessions may have had their run, and what was under way may open another one:
        # a reason of its own makes a run of its own.
        reason = f"demonstration of {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
        environment.send(DataRefreshed.topic, {"reason": reason})
        cloud.scheduler.start()
        pause = partial(_pause, news)
        finished = _watch(follow.until_end(environment, runs, letters, pause, wanted_for=reason), out)
        if finished is None:
            new = [letter for name, letter in environment.dead_letters.all().items() if name not in letters]
            reasons = "; ".join(letter.reason for letter in new)
            raise CommandError(f"no run was opened: {reasons}; the log is in {os.path.relpath(state / 'logging')}")
        laps.lap("chain")
        if follow.beside(environment.runs, runs):
            topic = RecommendationsDue.topic
            *_, beside = follow.until_end(environment, runs, letters, pause, topic=topic)
            laps.lap("recommendations")
            if beside:
                # They belong to what the same refresh has led to.
                finished = replace(
                    finished, documents=replace(finished.documents, recommendations=beside.documents.recommendations)
                )
        return finished, laps.seconds


def _day_files(plan: Plan, folder: Path, out: Console) -> list[DayFile]:
    if not plan.sources:
        return generator.generate(plan.seed, FIRST_DAY, plan.days, plan.sessions, folder)
    try:
        intake = sources.read(plan.sources, folder / "days")
    except sources.SourceError as error:
        raise CommandError(str(error)) from error
    if intake.repeated:
        out.print(f"{intake.repeated} rows stand twice; the chain counts them once")
    if intake.dropped:
        out.print(f"{len(intake.dropped)} columns that the chain does not know were left out, e.g. {intake.dropped[0]}")
    return intake.day_files


def _load(day_files: list[DayFile], environment: Environment, out: Console) -> None:
    total = sum(day_file.rows for day_file in day_files)
    with progress(f"loading {total:,} rows in {len(day_files)} day-tables", len(day_files), out) as advance:
        try:
            loading.load(day_files, environment.bigquery, environment.settings.source.dataset, lambda _: advance())
        except loading.LoadError as error:
            raise CommandError(str(error)) from error
    out.print(f"loaded {total:,} rows in {len(day_files)} day-tables")


@contextlib.contextmanager
def progress(what: str, total: int, out: Console) -> Iterator[Callable[[], object]]:
    """Yield what is to be called after each part: it moves a bar or, in a pipe, prints a line for each tenth."""
    if out.is_terminal:
        with Progress(console=out, transient=True) as bar:
            yield partial(bar.advance, bar.add_task(what, total=total))
        return
    out.print(f"{what} ...")
    done = itertools.count(1)

    def advance() -> None:
        number = next(done)
        if number * 10 // total > (number - 1) * 10 // total and number < total:
            out.print(f"loaded {number} of {total}")

    yield advance


def _pause(news: threading.Event, seconds: float) -> None:
    """Wait so long, or until the functions log something."""
    news.wait(seconds)
    news.clear()


def _watch(states: Iterator[Run | None], out: Console) -> Run | None:
    """Draw each state of the run, in a pipe each step once it has ended, and return the last."""
    run: Run | None = None
    if not out.is_terminal:
        told: set[str] = set()
        for run in states:
            for step, seconds in run.seconds.items() if run else ():
                if step not in told:
                    out.print(f"done  {step}  {seconds:.1f} s", highlight=False)
                    told.add(step)
        return run
    with Live(report.progress(None), console=out, refresh_per_second=8) as live:
        for run in states:
            live.update(report.progress(run))
    return run
