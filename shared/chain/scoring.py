"""Score the visitors who were active in the window that ends on the run's day, with one model version."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared import offers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from shared.chain.environment import StepContext
    from shared.chain.versions import Version
    from shared.settings import Settings


def score(version: Version, percentiles: Sequence[float], context: StepContext) -> None:
    """Replace the scores of the run's day by the calibrated scores of `version`.

    `percentiles` determine the limits of the offers. They were computed when `version` was deployed.
    """
    day = context.run.as_of
    least = offers.thresholds(context.settings.policy, percentiles)
    parameters = {
        "day": day,
        "from_day": first_active(day, context.settings),
        "run_id": context.run_id,
        "coupon_from": least.coupon,
        "full_price_from": least.full_price,
        "version": version.number,
        **context.runs.calibrator(version.run_id).parameters,
    }
    context.warehouse.query("scoring/scores", parameters, model=version.model)


def first_active(day: date, settings: Settings) -> date:
    """Return the first day of the window of `audience.window_days` that ends on `day`."""
    return day - timedelta(days=settings.audience.window_days - 1)
