"""Bring rows into one form, so that rows of different clients and files can be compared."""

from __future__ import annotations

import datetime as dt
from typing import Any


def canonical(rows: list[dict]) -> list[str]:
    """Return the rows as a sorted list of texts."""
    return sorted(str(dict(sorted((name, _plain(value)) for name, value in row.items()))) for row in rows)


def _plain(value: Any) -> Any:
    match value:
        case float():
            return float(f"{value:.9g}") + 0.0
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat()
        case dt.date():
            return value.isoformat()
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case _:
            return value
