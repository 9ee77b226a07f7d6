"""Compute the monthly cost: a line per price, the cost of an idle environment, and the marginal costs."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from cli import declarations
from cli.assignments import assigning, with_overrides
from cli.cost.prices import Price, price_list
from cli.cost.usage import DAYS, NODE, Environment, Usage, usage
from cli.cost.volumes import Inputs
from cli.errors import CommandError
from cli.world import LOCAL_PROJECT
from shared.settings import Settings


@dataclass(frozen=True)
class Line:
    """One line of the estimate: the monthly quantity at one price, and the cost in dollars, without the free quantity.

    `idle_quantity` and `idle_cost` are for an environment without traffic.
    """

    name: str
    price: Price
    quantity: float
    cost: float
    idle_quantity: float
    idle_cost: float


@dataclass(frozen=True)
class Estimate:
    """The estimate of a month in dollars: its lines, the marginal costs, and notes.

    No free quantity is subtracted from the usage in the marginal costs.
    """

    lines: list[Line]
    per_1000_scored_visitors: float
    per_1000_checkouts: float
    per_run: float
    notes: list[str]

    @property
    def total(self) -> float:
        """Dollars per month."""
        return sum(line.cost for line in self.lines)

    @property
    def idle(self) -> float:
        """Dollars per month of an environment without traffic."""
        return sum(line.idle_cost for line in self.lines)

    @property
    def unsure(self) -> float:
        """Dollars per month at prices that are guesses."""
        return sum(line.cost for line in self.lines if line.price.sure == "guess")

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as a JSON object, with the date, region and location of the prices."""
        listed = price_list()
        return {
            "prices_of": listed.as_of,
            "region": listed.region,
            "location": listed.location,
            "currency": "USD",
            "total": self.total,
            "idle": self.idle,
            "guessed": self.unsure,
            "per_1000_scored_visitors": self.per_1000_scored_visitors,
            "per_1000_checkouts": self.per_1000_checkouts,
            "per_run": self.per_run,
            "notes": self.notes,
            "lines": [
                {
                    "name": line.name,
                    "what": line.price.what,
                    "unit": line.price.unit,
                    "price": line.price.price,
                    "free": line.price.free,
                    "sure": line.price.sure,
                    "source": line.price.source,
                    "quantity": line.quantity,
                    "cost": line.cost,
                    "idle_quantity": line.idle_quantity,
                    "idle_cost": line.idle_cost,
                }
                for line in self.lines
            ],
        }


def environment(inputs: Inputs, assignments: list[str]) -> Environment:
    """Return the environment to estimate: the traffic, the declarations and the settings.

    The settings come from PROPENSITY_SETTINGS, overridden by the assignments (NAME=VALUE).

    Raises:
        SettingsError: a setting of PROPENSITY_SETTINGS is invalid.
        UsageError: an assignment is invalid.
    """
    # The project's id does not affect the cost.
    given = Settings.from_environment({**os.environ, "GOOGLE_CLOUD_PROJECT": LOCAL_PROJECT})
    with assigning():
        settings = Settings.from_document(with_overrides(msgspec.to_builtins(given), assignments))
    return Environment(inputs, settings, declarations.read().deployed(settings))


def estimate(environment: Environment) -> Estimate:
    """Return the estimate of an environment's month.

    Raises:
        CommandError: there is no price for the endpoint's machine type.
    """
    _require_price(environment.settings.serving.machine_type)
    used = usage(environment)
    month = _totals(used)
    idle = _totals(usage(replace(environment, inputs=environment.inputs.idle())))
    prices = price_list().prices
    lines = [
        Line(name, price, month[name], price.of(month[name]), idle[name], price.of(idle[name]))
        for name, price in prices.items()
        if name in month
    ]
    scored = environment.scorings * environment.volumes.visitors(environment.settings.audience.window_days)
    return Estimate(
        lines,
        per_1000_scored_visitors=_each(_listed(used, "scoring"), scored / 1000),
        per_1000_checkouts=_each(_listed(used, "checkout"), environment.inputs.checkouts_per_day * DAYS / 1000),
        per_run=_each(_listed(used, "refresh"), environment.runs)
        + _each(_listed(used, "training"), environment.trainings)
        + _each(_listed(used, "recommendations"), environment.recommendations),
        notes=[*_of_another_place(environment.settings), *_of_many_runs(environment.inputs.runs_per_day)],
    )


def _require_price(machine: str) -> None:
    known = [name.removeprefix(NODE) for name in price_list().prices if name.startswith(NODE)]
    if machine not in known:
        raise CommandError(
            f"serving.machine_type is {machine}, but cli/cost/prices.yaml only has a price for {', '.join(known)}: "
            f"estimate with `--set serving.machine_type={known[0]}`, or look up the hourly price of a {machine} node "
            f"for Vertex AI predictions and add it there as {NODE}{machine}"
        )


def _of_another_place(settings: Settings) -> Iterator[str]:
    listed = price_list()
    if (settings.serving.region, settings.location) != (listed.region, listed.location):
        yield (
            f"Your settings name {settings.serving.region} and {settings.location}, but the prices are those of "
            f"{listed.region} and {listed.location}. Compare each line's price with the list price of your own region."
        )


def _of_many_runs(runs: float) -> Iterator[str]:
    if runs > 1:
        yield (
            f"With {runs:g} runs a day, the sum is an upper bound. Each run counts as if it read the rows of all "
            "runs of its day, although clustering by run avoids most of that. So the cost of one run is not a unit "
            "price; `--runs 1` shows the cost of the only run of a day."
        )


def _totals(used: Iterable[Usage]) -> Mapping[str, float]:
    totals: defaultdict[str, float] = defaultdict(float)
    for one in used:
        totals[one.price] += one.quantity
    return totals


def _listed(used: Iterable[Usage], *purposes: str) -> float:
    """Return the cost of all usage for `purposes` at list prices, in dollars. No free quantity is subtracted."""
    prices = price_list().prices
    return sum(one.quantity * prices[one.price].price for one in used if one.purpose in purposes)


def _each(cost: float, count: float) -> float:
    return cost / count if count else 0.0
