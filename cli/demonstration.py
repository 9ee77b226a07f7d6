"""`propensity demo`: run the chain on generated or real sessions in a local cloud, and show its progress."""

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

from cli import bound, demo_campaign, follow, machine, report
from cli.declarations import HOME
from cli.errors import CommandError
from cli.page import routes as page
from demo import crm, generator, loading, sources
from demo.truth import Truth
from shared import destination_settings
from shared.chain.documents import REPORT
from shared.events import DataRefreshed, RecommendationsDue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from demo.schema import DayFile
    from shared.chain.documents import Measured
    from shared.chain.environment import Environment
    from shared.chain.run_state import Run

STATE = HOME / ".state" / "demo"
FIRST_DAY = date(2017, 3, 1)
# The settings of a demonstration that differ from the defaults. The sessions are years old, so the age of the data is
# not checked. Probabilities of a purchase on a return visit are far below the default policy's thresholds, so offers
# are given by rank. The destinations are local platforms, with these accounts.
SETTINGS: dict[str, Any] = {
    "checks": {"max_age_days": 0},
    "policy": {"kind": "quantile"},
    "files": {"mode": "replace"},
    "google_ads": {"mode": "replace", "account": "1234567890", "user_list": "987"},
    "meta": {"mode": "replace", "audience": "23850000000000001"},
    "salesforce": {"mode": "replace", "subdomain": "local", "data_extension": "audience"},
}
# Maximum seconds to wait, after the run's end, until the audience was sent to the destinations.
_DELIVERY_SECONDS = 60
# Maximum seconds to wait, after the run's end, for the run's report.
_REPORT_SECONDS = 20


@dataclass(frozen=True)
class Plan:
    """The options of `propensity demo`.

    If `sources` is empty, sessions are generated. If `state` is None, the default folder is used.

    With `has_campaign`, the audience's customers respond to a campaign, which is measured.
    """

    seed: int
    days: int
    sessions: int
    sources: list[Path]
    assignments: list[str]
    state: Path | None
    has_campaign: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that differ from the defaults, except the setting for the kind of export."""
        return SETTINGS | (demo_campaign.SETTINGS if self.has_campaign else {})


class Laps:
    """Measures the duration of a demonstration's phases: `seconds` by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """Store the seconds since the previous call of `lap` as `seconds[name]`."""
        now = time.monotonic()
        self.seconds[name], self._last = round(now - self._last, 3), now


@dataclass(frozen=True)
class Result:
    """The result of a demonstration.

    `upper_bound` is None for real sessions. `report_file` is None if the report took too long.

    `destinations` counts the members of each destination by state and reason. `phases` holds the seconds of each phase.
    `campaign` is None without a campaign or without an audience.
    """

    run: Run
    upper_bound: Measured | None
    report_file: Path | None
    destinations: list[dict[str, Any]]
    phases: dict[str, float]
    campaign: demo_campaign.Outcome | None = None


def run(plan: Plan, out: Console) -> Result:
    """Start a local cloud, load the sessions, and watch the chain until the run ends.

    Raises:
        CommandError: a file is not an export, the sessions could not be loaded, or no run was opened.
        TimeoutError: the run has not ended within the limit.
    """
    state = plan.state or STATE
    laps, truth = Laps(), Truth()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as stack:
        making = pool.submit(_day_files, plan, Path(folder), truth, out)
        # Generated sessions always have the form of GA360, so they are made while the services start. Files must be
        # read before the start, because the settings need the kind of export.
        kind = making.result()[0].export.name.lower() if plan.sources else "ga360"
        document = machine.local_settings({**plan.settings, "source": {"kind": kind}}, plan.assignments)
        news = threading.Event()
        out.print(f"starting the local cloud in {os.path.relpath(state)} ...")
        # The schedules start only after loading (`is_held`). Otherwise, a refresh during loading would open a run on
        # incomplete data.
        cloud, environment = stack.enter_context(
            machine.started(state, document, on_line=lambda _: news.set(), is_fresh=plan.state is None, is_held=True)
        )
        out.print(f"watch it at {stack.enter_context(page.served(environment, 0))}", highlight=False, soft_wrap=True)
        laps.lap("start")
        day_files = making.result()
        laps.lap("generate")
        runs, letters = set(environment.runs.ids()), set(environment.dead_letters.all())
        _load(day_files, environment, out)
        if not plan.sources:
            crm.load(day_files, plan.seed, environment.bigquery, environment.settings.dataset)
        laps.lap("load")
        # A state that an earlier demonstration left may contain a run on the same sessions, or open runs. A unique
        # reason makes a new run, and identifies this run among the others.
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
                # The same refresh caused the run and the recommendations, so show both together.
                finished = replace(
                    finished, documents=replace(finished.documents, recommendations=beside.documents.recommendations)
                )
        upper_bound = None if plan.sources else bound.measure(truth, finished, environment)
        laps.lap("upper bound")
        report_file = _report_file(finished.run_id, environment, state, pause)
        laps.lap("report")
        destinations = _destinations(finished, runs, environment, pause)
        laps.lap("destinations")
        campaign = None
        if plan.has_campaign and finished.outcome != "published":
            out.print("no audience was published, so there is no campaign")
        elif plan.has_campaign:
            out.print("the customers answer the campaign ...")
            campaign = demo_campaign.play(plan.seed, Path(folder) / "answer", environment, pause)
            laps.lap("campaign")
        return Result(finished, upper_bound, report_file, destinations, laps.seconds, campaign)


def _destinations(
    finished: Run, known: set[str], environment: Environment, pause: Callable[[float], object]
) -> list[dict[str, Any]]:
    """Wait until the audience was sent to each destination, and return the rows of sql/destinations/states.sql.

    The wait ends after _DELIVERY_SECONDS at the latest. Without a published audience, return no rows.
    """
    if finished.outcome != "published":
        return []
    wanted = set(destination_settings.switched_on(environment.settings))
    deadline = time.monotonic() + _DELIVERY_SECONDS
    while time.monotonic() < deadline:
        new = [run_id for run_id in environment.runs.ids() if run_id not in known]
        if wanted <= follow.settled(environment, new):
            rows = environment.query("destinations/states")
            # The member ledger is updated only after the requests. So wait until no member has the state `wanted`.
            if all(row["state"] != "wanted" for row in rows):
                return rows
        pause(1)
    return environment.query("destinations/states")


def _report_file(run_id: str, environment: Environment, state: Path, pause: Callable[[float], object]) -> Path | None:
    """Wait for the run's report, and return its file, or None if it is not written within _REPORT_SECONDS."""
    deadline = time.monotonic() + _REPORT_SECONDS
    while environment.runs.content(run_id, REPORT) is None:
        if time.monotonic() > deadline:
            return None
        pause(0.1)
    return state / "storage" / "buckets" / environment.runs.uri(run_id, REPORT).removeprefix("gs://")


def _day_files(plan: Plan, folder: Path, truth: Truth, out: Console) -> list[DayFile]:
    if not plan.sources:
        return generator.generate(plan.seed, FIRST_DAY, plan.days, plan.sessions, folder, truth.see)
    try:
        intake = sources.read(plan.sources, folder / "days")
    except sources.SourceError as error:
        raise CommandError(str(error)) from error
    if intake.repeated:
        out.print(f"{intake.repeated} duplicate rows; the chain counts them once")
    if intake.dropped:
        out.print(f"{len(intake.dropped)} columns that the chain does not use were left out, e.g. {intake.dropped[0]}")
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
    """Yield a function to call after each of `total` parts.

    In a terminal, the function moves a progress bar. In a pipe, it prints lines.
    """
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
    """Wait until a function logs something, but at most `seconds`."""
    news.wait(seconds)
    news.clear()


def _watch(states: Iterator[Run | None], out: Console) -> Run | None:
    """Show the run's states as they arrive, and return the last state.

    In a pipe, print a line for each finished step.
    """
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
