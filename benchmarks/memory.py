"""Measure the peak memory of `propensity demo`, and how it grows with the number of sessions."""

from itertools import pairwise

from benchmarks.demonstration import DAYS, SESSIONS, demonstrate
from benchmarks.measure import Row

SIZES = (SESSIONS, 250_000)
FULL = 1_000_000


def measure(full: bool) -> list[Row]:
    """Measure one demonstration per number of sessions. The floor is the memory at the smallest number."""
    sizes = (*SIZES, FULL) if full else SIZES
    shown = {size: demonstrate(size) for size in sizes}
    least = shown[SESSIONS]
    rows = []
    for size, one in shown.items():
        what = f"{size:,} sessions in {DAYS} day-tables"
        rows += [
            Row(f"{what}, all processes", one.peak_of_all, "MB", least.peak_of_all),
            Row(f"{what}, the largest process", one.peak_of_one, "MB", least.peak_of_one),
            Row(f"{what}, propensity demo", one.seconds, "s", least.seconds),
        ]
    for small, large in pairwise(sizes):
        grown = (shown[large].peak_of_all - shown[small].peak_of_all) / (large - small) * 100_000
        rows.append(Row(f"growth per 100,000 sessions from {small:,} to {large:,}", grown, "MB"))
    return rows
