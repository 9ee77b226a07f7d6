"""`propensity demo`: sessions in, a published audience or a reasoned rejection out, before one's eyes."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.progress import Progress

from cli import follow, machine, report
from cli.errors import CommandError
from demo import generator, loading, sources
from shared.events import DataRefreshed, RecommendationsDue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from cli.follow import Run
    from demo.schema import DayFile
    from shared.cloud import Clients

STATE = Path(__file__).parent.parent / ".state" / "demo"
FIRST_DAY = date(2017, 3, 1)
# The sessions are years old on purpose: the day they end is not the day of the demonstration.
SETTINGS: dict[str, Any] = {"checks": {"max_age_days": 0}}


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
        _, clients = stack.enter_context(
            machine.started(state, document, on_line=lambda _: news.set(), is_fresh=plan.state is None)
        )
        laps.lap("start")
        day_files = making.result()
        laps.lap("generate")
        runs, letters = set(clients.ledger.runs()), set(clients.ledger.dead_letters())
        _load(day_files, clients, out)
        laps.lap("load")
        # On a state that is kept the same sessions may have had their run already; a reason makes another.
        clients.send(DataRefreshed.topic, {"reason": f"demonstration {len(runs) + 1}"} if runs else {})
        watching = follow.until_end(clients.ledger, runs, letters, partial(_pause, news))
        finished = _watch(watching, out)
        if finished is None:
            new = [letter for name, letter in clients.ledger.dead_letters().items() if name not in letters]
            reasons = "; ".join(letter["reason"] for letter in new)
            raise CommandError(f"no run was opened: {reasons}; the log is in {os.path.relpath(state / 'logging')}")
        laps.lap("chain")
        if follow.beside(clients.ledger, runs):
            topic = RecommendationsDue.topic
            *_, beside = follow.until_end(clients.ledger, runs, letters, partial(_pause, news), topic=topic)
            laps.lap("recommendations")
            # They belong to what the same refresh has led to.
            finished = replace(finished, documents={**(beside.documents if beside else {}), **finished.documents})
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


def _load(day_files: list[DayFile], clients: Clients, out: Console) -> None:
    total = sum(day_file.rows for day_file in day_files)
    with Progress(console=out, transient=True) as bar:
        task = bar.add_task(f"loading {total:,} rows in {len(day_files)} day-tables", total=len(day_files))
        try:
            loading.load(day_files, clients.bigquery, clients.settings.source.dataset, lambda _: bar.advance(task))
        except loading.LoadError as error:
            raise CommandError(str(error)) from error
    out.print(f"loaded {total:,} rows in {len(day_files)} day-tables")


def _pause(news: threading.Event, seconds: float) -> None:
    """Wait so long, or until the functions log something."""
    news.wait(seconds)
    news.clear()


def _watch(states: Iterator[Run | None], out: Console) -> Run | None:
    """Draw each state of the run and return the last."""
    run: Run | None = None
    with Live(report.progress(None), console=out, refresh_per_second=8) as live:
        for run in states:
            live.update(report.progress(run))
    return run
