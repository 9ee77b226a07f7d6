"""Make an undisturbed run, then runs under faults, and compare the result of each with the undisturbed result."""

import shutil
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from demo import crm, generator, loading
from demo.schema import DayFile
from faults import judge
from faults.schedule import BY_OPERATORS, Fault, plan
from faults.world import World, listen
from shared import jsontext
from shared.chain import run_state
from shared.errors import Malformed

FIRST_DAY = date(2017, 3, 1)
DAYS = 24
SESSIONS = 6000
DEADLINE = 300
"""Seconds after which a run that has not ended counts as stuck."""
_QUIET = 2.5
"""Seconds without a delivery after which no message can be pending. This is longer than the longest backoff."""


class StuckError(Exception):
    """Some runs have not ended within the deadline. The message names these runs."""


class TrialSeries:
    """A series of trial runs that all start from the same state.

    In this state, two model versions are registered, and one changed day-table has not been read yet.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._expected: judge.State = {}
        self._runs: set[str] = set()

    def prepare(self) -> None:
        """Create the state from which all runs start, and record the result of an undisturbed run."""
        world = self._world
        shutil.rmtree(world.state, ignore_errors=True)
        world.start()
        listen()
        generator.generate(1, FIRST_DAY, DAYS, SESSIONS, world.folder / "export")
        paths = sorted((world.folder / "export").glob("ga_sessions_*.parquet"))
        self._load(paths)
        crm.load(day_files(paths), 1, world.clients.bigquery, world.clients.settings.dataset)
        for reason in ("first", "second"):
            self._refresh(reason)
        self._load(paths[-3:-2])
        world.stop()
        world.keep()
        self._expected, self._runs = self.undisturbed()

    def undisturbed(self) -> tuple[judge.State, set[str]]:
        """Make a run without faults. Return the state after the run, and the ids of all runs that exist then."""
        world = self._world
        world.restore()
        world.start()
        world.proxies.arm([])
        self._refresh("disturbed")
        counts = dict(world.proxies.counts)
        state = judge.observe(world.clients)
        runs = set(world.clients.runs.ids())
        world.stop()
        (world.folder / "undisturbed.json").write_text(jsontext.text({"requests": counts, "state": state}, 1))
        return state, runs

    def run(self, seed: int) -> dict[str, Any]:
        """Make a run under the faults of `seed`. Return the faults that struck, and what is wrong after the run."""
        world, faults = self._world, plan(seed)
        world.log.write_text("")
        world.restore()
        world.start()
        result: dict[str, Any] = {"seed": seed, "faults": {}, "lost": [], "doubled": [], "different": [], "stuck": []}
        began = time.monotonic()
        try:
            self._disturb(faults, result)
        except StuckError as error:
            result["stuck"].append(str(error))
        result["seconds"] = round(time.monotonic() - began, 1)
        world.stop()
        if is_wrong(result):
            self._keep_failure(seed, faults, result)
        return result

    def _disturb(self, faults: list[Fault], result: dict[str, Any]) -> None:
        world = self._world
        world.proxies.arm(faults)
        try:
            self._refresh("disturbed", set() if _operators(faults) else self._runs)
        finally:
            result["stuck"] += world.proxies.finish()
            result["faults"] = dict(world.proxies.struck)
        # Resume runs that are stalled because of a fault, and wait for messages that a fault has delayed.
        world.insist(lambda clients: clients.send("resume-due", {}))
        self._settle("", set())
        struck = result["faults"].keys() & set(BY_OPERATORS)
        if "reset" in struck:
            result["different"] += world.insist(judge.after_a_reset)
        elif "rollback" in struck:
            result["different"] += world.insist(judge.after_a_rollback)
        else:
            for kind, found in judge.compare(self._expected, world.insist(judge.observe)).items():
                result[kind] += found

    def _refresh(self, reason: str, expected: set[str] | None = None) -> None:
        """Publish data-refreshed with `reason`. Wait until the run for it and the `expected` runs have ended."""
        self._world.insist(lambda clients: clients.send("data-refreshed", {"reason": reason}))
        self._settle(reason, expected or set())

    def _settle(self, reason: str, expected: set[str]) -> None:
        """Wait until all runs have ended and no message is pending.

        All `expected` runs must exist. A run for `reason` must exist too, unless `reason` is empty. While this
        method waits, it publishes resume-due, as the scheduler does.

        Raises:
            StuckError: at the deadline, a run is missing or has not ended, or a message is pending.
        """
        world, ended, reasons, running = self._world, set(), {""}, {}
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            time.sleep(0.5)
            if world.proxies.quiet_seconds() < _QUIET:
                continue
            try:
                runs = [run for one in set(world.clients.runs.ids()) - ended if (run := self._read(one))]
                reasons |= {run.wanted_for for run in runs} | ({reason} if world.proxies.struck["reset"] else set())
                ended |= {run.run_id for run in runs if run.has_ended}
                running = {run.run_id: run.outcome for run in runs if not run.has_ended}
                if reason in reasons and expected <= ended and not running and world.proxies.quiet_seconds() > _QUIET:
                    return
                world.clients.send("resume-due", {})
            except Exception:  # noqa: BLE001, S112 - services are down, or a run was reset while it was read
                continue
        raise StuckError(f"not ended: {running or 'none'}; missing: {sorted(expected - ended - running.keys())}")

    def _read(self, run_id: str) -> run_state.Run | None:
        """Return the run, or None if a fault reset it.

        If a step of the run writes after the reset, a folder remains that cannot be read as a run.
        """
        try:
            return run_state.read(self._world.clients.runs, run_id)
        except Malformed:
            if not self._world.proxies.struck["reset"]:
                raise
            return None

    def _load(self, paths: list[Path]) -> None:
        world = self._world
        dataset = world.clients.settings.source.dataset
        for path in paths:
            world.clients.bigquery.delete_table(f"{dataset}.{path.stem}", not_found_ok=True)
        loading.load(day_files(paths), world.clients.bigquery, dataset)

    def _keep_failure(self, seed: int, faults: list[Fault], result: dict[str, Any]) -> None:
        folder = self._world.folder / "wrong" / str(seed)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(self._world.log, folder / "log")
        document = {"planned": [asdict(fault) for fault in faults], **result}
        (folder / "result.json").write_text(jsontext.text(document, 1))


def day_files(paths: list[Path]) -> list[DayFile]:
    """Return the day-table of each generated Parquet file, with its day and its number of rows."""
    return [
        DayFile(date.fromisoformat(path.stem.rpartition("_")[2]), path, pq.read_metadata(path).num_rows)
        for path in paths
    ]


def is_wrong(result: dict[str, Any]) -> bool:
    """Return whether the run lost or doubled anything, got stuck, or ended differently."""
    return any(result[kind] for kind in ("lost", "doubled", "stuck", "different"))


def _operators(faults: list[Fault]) -> bool:
    return any(fault.kind in BY_OPERATORS for fault in faults)
