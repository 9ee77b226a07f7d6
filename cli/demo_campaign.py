"""The campaign of `propensity demo --campaign`: customers respond, the effect is measured, the customers are valued."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.markup import escape

from cli import follow, report, terminal
from cli.errors import CommandError
from demo import campaign, loading
from demo.campaign import Customer
from shared.campaign import wording
from shared.events import CampaignsDue, DataRefreshed, ValueDue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import RenderableType

    from shared.chain.campaign_documents import Effects
    from shared.chain.environment import Environment
    from shared.chain.run_state import Run

# Settings of a demonstration with a campaign. All customers are in the audience, and half of them in the control group,
# because the demonstration's shop is small. `planned_buyers` is the expected number of buyers from demo/campaign.py.
SETTINGS: dict[str, Any] = {
    "audience": {"max_decile": 10},
    "campaign": {
        "name": "spring_sale",
        "control_share": 0.5,
        "holdout_share": 0.05,
        "planned_buyers": 800,
        "margin": 0.4,
        "cost_per_order": 3.0,
        "cost_per_customer": 0.25,
    },
    # The horizon is short, because the orders must reach back at least two horizons, and the shortest demonstration has
    # only 50 days of orders.
    "value": {"horizon_days": 14},
}


@dataclass(frozen=True)
class Outcome:
    """The run that measured the campaign, the true effects by outcome, and the run that valued the customers."""

    run: Run
    truth: dict[str, float]
    valued: Run

    @property
    def effects(self) -> Effects:
        """The measured effects."""
        found = self.run.documents.campaigns
        if found is None:
            raise CommandError(f"run {self.run.run_id} measured nothing: it is {self.run.outcome}; {self.run.reason}")
        return found

    def document(self) -> dict[str, Any]:
        """Return the outcome as a JSON object: measured effects, true effects, and the report of the valuation."""
        return {"effects": self.effects, "truth": self.truth, "value": self.valued.documents.value}


def play(seed: int, folder: Path, environment: Environment, pause: Callable[[float], object]) -> Outcome:
    """Load day-tables with the customers' responses for `outcome_days` days, and run the chain on these tables.

    Then measure the campaign, and value the customers.

    Raises:
        CommandError: no customer was assigned, or a run has failed.
        TimeoutError: a run has not ended within the limit.
    """
    settings = environment.settings.campaign
    customers, assigned = _assigned(environment)
    answered = campaign.answer(seed, customers, assigned + timedelta(days=1), settings.outcome_days, folder)
    loading.load(answered.day_files, environment.bigquery, environment.settings.source.dataset)
    _run_of(DataRefreshed.topic, environment, pause)
    measured = _run_of(CampaignsDue.topic, environment, pause)
    valued = _run_of(ValueDue.topic, environment, pause)
    return Outcome(measured, answered.effects(settings.margin, settings.cost_per_order), valued)


def _assigned(environment: Environment) -> tuple[list[Customer], date]:
    """Return the customers of the campaign, and the day of the assignment, which is the same for all."""
    dataset, name = environment.settings.dataset, environment.settings.campaign.name
    visitors: defaultdict[str, list[str]] = defaultdict(list)
    for row in environment.bigquery.list_rows(environment.bigquery.get_table(f"{dataset}.customer_visitors")):
        if row["customer_id"]:
            visitors[row["customer_id"]].append(row["visitor_id"])
    found = environment.bigquery.list_rows(environment.bigquery.get_table(f"{dataset}.assignments"))
    rows = sorted((row for row in found if row["campaign"] == name), key=lambda row: row["customer_id"])
    if not rows:
        raise CommandError(f"no customer was assigned to the campaign {name}: `propensity runs` shows why")
    customers = [
        Customer(
            tuple(sorted(visitors[row["customer_id"]])),
            row["probability"],
            row["arm"] == "treated",
            not _is_barred(row["exclusions"]),
        )
        for row in rows
    ]
    return customers, max(row["day"] for row in rows)


def _is_barred(exclusions: list[str]) -> bool:
    """Whether no channel may reach the customer. sql/campaign/sums.sql leaves out the same customers."""
    return {"ads", "email"} <= {one.partition(":")[0] for one in exclusions}


def _run_of(topic: str, environment: Environment, pause: Callable[[float], object]) -> Run:
    known, letters = set(environment.runs.ids()), set(environment.dead_letters.all())
    environment.send(topic, {})
    *_, run = follow.until_end(environment, known, letters, pause, topic=topic)
    if run is None or run.outcome not in {"published", "measured", "valued"}:
        raise CommandError(f"the run of {topic} is {run.outcome if run else 'not open'}: {run.reason if run else ''}")
    return run


def show(found: Outcome, console: Console) -> None:
    """Print the measured effects, each beside the true effect in the simulated shop, and the customers' value."""
    console.print(f"\nrun [bold]{found.run.run_id}[/] [green]{found.run.outcome}[/]", highlight=False)
    console.print(report.campaigns(found.effects), _truth(found))
    report.show(found.valued, console)


def _truth(found: Outcome) -> RenderableType:
    table = terminal.table("outcome", "true effect", "measured", "interval, one look", "holds the truth", title="Truth")
    for one in found.effects.results:
        if one.comparison == "control" and one.effect is not None:
            truth = found.truth[one.outcome]
            holds = (one.lower is None or one.lower <= truth) and (one.upper is None or truth <= one.upper)
            table.add_row(
                one.outcome,
                wording.amount(one.outcome, truth, is_difference=True),
                wording.amount(one.outcome, one.effect, is_difference=True),
                escape(wording.span(one.outcome, one.lower, one.upper)),
                "yes" if holds else "no",
            )
    return Group(table, "The shop was simulated: demo/campaign.py says how its customers answered.")
