"""The parameters of sql/features/visitor_features.sql: which first visits, and what is known of their outcome."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from shared.settings import Settings
    from shared.warehouse import Parameters


def parameters(first_touched: date, as_of: date, settings: Settings) -> Parameters:
    """Return the parameters that replace all first visits whose features or label the days since `first_touched` touch.

    `as_of` is the last day that is known.
    """
    label_days = settings.label_days
    return {
        "first_day": first_read(first_touched, settings),
        "as_of": as_of,
        "label_days": label_days,
        "labelled_until": as_of - timedelta(days=label_days) if settings.label.kind == "horizon" else as_of,
    }


def first_read(first_touched: date, settings: Settings) -> date:
    """Return the first day of which sessions are read."""
    # One day more, since a session that crosses midnight is told by the day before.
    return first_touched - timedelta(days=settings.label_days + 1)
