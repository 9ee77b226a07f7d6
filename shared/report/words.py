"""Format numbers, times and names for people who read the report of a run or the output of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from shared.chain.documents import Measured

MINUTE = 60
NONE = "-"
# The names of the metrics that are shown for a model; the documents hold more metrics. DIGITS holds the number of
# decimals with which a metric is shown, if it is not three.
METRICS = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "log_loss": "log loss",
    "brier": "Brier",
    "lift_at_10_percent": "lift 10%",
}
DIGITS = {"log_loss": 4, "brier": 4, "lift_at_10_percent": 1}


def count(number: float) -> str:
    """Return the number rounded to a whole number, with commas between thousands."""
    return f"{number:,.0f}"


def percent(share: float | None) -> str:
    """Return a share from 0 to 1 as a percentage; NONE for None.

    0 % and percentages of at least 99.95 % have no decimals. Other percentages have one decimal, or two if they are
    below 10 %.
    """
    if share is None:
        return NONE
    value = 100 * share
    digits = 0 if value == 0 or abs(value) >= 99.95 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} %"


def decimal(number: float | None, digits: int = 3) -> str:
    """Return a number with `digits` decimals; NONE for None."""
    return NONE if number is None else f"{number:.{digits}f}"


def metric(name: str, measured: Measured) -> str:
    """Return the metric `name` of a model as text; NONE if the metric could not be computed."""
    return decimal(getattr(measured, name), DIGITS.get(name, 3))


def bounds(name: str, measured: Measured) -> str:
    """Return the 95 % interval of a model's metric as text, e.g. `0.764 to 0.853`."""
    return interval(*measured.intervals.get(name, (None, None)), DIGITS.get(name, 3))


def interval(lower: float | None, upper: float | None, digits: int = 3) -> str:
    """Return an interval as text. A bound that is None is written as NONE."""
    return f"{decimal(lower, digits)} to {decimal(upper, digits)}"


def seconds(number: float) -> str:
    """Return a duration in seconds as text. Durations of at least a minute are given in minutes and seconds."""
    if round(number, 1) < MINUTE:
        return f"{number:.1f} s"
    minutes, rest = divmod(round(number), MINUTE)
    return f"{minutes} min {rest} s"


def size(number: float) -> str:
    """Return a number of bytes with a unit, from bytes to TiB."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.2f} TiB"


def moment(time: datetime) -> str:
    """Return a time in UTC to the second; `time` must be in UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def named(name: str) -> str:
    """Return an identifier as words: with spaces instead of underscores."""
    return name.replace("_", " ")


def begun(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def listed(items: Iterable[str]) -> str:
    """Return the items in one phrase: a, b and c; `none` if there are none."""
    *others, last = list(items) or ["none"]
    return f"{', '.join(others)} and {last}" if others else last
