"""The parameters of sql/features/visitor_features.sql: which first visits to replace, and which days to read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from shared.settings import Settings
    from shared.warehouse import Parameters


def parameters(first_touched: date, as_of: date, settings: Settings) -> Parameters:
    """Return the parameters with which the statement replaces all first visits that the changed days affect.

    These are the first visits whose features or label depend on the days from `first_touched` on. `as_of` is the newest
    day of the data.
    """
    label_days = settings.label_days
    return {
        "first_day": first_read(first_touched, settings),
        "as_of": as_of,
        "label_days": label_days,
        "labelled_until": as_of - timedelta(days=label_days) if settings.label.kind == "horizon" else as_of,
    }


def first_read(first_touched: date, settings: Settings) -> date:
    """Return the first day of the sessions that sql/features/visitor_features.sql must read."""
    # Read one more day, because a session that crosses midnight is stored under the day on which the session began.
    return first_touched - timedelta(days=settings.label_days + 1)
