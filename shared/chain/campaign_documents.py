"""The document of a run that measures campaigns. Its structures have the columns of the corresponding tables."""

from datetime import date
from typing import Literal

from msgspec import Struct

from shared.chain.documents import Document

type Decision = Literal["too early", "mismatch", "gain", "loss", "undecided"]


class Result(Struct, frozen=True, kw_only=True):
    """A row of campaign_results. sql/tables/campaign_results.yaml describes the columns.

    A number is None if it cannot be estimated. A bound is also None if it is infinite.
    """

    comparison: Literal["control", "holdout"]
    campaign: str | None
    share: float
    outcome: str
    decision: Decision
    first_assigned: date
    last_assigned: date
    treated: int
    control: int
    sizes_p_value: float | None
    treated_mean: float | None
    control_mean: float | None
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None
    always_lower: float | None = None
    always_upper: float | None = None
    relative: float | None = None
    relative_lower: float | None = None
    relative_upper: float | None = None
    explained: float | None = None
    return_value: float | None = None
    return_lower: float | None = None
    return_upper: float | None = None
    qini: float | None = None
    qini_lower: float | None = None
    qini_upper: float | None = None


class Decile(Struct, frozen=True, kw_only=True):
    """A row of campaign_uplift. sql/tables/campaign_uplift.yaml describes the columns."""

    campaign: str
    share: float
    outcome: str
    decile: int
    treated: int
    control: int
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None
    reached: float | None = None
    gain: float | None = None
    gain_lower: float | None = None
    gain_upper: float | None = None


class Effects(Struct, frozen=True):
    """The effects that a run has measured, with the orders up to `day`."""

    day: date
    results: list[Result]
    deciles: list[Decile]


EFFECTS = Document("campaigns", Effects)
