"""Show a run as tables in the terminal, or as a JSON document."""

from itertools import groupby
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from cli import terminal
from shared.campaign import wording
from shared.chain.campaign_documents import Effects
from shared.chain.documents import Check, Evaluation, Health, Measured, Recommended
from shared.chain.run_state import STEPS, Run, function_of
from shared.report import words
from shared.value import wording as value_wording

COLOURS = {
    "published": "green",
    "recommended": "green",
    "monitored": "green",
    "resolved": "green",
    "delivered": "green",
    "measured": "green",
    "valued": "green",
    "erased": "green",
    "rejected": "yellow",
    "superseded": "yellow",
    "failed": "red",
    "retrying": "yellow",
    "running": "cyan",
}
DECISIONS = {"gain": "green", "loss": "red", "mismatch": "red", "too early": "cyan", "undecided": "yellow"}
STATES = {"fine": "green", "warn": "yellow", "act": "red"}
UPPER_BOUND = "by the true probability, given the intent that the generator drew for each visitor and no model sees"


def document(run: Run) -> dict[str, Any]:
    """Return the run as a JSON document, which contains every number that the tables show."""
    return {
        "run_id": run.run_id,
        "kind": run.kind,
        "outcome": run.outcome,
        "reason": run.reason,
        "opened_at": run.opened_at,
        "started_at": {record.step: record.started_at for record in run.records},
        "finished_at": {record.step: record.finished_at for record in run.records},
        "seconds": {step: round(seconds, 3) for step, seconds in run.seconds.items()},
        "bigquery_seconds": {record.step: record.bigquery_seconds for record in run.records},
        **{name: found for name, found in vars(run.documents).items() if found is not None},
    }


def show(run: Run, console: Console, upper_bound: Measured | None = None) -> None:
    """Print the whole run. Generated sessions have an `upper_bound`, which is printed below the winner."""
    colour = COLOURS[run.outcome]
    console.print(f"\nrun [bold]{run.run_id}[/] [{colour}]{run.outcome}[/]", highlight=False)
    if run.reason:
        console.print(run.reason, style=colour, markup=False, highlight=False)
    if run.documents.checks:
        console.print(_checks(run.documents.checks))
    if run.documents.evaluation:
        console.print(_candidates(run.documents.evaluation, upper_bound))
    if run.documents.health:
        console.print(health(run.documents.health))
    if run.documents.campaigns:
        console.print(campaigns(run.documents.campaigns))
    console.print(_outcome(run, upper_bound))


def progress(run: Run | None) -> RenderableType:
    """Return the steps of a training run so far, to be drawn again while the run continues.

    `run` is None before the run was opened.
    """
    table = terminal.grid()
    seconds = run.seconds if run else {}
    failures = {function_of(failure.step): failure.reason for failure in run.failures} if run else {}
    waiting = True
    for step in STEPS:
        if step in failures:
            table.add_row("[red]failed[/]", step, escape(failures[step]))
            waiting = False
        elif step in seconds:
            table.add_row("[green]done[/]", step, f"{seconds[step]:.1f} s")
        elif waiting and run and not run.has_ended:
            table.add_row("[cyan]...[/]", step)
            waiting = False
    return Group(f"run {run.run_id}" if run else "waiting for the run to open", table)


def _checks(checks: dict[str, Check]) -> Table:
    table = terminal.table("check", "result", "found", title="Data")
    for name, check in checks.items():
        level = name.partition("/")[0]
        table.add_row(name, "[green]ok[/]" if check.is_ok else f"[red]{level}[/]", escape(check.found))
    return table


def health(found: Health) -> Table:
    """Return the findings of a monitoring run as a table."""
    table = terminal.table("check", "state", "found", title="Health")
    for one in found.findings:
        table.add_row(one.check.replace("_", " "), f"[{STATES[one.state]}]{one.state}[/]", escape(one.found))
    return table


def campaigns(found: Effects) -> Group:
    """Return a table of effects for each comparison.

    Lines below a table report a mismatch, and the campaign's return on its cost.
    """
    parts: list[RenderableType] = []
    for title, results in groupby(found.results, wording.title):
        table = terminal.table(*wording.HEAD, title=f"{words.begun(title)}, with the orders up to {found.day}")
        mine = list(results)
        for one in mine:
            table.add_row(one.outcome, *wording.cells(one), f"[{DECISIONS[one.decision]}]{one.decision}[/]")
        parts.append(table)
        parts += [words.begun(wording.mismatch(one)) for one in mine[:1] if one.decision == "mismatch"]
        parts += [words.begun(wording.earned(one)) for one in mine if one.return_value is not None]
    return Group(*parts)


def _candidates(evaluation: Evaluation, upper_bound: Measured | None) -> Table:
    title = "Candidates on the evaluation visitors, then the winner on the test visitors; with 95 % intervals"
    table = terminal.table("model", *words.METRICS.values(), "in words", title=title)
    for name, measured in evaluation.candidates.items():
        table.add_row(name, *_metrics(measured), measured.word, style="bold" if name == evaluation.winner else "")
    table.add_section()
    for name, measured in evaluation.test.items():
        table.add_row(f"{name.replace('_', ' ')}, test", *_metrics(measured), measured.word)
    if upper_bound:
        table.add_row("upper bound, test", *_metrics(upper_bound), upper_bound.word, style="dim")
    for name, why in evaluation.failed.items():
        table.add_row(name, *("-" for _ in words.METRICS), escape(why))
    return table


def _metrics(measured: Measured) -> list[str]:
    return [metric(name, measured) for name in words.METRICS]


def metric(name: str, measured: Measured) -> str:
    """Return a metric and, in a second line, its interval. NONE if the metric could not be computed."""
    if getattr(measured, name) is None:
        return words.NONE
    return f"{words.metric(name, measured)}\n{words.bounds(name, measured)}"


def _judgement(evaluation: Evaluation) -> list[tuple[str, str]]:
    verdict = "approved" if evaluation.passes else "rejected"
    found = [("choice", evaluation.choice), ("gate", f"{evaluation.winner} {verdict}")]
    if calibration := evaluation.calibration:
        found += [("calibrator", calibration.method), ("calibration", calibration.judgement)]
    return found


def _outcome(run: Run, upper_bound: Measured | None) -> Table:
    table = terminal.grid()
    if upper_bound:
        table.add_row("upper bound", UPPER_BOUND)
    for name, said in _judgement(run.documents.evaluation) if run.documents.evaluation else ():
        table.add_row(name, escape(said))
    if deployment := run.documents.deployment:
        table.add_row(
            "deployed",
            f"version {deployment.version}, {deployment.golden_rows} golden rows, "
            f"largest difference {deployment.largest_difference:.1g}",
        )
    if audience := run.documents.audience:
        table.add_row("scored", f"{audience.scored} visitors active until {audience.day}")
        table.add_row(
            "audience",
            f"{audience.members} visitors: {audience.coupons} coupons, {audience.full_price} at full price",
        )
        table.add_row("files", ", ".join(audience.files))
    if recommended := run.documents.recommendations:
        table.add_row(
            "recommended", f"to {recommended.visitors} visitors by {recommended.method}; {_judged(recommended)}"
        )
        table.add_row("rules", f"{recommended.rules} from {recommended.baskets} baskets")
    _rows_of_customers(run, table)
    _rows_of_value(run, table)
    if found := run.documents.health:
        if found.retraining:
            table.add_row("asked for", "a training")
        if found.held_back:
            table.add_row("no training", escape(found.held_back))
        if found.returned:
            table.add_row("returned", f"version {found.returned} is champion again")
    table.add_row("seconds", ", ".join(f"{step} {seconds:.1f}" for step, seconds in run.seconds.items()))
    return table


def destinations(rows: list[dict[str, Any]]) -> Table:
    """Return a table of the members of each destination, by state and reason."""
    table = Table("destination", "state", "members", "why", title="Destinations", title_justify="left")
    for row in rows:
        table.add_row(row["destination"], row["state"], f"{row['members']:,}", escape(row["reason"] or ""))
    return table


def _rows_of_customers(run: Run, table: Table) -> None:
    if found := run.documents.customers:
        counts = _counted(found.arms) or "-"
        table.add_row("customers", f"{found.customers:,} of {found.visitors:,} visitors: {counts}")
        table.add_row("not matched", f"{found.unmatched} visitors of no customer, {found.conflicts} of two")
        table.add_row("CRM", f"{found.refused_rows} rows and {found.refused_values} values refused (refused_customers)")
        for one in found.excluded:
            table.add_row(f"excluded, {one.channel}", f"{one.customers} {escape(one.reason)}")
    if sent := run.documents.delivery:
        table.add_row("destination", sent.destination)
        table.add_row("planned", _counted(sent.planned) or "nothing has changed")
        table.add_row("outcomes", _counted(sent.outcomes) or "-")
        for reason, count in sent.refused.items():
            table.add_row("refused", f"{count} {escape(reason)}")
        for problem in sent.problems:
            table.add_row("problem", escape(problem))


def _rows_of_value(run: Run, table: Table) -> None:
    if found := run.documents.value:
        table.add_row("valued", f"{found.customers:,} customers: {value_wording.expected(found)}")
        table.add_row("choice", escape(found.reason))
        for method, why in found.lacking.items():
            table.add_row("not fitted", escape(f"{method}: {why}"))
        for campaign, share in found.incremental_shares.items():
            table.add_row("left out", f"{share:.1%} of the orders of customers treated by {escape(campaign)}")
        table.add_row("assumption", found.independence)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _judged(recommended: Recommended) -> str:
    """Say how often each method found the product that was held out."""
    found = [f"{name} {one.recall:.2f} (NDCG {one.ndcg:.2f})" for name, one in recommended.methods.items()]
    return f"recall {', '.join(found)}" if found else "nothing was held out to judge by"
