"""`propensity runs`: list the runs, the newest first, and the dead letters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli import report, run_reports, terminal
from shared.chain import pointer, run_state
from shared.chain.documents import SUPERSEDED
from shared.errors import Permanent

if TYPE_CHECKING:
    from rich.console import Console

    from shared.chain.environment import Environment
    from shared.chain.runs import Runs
    from shared.dead_letters import Letter

# Maximum number of concurrent requests to the bucket; Google's client has a pool of ten connections.
AT_ONCE = 8
# The state of a run whose documents cannot be read.
LOST = "lost"
# The opening time that is assumed for a run in the state LOST, so that the run is listed first.
NEVER = datetime.max.replace(tzinfo=UTC)
# The states that --failed lists.
FAILED = {"failed", "retrying", LOST}


def listed(environment: Environment, *, limit: int, is_failed: bool) -> dict[str, Any]:
    """Return the newest `limit` runs and all dead letters.

    With `is_failed`, return only runs whose state is in FAILED.
    """
    runs = environment.runs
    champion = pointer.read(environment)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        opened = dict(pool.map(lambda run_id: (run_id, _opened_at(runs, run_id)), runs.ids()))
        newest = sorted(opened, key=lambda run_id: (opened[run_id], run_id), reverse=True)
        found = pool.map(
            partial(_row, environment, champion=champion.run_id if champion else None),
            newest if is_failed else newest[:limit],
        )
        rows = [row for row in found if not is_failed or row["state"] in FAILED][:limit]
    letters = [_letter(name, letter) for name, letter in sorted(environment.dead_letters.all().items())]
    return {"runs": rows, "runs_in_all": len(opened), "dead_letters": letters}


def _opened_at(runs: Runs, run_id: str) -> datetime:
    """Return when the run was opened.

    If run.json is missing or cannot be read, return NEVER, so that the run is listed first.
    """
    try:
        run = runs.find(run_id)
    except Permanent:
        return NEVER
    return run.opened_at if run else NEVER


def _row(environment: Environment, run_id: str, champion: str | None) -> dict[str, Any]:
    try:
        run = run_state.read(environment.runs, run_id, (SUPERSEDED,))
    except Permanent as error:
        return {"run_id": run_id, "state": LOST, "why": str(error), "is_champion": run_id == champion}
    return {
        "run_id": run_id,
        "kind": run.kind,
        "reason": run.wanted_for,
        "opened_at": run.opened_at,
        "last_step": run.records[-1].step if run.records else None,
        "state": run.outcome,
        "why": run.reason,
        "is_champion": run_id == champion,
        "report": run_reports.link(run_id, environment),
    }


def _letter(name: str, letter: Letter) -> dict[str, Any]:
    about = {"function": letter.function, "received_at": letter.received_at, "reason": letter.reason}
    return {"message": name, **about}


def show(found: dict[str, Any], out: Console) -> None:
    """Print the runs and the dead letters of `listed` as tables."""
    table = terminal.table("run", "kind", "reason", "opened", "last step", "state", "report", "why")
    for row in found["runs"]:
        name = f"{row['run_id']} [bold green]champion[/]" if row["is_champion"] else row["run_id"]
        state = f"[{report.COLOURS.get(row['state'], 'red')}]{row['state']}[/]"
        opened = f"{row['opened_at']:%Y-%m-%d %H:%M}" if "opened_at" in row else "-"
        cells = (row.get("kind") or "-", escape(row.get("reason") or ""), opened, row.get("last_step") or "-", state)
        page = row.get("report")
        table.add_row(name, *cells, f"[link={page}]written[/link]" if page else "-", escape(row["why"]))
    if found["runs"]:
        out.print(table)
        out.print("`propensity report RUN` downloads a run's report; --json names where each one is")
    else:
        out.print(_nothing(found))
    if 0 < len(found["runs"]) < found["runs_in_all"]:
        out.print(f"{len(found['runs'])} of {found['runs_in_all']} runs; --limit and --failed choose others")
    if found["dead_letters"]:
        dead = terminal.table("message", "function", "received", "why", title="Dead letters")
        for letter in found["dead_letters"]:
            received = f"{letter['received_at']:%Y-%m-%d %H:%M}"
            dead.add_row(letter["message"], escape(letter["function"] or "-"), received, escape(letter["reason"]))
        out.print(dead)
        out.print("after their cause is fixed, `propensity replay MESSAGE` sends them again")


def _nothing(found: dict[str, Any]) -> str:
    if found["runs_in_all"]:
        return f"none of {found['runs_in_all']} runs has failed"
    return "there are no runs yet; `propensity publish data-refreshed '{}'` opens one if the export has new days"
