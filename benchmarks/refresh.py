"""Measure the duration of a run that reads one more day, after a long history and after a short history.

Both histories end on the same days and get the same new days, so training and scoring use the same rows.
"""

import contextlib
import datetime as dt
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Row, in_turns, say
from cli import follow, machine
from demo import generator, loading
from demo.schema import DayFile
from shared.chain import run_state, source
from shared.chain.environment import Environment
from shared.events import DataRefreshed
from shared.warehouse import Statement, query

SHORT, LONG = 20, 200
ROUNDS = 3
SESSIONS_A_DAY = 500
FIRST_DAY = dt.date(2017, 1, 1)
# The horizon and the windows fit into the short history. There are few buyers, so the gate may reject the model. A
# rejection does not change how long the measured part takes.
SETTINGS = {
    "checks": {"max_age_days": 0},
    "label": {"horizon_days": 5},
    "training": {"window_days": SHORT - 5},
    "audience": {"window_days": SHORT - 5},
}
NO_DAY = dt.date(2000, 1, 1)


@dataclass(frozen=True)
class Shop:
    """A running local cloud whose export holds a history of day-tables."""

    clients: Environment

    def load(self, day_files: list[DayFile]) -> None:
        """Load day-tables into the export's dataset."""
        loading.load(day_files, self.clients.bigquery, self.clients.settings.source.dataset)

    def refresh(self) -> run_state.Run:
        """Announce new data, wait until the run that reads them has ended, and return this run.

        Raises:
            RuntimeError: the run failed, or no run was opened.
        """
        runs, letters = set(self.clients.runs.ids()), set(self.clients.dead_letters.all())
        self.clients.send(DataRefreshed.topic, {})
        *_, run = follow.until_end(self.clients, runs, letters)
        if run is None or run.outcome == "failed":
            raise RuntimeError(f"the run failed: {run.reason if run else 'it was not opened'}")
        return run

    def look(self) -> None:
        """List the day-tables, as a function does when it opens a run."""
        settings = self.clients.settings
        self._query("source/day_tables", prefix=settings.table_prefix)

    def read_nothing(self) -> None:
        """Run sql/sessions/from_ga360.sql for a day that has no day-table."""
        nothing = {"first_suffix": "", "last_suffix": "", "suffixes": ["none"], "days": [NO_DAY], "time_zone": "UTC"}
        self._query("sessions/from_ga360", **nothing, placeholders=[""], internal_sources=[""], max_hits=0)

    def _query(self, name: str, **parameters: object) -> None:
        settings = self.clients.settings
        names = {"source": settings.source_dataset, **source.OPTIONAL_COLUMNS[settings.source.kind]}
        query(self.clients.bigquery, settings, Statement(name, parameters, names))


def measure(_: bool) -> list[Row]:
    """Add the same new days to both histories in turns, and compare the median times."""
    with tempfile.TemporaryDirectory() as folder:
        days = LONG + ROUNDS
        files = generator.generate(1, FIRST_DAY, days, days * SESSIONS_A_DAY, Path(folder) / "export")
        with _shop(Path(folder) / "short") as short, _shop(Path(folder) / "long") as long:
            say(f"  histories of {SHORT} and {LONG} day-tables, {SESSIONS_A_DAY} sessions a day")
            short.load(files[LONG - SHORT : LONG])
            long.load(files[:LONG])
            short.refresh()
            long.refresh()
            runs = []
            for new in files[LONG:]:
                say(f"  {new.table} arrives")
                for shop in (short, long):
                    shop.load([new])
                    runs.append(shop.refresh())
            return [
                _row("build_features of one more day", "build_features", runs, bound=1.3),
                _row("from opening the run to the gate", None, runs),
                *_own_of_the_emulator(short, long),
            ]


@contextlib.contextmanager
def _shop(state: Path) -> Iterator[Shop]:
    with machine.started(state, machine.local_settings(SETTINGS, [])) as (_, clients):
        # Create the clients now. They read the environment variables, which will change when the next cloud is started.
        _ = clients.bigquery, clients.runs, clients.publisher
        yield Shop(clients)


def _row(what: str, step: str | None, runs: list[run_state.Run], bound: float | None = None) -> Row:
    def took(run: run_state.Run) -> float:
        if step:
            return run.seconds[step]
        [gate] = [record for record in run.records if record.step == "evaluate_models"]
        return (gate.finished_at - run.opened_at).total_seconds()

    floor, measured = (statistics.median(took(run) for run in some) for some in (runs[::2], runs[1::2]))
    return Row(f"{what}, {LONG} day-tables; floor: {SHORT}", measured, floor=floor, bound=bound)


def _own_of_the_emulator(short: Shop, long: Shop) -> list[Row]:
    """Measure statements that read no rows, to find how much time many day-tables cost in the emulator itself."""
    asked = {
        "listing the day-tables": (short.look, long.look),
        "a statement on no day of them": (short.read_nothing, long.read_nothing),
    }
    rows = []
    for what, (on_short, on_long) in asked.items():
        floor, measured = in_turns(on_short, on_long, ROUNDS)
        rows.append(Row(f"the emulator's own: {what}, {LONG}; floor: {SHORT}", measured, floor=floor))
    return rows
