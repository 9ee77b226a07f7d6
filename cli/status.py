"""`propensity status`: champion, newest run, age of the data, destinations and open alerts, on one screen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli import declarations, deliveries, logs, report, terminal
from shared.chain import current, pointer
from shared.chain.documents import HEALTH
from shared.chain.opened_runs import MonitoringRun

if TYPE_CHECKING:
    from rich.console import Console

    from cli.declarations import Alert, Watched
    from shared.chain.documents import Health
    from shared.chain.environment import Environment

# Maximum number of log entries to read for an alert's count. The newest entries are read.
MOST_ENTRIES = 1000
# The newest monitoring run is searched for only among this number of runs: those with the newest data.
MOST_RUNS = 20
COLOURS = {"CRITICAL": "red", "WARNING": "yellow"}


def read(environment: Environment, now: datetime, runs: dict[str, Any]) -> dict[str, Any]:
    """Return the environment's state as a JSON object. `runs` is the result of `listing.listed`.

    Times are in UTC, ages in seconds.

    Raises:
        CommandError: Cloud Logging does not answer.
    """
    newest = current.newest_day(environment)
    return {
        "project": environment.settings.project,
        "at": now,
        "champion": _champion(environment, now),
        "newest_run": next(iter(runs["runs"]), None),
        "data": {"newest_day": newest, "days_ago": (now.date() - newest).days} if newest else None,
        "dead_letters": len(runs["dead_letters"]),
        "health": _health(environment),
        "destinations": deliveries.read(environment),
        "alerts": _open_alerts(environment.settings.project, declarations.watched(), now),
    }


def show(state: dict[str, Any], out: Console) -> None:
    """Print the result of `read` on one screen."""
    champion, run, data = state["champion"], state["newest_run"], state["data"]
    table = terminal.grid()
    table.add_row("project", state["project"])
    table.add_row(
        "champion",
        f"version {champion['version']} of run {champion['run_id']}, {_ago(champion['age_seconds'])}"
        if champion
        else "[yellow]none yet[/]",
    )
    if run:
        colour = report.COLOURS.get(run["state"], "red")
        about = f"{run['run_id']}, {run.get('kind') or 'unknown kind'}: [{colour}]{run['state']}[/]"
        table.add_row("newest run", f"{about} {escape(run['why'])}".rstrip())
    else:
        table.add_row("newest run", "[yellow]none yet[/]")
    table.add_row(
        "data", f"until {data['newest_day']}, {data['days_ago']} days ago" if data else "[yellow]none read yet[/]"
    )
    table.add_row("dead letters", str(state["dead_letters"]))
    out.print(table)
    if state["health"]:
        out.print(report.health(state["health"]))
    if state["destinations"]:
        out.print(deliveries.table(state["destinations"]))
    if not state["alerts"]:
        out.print("no alert of the log is open")
        return
    alerts = terminal.table("alert", "severity", "found", "what to do", title="Open alerts")
    for one in state["alerts"]:
        severity = f"[{COLOURS[one['severity']]}]{one['severity']}[/]"
        alerts.add_row(one["title"], severity, one["found"], f"docs/runbook.md#{one['alert']}")
    out.print(alerts)


def _champion(environment: Environment, now: datetime) -> dict[str, Any] | None:
    champion = pointer.read(environment)
    if champion is None:
        return None
    run = environment.runs.find(champion.run_id)
    age = round((now - run.opened_at).total_seconds()) if run else None
    return {"run_id": champion.run_id, "version": champion.version, "age_seconds": age}


def _health(environment: Environment) -> Health | None:
    """Return the findings of the newest run that checked the model's health.

    Return None if there is no such run among the MOST_RUNS runs with the newest data.
    """
    newest = environment.runs.ids()[: -MOST_RUNS - 1 : -1]
    found = [run for run in map(environment.runs.find, newest) if isinstance(run, MonitoringRun)]
    ordered = sorted(found, key=lambda run: run.opened_at, reverse=True)
    return next((health for run in ordered if (health := environment.runs.read(run.event.run_id, HEALTH))), None)


def _open_alerts(project: str, watched: Watched, now: datetime) -> list[dict[str, Any]]:
    of_log = {name: alert for name, alert in watched.alerts.items() if alert.count}
    with ThreadPoolExecutor(len(of_log)) as pool:
        found = pool.map(lambda alert: _found(project, alert, watched, now), of_log.values())
    return [
        {"alert": name, "title": alert.title, "severity": alert.severity, "found": what}
        for (name, alert), what in zip(of_log.items(), found, strict=True)
        if what
    ]


def _found(project: str, alert: Alert, watched: Watched, now: datetime) -> str | None:
    """Return a text with the count that raises the alert, or None if the alert is not open."""

    def entries(count: str, since: datetime) -> list[logs.Entry]:
        return logs.newest(project, watched.counts[count], since, alert.fewer_than or MOST_ENTRIES)

    since = now - timedelta(minutes=alert.minutes)
    whole = entries(alert.share_of, since) if alert.share_of else []
    if len(whole) == MOST_ENTRIES:
        # Older entries of `share_of` may exist that were not read. So begin the period at the oldest entry that was
        # read, and count the entries of both counts in this shorter period.
        since = datetime.fromisoformat(whole[-1].timestamp)
    number = len(entries(str(alert.count), since))
    if not alert.is_raised(number, len(whole)):
        return None
    period = f"{alert.minutes // 60} h" if alert.minutes > 60 else f"{alert.minutes} min"
    return f"{number} of {len(whole)} within {period}" if alert.share_of else f"{number} within {period}"


def _ago(seconds: int | None) -> str:
    if seconds is None:
        return "of unknown age"
    days, hours = divmod(seconds // 3600, 24)
    return f"{days} days old" if days else f"{hours} hours old"
