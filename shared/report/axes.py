"""The axes of a drawing. An axis converts values to coordinates, and chooses round values for its ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.report import words

if TYPE_CHECKING:
    from collections.abc import Callable

_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`; `text` returns the label of a tick at a value."""

    title: str
    low: float
    high: float
    text: Callable[[float], str] = lambda value: f"{value:g}"

    def ticks(self, most: int = 5) -> list[float]:
        """Return round values from `low` to `high` in equal steps: about `most` values, or fewer."""
        span = self.high - self.low
        raw = span / most
        power = 10 ** math.floor(math.log10(raw))
        step = next(power * one for one in _STEPS if power * one >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(number * step, 12) for number in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def place(self, value: float, start: float, end: float) -> float:
        """Return the coordinate of a value. `start` and `end` are the coordinates of `low` and `high`.

        A value outside the axis is placed at the nearer end.
        """
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(start + share * (end - start), 2)


def shares(title: str, high: float = 1.0) -> Axis:
    """Return an axis for shares, from 0 to `high`. Its labels are percentages."""
    return Axis(title, 0.0, max(high, 1e-6), _percentage)


def amounts(title: str, high: float) -> Axis:
    """Return an axis from 0 to `high`. If `high` is at least 10, its labels are whole numbers."""
    return Axis(title, 0.0, max(high, 1e-6), lambda value: words.count(value) if high >= 10 else f"{value:g}")


def _percentage(value: float) -> str:
    return f"{100 * value:g} %"
