"""Describe the results of a campaign in words, for the log, the terminal and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.campaign.results import sizes

if TYPE_CHECKING:
    from shared.chain.campaign_documents import Result

HEAD = ("outcome per customer", "treated", "control", "effect", "interval, one look", "interval, any look", "decision")
DECIDED = {
    "too early": "it is too early to decide",
    "mismatch": "do not use the numbers",
    "gain": "a gain is shown",
    "loss": "a loss is shown",
    "undecided": "neither a gain nor a loss is shown",
}


def title(one: Result) -> str:
    """Return a name of the comparison, e.g. `campaign always_on with its control group of 10 %`."""
    if one.comparison == "holdout":
        return f"all campaigns with the holdout of {100 * one.share:g} %"
    return f"campaign {one.campaign} with its control group of {100 * one.share:g} %"


def amount(outcome: str, value: float | None, *, is_difference: bool = False) -> str:
    """Return a mean outcome or a difference: a conversion in percent or percentage points, an amount with decimals."""
    if value is None:
        return "-"
    sign = "+" if is_difference and value > 0 else ""
    if outcome != "conversion":
        return f"{sign}{value:,.2f}"
    return f"{sign}{100 * value:.2f} {'points' if is_difference else '%'}"


def span(outcome: str, lower: float | None, upper: float | None) -> str:
    """Return the interval of a difference, in words. A bound of None is infinite."""
    scale = 100 if outcome == "conversion" else 1
    low, high = (
        unknown if bound is None else f"{scale * bound:+,.2f}"
        for bound, unknown in ((lower, "-infinity"), (upper, "infinity"))
    )
    return f"{low} to {high}"


def sentence(one: Result) -> str:
    """Return the result as a sentence: both means, the effect, and its intervals for one look and for all looks."""
    if one.effect is None:
        return f"{one.outcome} of {title(one)}: an arm has no customers"
    treated, control = (amount(one.outcome, mean) for mean in (one.treated_mean, one.control_mean))
    return (
        f"{one.outcome} of {title(one)}: {treated} of {one.treated:,} customers against {control} of {one.control:,}; "
        f"effect {amount(one.outcome, one.effect, is_difference=True)} ({span(one.outcome, one.lower, one.upper)} at "
        f"one look, {span(one.outcome, one.always_lower, one.always_upper)} at any look)"
    )


def mismatch(one: Result) -> str:
    """Return the sizes of the arms as a sentence: the reason why the numbers must not be used."""
    return f"{title(one)}: {sizes(one.comparison, one.treated, one.control, one.share).sentence}"


def cells(one: Result) -> tuple[str, ...]:
    """Return cells of a table: both means, the effect, and its intervals for one look and for all looks."""
    means = (amount(one.outcome, mean) for mean in (one.treated_mean, one.control_mean))
    if one.effect is None:
        return (*means, "-", "-", "-")
    return (
        *means,
        amount(one.outcome, one.effect, is_difference=True),
        span(one.outcome, one.lower, one.upper),
        span(one.outcome, one.always_lower, one.always_upper),
    )


def earned(one: Result) -> str:
    """Return a sentence about the campaign's return on its cost. The cost must be known."""
    lower, upper = (
        unknown if bound is None else f"{bound:+.0%}"
        for bound, unknown in ((one.return_lower, "-infinity"), (one.return_upper, "infinity"))
    )
    return f"campaign {one.campaign} has earned {one.return_value:+.0%} on its cost ({lower} to {upper} at one look)."
