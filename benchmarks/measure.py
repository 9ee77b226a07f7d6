"""The result of a measurement, and timing that is fair on a machine under varying load."""

import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A measurement, and the floor with which it is compared, in the same unit. The floor may be None.

    `bound` limits the measurement divided by the floor. None means that there is no limit.
    """

    what: str
    measured: float
    unit: str = "s"
    floor: float | None = None
    bound: float | None = None

    @property
    def ratio(self) -> float | None:
        """The measurement divided by the floor, or None if the floor is None or 0."""
        return self.measured / self.floor if self.floor else None

    @property
    def is_over(self) -> bool:
        """Whether the measurement exceeds its bound."""
        return self.bound is not None and self.ratio is not None and self.ratio > self.bound


def say(text: str) -> None:
    """Print a progress message to standard error."""
    print(text, file=sys.stderr, flush=True)


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of a call, in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_megabytes(work: Callable[[], object]) -> float:
    """Return the peak of the memory, in MB, that Python allocates during the call `work()`."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / (1 << 20)
    finally:
        tracemalloc.stop()


def in_turns(one: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the shortest durations of `one` and of `other`, in seconds.

    The two functions run in turns, so that other load on the machine affects both. The first round does not count,
    because it is a warm-up.
    """
    times = [(seconds(one), seconds(other)) for _ in range(rounds + 1)][1:]
    return min(first for first, _ in times), min(second for _, second in times)
