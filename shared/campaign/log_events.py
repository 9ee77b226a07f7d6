"""The log events of measure_campaign; docs/logs.md lists all events."""

from shared.log import LogEvent


class EffectFound(LogEvent, frozen=True):
    """The effect of one campaign, or of all campaigns together, on one outcome was measured."""

    event = "effect_found"
    message = "{decision}: {found}"

    run_id: str
    campaign: str | None
    comparison: str
    effect_on: str
    decision: str
    found: str


class SizesDiffer(LogEvent, frozen=True):
    """The arms of a comparison do not have the declared sizes, so the effects of this comparison must not be used."""

    event = "sizes_differ"
    severity = "WARNING"
    message = "{found}"

    run_id: str
    campaign: str | None
    comparison: str
    found: str


class MeasuredAlready(LogEvent, frozen=True):
    """Today's run has already measured the campaigns with the newest day's orders, so nothing is measured again."""

    event = "measured_already"
    severity = "NOTICE"
    message = "run {run_id} has measured the campaigns today; reset this run to measure the same orders again"

    run_id: str


class NothingToMeasure(LogEvent, frozen=True):
    """No effect can be measured yet, because no customer has an arm, or because no orders were read."""

    event = "nothing_to_measure"
    message = "no customer was assigned to a campaign yet, or no orders were read yet"
