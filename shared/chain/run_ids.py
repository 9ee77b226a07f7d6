"""Compute a run's id: the newest day and a digest of the data that the run reads. The same data give the same id."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from shared import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from shared.chain.opened_runs import Reading


def of_export(reading: Reading) -> str:
    """Return the id of the run that reads this state of the export."""
    return _run_id(reading.as_of, jsontext.text([reading.seen, reading.reason, reading.problem]))


def of_export_again(reading: Reading, run_id: str) -> str:
    """Return the id of a second run on the state of the export that run `run_id` has read."""
    return _run_id(reading.as_of, run_id)


def of_scoring(day: date, session_count: int, version: str, since: int) -> str:
    """Return the id of the run in which the version scores the day's data.

    `since` is the generation of the champion's pointer. The generation is part of the id, so that a version that
    becomes champion a second time scores the day again.
    """
    return _run_id(day, f"{version} {since} {day} {session_count}")


def of_monitoring(as_of: date, today: date) -> str:
    """Return the id of the run that checks the model's health today; `as_of` is the newest day that was read."""
    return _run_id(as_of, f"monitoring {today}")


def of_recommendations(as_of: date, state: Mapping[str, Any]) -> str:
    """Return the id of the run that builds recommendations from `state`, a row of sql/recommendations/state.sql."""
    return _run_id(as_of, f"recommendations {jsontext.text(state)}")


def of_value(day: date, state: Mapping[str, Any], horizon: int) -> str:
    """Return the id of the run that values the customers from `state`, a row of sql/value/state.sql."""
    return _run_id(day, f"value {horizon} {jsontext.text(state)}")


def of_customers(day: date, audience_run: str) -> str:
    """Return the id of the run that finds the customers of the audience that run `audience_run` has published."""
    return _run_id(day, f"customers {audience_run}")


def of_customers_again(day: date, audience_run: str, changed_at: datetime) -> str:
    """Return the id of the run that finds customers again after suppressions or consents changed at `changed_at`."""
    return _run_id(day, f"customers {audience_run} {changed_at.isoformat()}")


def of_delivery(day: date, destination: str, customers_run: str) -> str:
    """Return the id of the run that sends the customers of run `customers_run` to the destination."""
    return _run_id(day, f"delivery {destination} {customers_run}")


def of_campaigns(as_of: date, today: date) -> str:
    """Return the id of the run that measures the campaigns today, with the orders up to `as_of`."""
    return _run_id(as_of, f"campaigns {today}")


def of_erasure(day: date, why: str) -> str:
    """Return the id of the run that erases persons on a day. `why` names the request, message or run that causes it."""
    return _run_id(day, f"erasure {why}")


def of_backtest(day: date, backtest: str) -> str:
    """Return the id of the run in which the backtest named `backtest` trains on the data known on `day`."""
    return _run_id(day, f"backtest {backtest}")


def _run_id(as_of: date, named_for: str) -> str:
    return f"{as_of:%Y%m%d}-{hashlib.sha256(named_for.encode()).hexdigest()[:8]}"
