"""`propensity plan-campaign`: how many customers and days a campaign needs until its effect can be shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from cli import terminal
from cli.errors import CommandError, UsageError
from shared.campaign import anytime
from shared.campaign.planning import Plan, customers_after, days
from shared.chain import current
from shared.chain.intervals import Z

if TYPE_CHECKING:
    from rich.console import Console

    from shared.chain.environment import Environment
    from shared.settings import Settings

# The number of new customers per day is computed from the audiences of this number of days.
DAYS = 28
EFFECTS = (0.05, 0.1, 0.2, 0.3, 0.5)
# An effect's interval is the estimate plus or minus this quantile times the standard error: for one look at the end,
# and for looks at any time.
LOOKS = {"one look": Z, "any look": anytime.AT_PLAN}


class Given(Struct, frozen=True):
    """The values of the command's options. None means that the option is missing.

    `mean` is the expected outcome of a customer in the control group: a conversion, or an amount with its `deviation`.
    """

    customers: int | None
    per_day: float | None
    mean: float | None
    deviation: float | None
    outcome_days: int | None
    control_share: float | None

    @property
    def is_enough(self) -> bool:
        """Whether the plan needs no values of an audience."""
        return self.customers is not None and self.mean is not None


class Design(Struct, frozen=True):
    """A campaign before it starts: the customers whom it can reach, and the outcome expected of its control group.

    `customers` is the number of customers on the first day. An option gives this number, or it is counted in the
    audience of `day`: the customers whom `channel` may reach. If an option gives it, `day` and `channel` are empty.
    `per_day` is the number of new customers on each later day. `mean` and `deviation` are as in `Plan`. A customer's
    outcome is counted for `outcome_days`.
    """

    campaign: str
    control_share: float
    customers: int
    per_day: float
    mean: float
    deviation: float | None
    outcome_days: int
    day: str = ""
    channel: str = ""


class Need(Struct, frozen=True):
    """The customers and days after which an effect is shown with the wanted power.

    `days` is None if the campaign never has enough customers.
    """

    effect: float
    looks: str
    customers: int
    days: int | None


class Shown(Struct, frozen=True):
    """The effects that can be shown after `days`.

    `power` is the probability that `effect` is shown, and `detectable` the smallest gain that can be shown.
    """

    days: int
    looks: str
    customers: int
    effect: float
    power: float
    detectable: float | None


class CampaignPlan(Struct, frozen=True):
    """A campaign's plan. Effects are shares of the control mean. `power` is the probability that an effect is shown.

    `settings` holds the settings that make measure_campaign use this plan. The planned number of buyers is among these
    settings only if the conversion rate is known.
    """

    design: Design
    power: float
    needs: list[Need]
    after: list[Shown]
    settings: dict[str, int]


def design(given: Given, settings: Settings, environment: Environment | None, channel: str) -> Design:
    """Return the campaign's design. Values that are not given are read from the newest audience and the settings.

    Raises:
        CommandError: a value is missing, and there is no audience from which it can be read.
    """
    newest = _newest(environment, channel) if environment else {}
    return Design(
        campaign=settings.campaign.name,
        control_share=_or(given.control_share, settings.campaign.control_share),
        customers=_or(given.customers, newest.get("customers", 0)),
        per_day=_or(given.per_day, newest.get("per_day", 0.0)),
        mean=_or(given.mean, newest.get("probability", 0.0)),
        deviation=given.deviation,
        outcome_days=_or(given.outcome_days, settings.label_days),
        day="" if given.customers else newest.get("day", ""),
        channel="" if given.customers else channel,
    )


def _or[T](given: T | None, otherwise: T) -> T:
    return otherwise if given is None else given


def _newest(environment: Environment, channel: str) -> dict[str, Any]:
    """Return how many customers of the newest audience the channel may reach, and their expected conversion."""
    newest = current.newest_day(environment) or datetime.now(UTC).date()
    rows = environment.query("planning/audience", {"channel": channel, "first_day": newest - timedelta(days=DAYS)})
    remedy = "give --customers and --conversion to plan without an audience"
    if not rows:
        raise CommandError(f"no audience of the last {DAYS} days has customers (docs/customers.md); {remedy}")
    [row] = rows
    if not row["reachable"]:
        raise CommandError(
            f"{channel} may reach none of the {row['customers']:,} customers of {row['day']}: look at the reasons in "
            f"the table exclusions, or {remedy}"
        )
    # Assume that the channel may reach the same share of the new customers as of all customers.
    per_day = (row["new_per_day"] or 0.0) * row["reachable"] / row["customers"]
    return {
        "customers": row["reachable"],
        "per_day": round(per_day, 1),
        "probability": row["probability"],
        "day": str(row["day"]),
    }


def plan(designed: Design, effect: float, power: float, ends: int | None) -> CampaignPlan:
    """Return the plan for one look at the end and for looks at any time. The campaign ends after `ends` days.

    Raises:
        UsageError: there is no plan for these numbers; the message says which number prevents it.
    """
    counted = designed.outcome_days
    ends = ends or 1 + counted
    if ends <= counted:
        raise UsageError(
            f"--days is {ends}, and outcomes are counted for {counted} days after the assignment: give more --days, or "
            "fewer --outcome-days"
        )
    known = customers_after(ends, designed.customers, designed.per_day, counted)
    needs, after = [], []
    try:
        for looks, quantile in LOOKS.items():
            found = Plan(designed.mean, designed.deviation, designed.control_share, quantile)
            for one in sorted({*EFFECTS, effect}):
                needed = found.customers(one, power)
                needs.append(Need(one, looks, needed, days(needed, designed.customers, designed.per_day, counted)))
            after.append(Shown(ends, looks, known, effect, found.power(effect, known), found.detectable(known, power)))
    except ValueError as error:
        raise UsageError(str(error)) from None
    return CampaignPlan(designed, power, needs, after, _settings(designed, effect, ends, known))


def _settings(designed: Design, effect: float, ends: int, customers: int) -> dict[str, int]:
    found = {"campaign.planned_days": ends, "campaign.outcome_days": designed.outcome_days}
    if designed.deviation is None:
        buyers = customers * designed.mean * (1 + effect * (1 - designed.control_share))
        found["campaign.planned_buyers"] = max(round(buyers), 1)
    return found


def show(found: CampaignPlan, out: Console) -> None:
    """Print how many customers and days it takes to detect each effect, then which effects the campaign can detect."""
    designed = found.design
    of_day = f" whom {designed.channel} may reach on {designed.day}" if designed.day else ""
    out.print(f"campaign     {designed.campaign}, control group {designed.control_share:.0%}", highlight=False)
    out.print(
        f"audience     {designed.customers:,} customers{of_day}, {designed.per_day:,g} new a day", highlight=False
    )
    if designed.day:
        out.print("             the measurement also counts customers whom only another channel may reach")
    out.print(f"outcome      {_expected(designed)}, within {designed.outcome_days} days", highlight=False)
    table = terminal.table(
        "effect",
        *(f"{title}, {looks}" for looks in LOOKS for title in ("customers", "days")),
        title=f"Until an effect is shown with a power of {found.power:.0%}",
    )
    for effect in dict.fromkeys(one.effect for one in found.needs):
        of = [one for one in found.needs if one.effect == effect]
        cells = [cell for one in of for cell in (f"{one.customers:,}", f"{one.days:,}" if one.days else "never")]
        table.add_row(f"{effect:+.0%}", *cells)
    out.print(table)
    for one in found.after:
        least = "no gain" if one.detectable is None else f"gains from {one.detectable:.1%}"
        out.print(
            f"{one.days} days, {one.looks}: {one.customers:,} customers show {one.effect:+.0%} with a power of "
            f"{one.power:.0%}, and {least} with {found.power:.0%}",
            highlight=False,
        )
    settings = ", ".join(f"{name}={value}" for name, value in found.settings.items())
    out.print(f"to measure it by this plan, set {settings}", highlight=False)


def _expected(designed: Design) -> str:
    if designed.deviation is None:
        return f"{designed.mean:.2%} of the control group buy"
    return f"{designed.mean:,.2f} per customer of the control group, standard deviation {designed.deviation:,.2f}"
