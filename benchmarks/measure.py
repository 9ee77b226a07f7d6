"""What a measure says, and how two things are timed fairly on a machine that does other work."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A number beside its floor, in one unit; the ratio of the two may not exceed the bound. None: only to look at."""

    what: str
    measured: float
    unit: str = "s"
    floor: float | None = None
    bound: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the floor was measured."""
        return self.measured / self.floor if self.floor else None

    @property
    def is_over(self) -> bool:
        """Whether the bound is exceeded."""
        return self.bound is not None and self.ratio is not None and self.ratio > self.bound


def say(text: str) -> None:
    """Tell whoever waits what is being done."""
    print(text, file=sys.stderr, flush=True)


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(one: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float]:
    """The best seconds of each, run in turns, so that a busy machine hurts both alike; the first turn only warms up."""
    times = [(seconds(one), seconds(other)) for _ in range(rounds + 1)][1:]
    return min(first for first, _ in times), min(second for _, second in times)
