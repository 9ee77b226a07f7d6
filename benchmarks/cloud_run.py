"""How Cloud Run scales a function: the number of instances on paper, and a simulation of every request.

Documented by Google, on docs.cloud.google.com/run/docs/about-instance-autoscaling and .../configuring/scaling-controls:

- The number of instances aims at 60 % of the processors and 60 % of the concurrency, as averages over one minute.
  Whichever needs more instances decides.
- Besides, instances are started on demand, so that traffic that rises suddenly is answered.
- A request waits for an instance for up to 3.5 times the time that a start takes on average, and at least for 10
  seconds. Then it is refused with 429.
- An instance without requests is kept for up to 15 minutes.

Not documented, so assumed here: both numbers are computed every five seconds (as an earlier version of the page said);
on demand, waiting requests are counted every 0.1 seconds, and as many instances start as can hold them; a request goes
to the instance that can begin with it first; an instance works on its requests in the order in which they come. No
instance ends, so the simulation is for rising traffic only.
"""

import heapq
import math
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Numbers = NDArray[np.float64]

WINDOW_SECONDS, METRIC_SECONDS, LOOK_SECONDS = 60.0, 5.0, 0.1
LEAST_PATIENCE_SECONDS, PATIENCE_IN_STARTS = 10.0, 3.5


@dataclass(frozen=True)
class Service:
    """What one request takes: time of the processor, and time in all while it is in progress, both in seconds."""

    cpu: float
    seconds: float


@dataclass(frozen=True)
class Platform:
    """The settings of a function with one processor per instance.

    `start_seconds` is the time from the decision to start an instance until it can answer. `target` is the share of the
    processor and of the concurrency at which the autoscaler aims.
    """

    concurrency: int
    max_instances: int
    start_seconds: float = 0.0
    target: float = 0.6

    @property
    def patience(self) -> float:
        """The time in seconds after which a waiting request is refused."""
        return max(LEAST_PATIENCE_SECONDS, PATIENCE_IN_STARTS * self.start_seconds)

    def instances(self, processors: float, in_progress: float) -> int:
        """Return the number of instances for this many busy processors and requests in progress, on average."""
        needed = max(processors, in_progress / self.concurrency) / self.target
        return math.ceil(round(needed, 9))

    def instances_for(self, rate: float, service: Service) -> int:
        """Return the number of instances for `rate` requests per second.

        By Little's law, `rate` times the time that a request is in progress are in progress on average. The same law
        gives the number of busy processors, since requests use the processor one after the other.
        """
        return self.instances(rate * service.cpu, rate * service.seconds)


@dataclass(frozen=True)
class Outcome:
    """What became of each request, in the order of arrival.

    `took` is the time until the answer in seconds, or NaN if the request was refused. `starts` holds the times at which
    instances could answer for the first time; the instances that ran at the beginning have 0.
    """

    arrived: Numbers
    took: Numbers
    starts: list[float]

    @property
    def refused(self) -> int:
        """The number of refused requests."""
        return int(np.isnan(self.took).sum())

    def since(self, time: float) -> "Outcome":
        """Return the part of the requests that arrived at this time or later."""
        first = int(np.searchsorted(self.arrived, time))
        return Outcome(self.arrived[first:], self.took[first:], self.starts)

    def later_than(self, seconds: float) -> int:
        """Return the number of requests that were answered later than that, or refused."""
        return len(self.took) - int((self.took <= seconds).sum())

    def settled(self, seconds: float) -> float:
        """Return when the last request arrived that was answered later than that or refused, or 0 if none was."""
        late = self.arrived[~(self.took <= seconds)]
        return float(late[-1]) if len(late) else 0.0

    def percentile(self, percent: float) -> float:
        """Return the time within which this percentage of the answered requests was answered, in seconds."""
        return float(np.nanpercentile(self.took, percent))


def poisson(times: list[float], rates: list[float], random: np.random.Generator) -> Numbers:
    """Return random arrival times. The rate changes linearly from one of the times to the next."""
    grid = np.arange(times[0], times[-1] + 1, 0.1)
    grid = grid[grid <= times[-1]]
    at = np.interp(grid, times, rates)
    expected = np.concatenate(([0.0], np.cumsum((at[1:] + at[:-1]) / 2 * np.diff(grid))))
    count = random.poisson(expected[-1])
    return np.interp(np.sort(random.uniform(0, expected[-1], count)), expected, grid)


def simulate(arrived: Numbers, cpu: Numbers, platform: Platform, running: int = 0, elsewhere: float = 0.0) -> Outcome:
    """Return what becomes of requests that arrive at these times and need this much time of a processor, in seconds.

    Each request then waits for `elsewhere` seconds, e.g. for Vertex AI, while the processor works on others. `running`
    instances can answer at the beginning.

    Waiting requests are in one queue, so they are taken in the order of arrival. So the loop handles one request after
    the other: all that happens before a request is admitted is known by then.
    """
    scaler = _Scaler(platform, running, float(arrived[0]))
    # For each instance: when its processor is free, and when each of its slots is. The first can never answer.
    processor = [math.inf] + [-math.inf] * running
    slots = [deque([math.inf])] + [deque([-math.inf] * platform.concurrency) for _ in range(running)]
    # The time at which each instance could begin with another request, as a heap.
    soonest = [(max(processor[one], slots[one][0]), one) for one in range(running + 1)]
    heapq.heapify(soonest)
    arrivals, took = arrived.tolist(), []
    next_look, patience = arrivals[0] + LOOK_SECONDS, platform.patience
    worked = resided = 0.0
    for number, (arrival, work) in enumerate(zip(arrivals, cpu.tolist(), strict=True)):
        one = soonest[0][1]
        admitted = max(arrival, slots[one][0])
        while next_look < min(admitted, arrival + patience):
            waiting = bisect_right(arrivals, next_look, number) - number
            for ready in scaler.look(next_look, waiting, worked, resided):
                heapq.heappush(soonest, (ready, len(slots)))
                processor.append(ready)
                slots.append(deque([ready] * platform.concurrency))
            next_look += LOOK_SECONDS
            one = soonest[0][1]
            admitted = max(arrival, slots[one][0])
        if admitted > arrival + patience:
            took.append(math.nan)
            continue
        free = max(admitted, processor[one]) + work
        processor[one] = free
        left = free + elsewhere
        mine = slots[one]
        mine.popleft()
        mine.append(left)
        heapq.heapreplace(soonest, (max(free, mine[0]), one))
        took.append(left - arrival)
        worked += work
        resided += left - admitted
    return Outcome(arrived, np.array(took), scaler.starts)


class _Scaler:
    """Decides when instances start."""

    def __init__(self, platform: Platform, running: int, began: float) -> None:
        self._platform = platform
        self._history = deque([(began, 0.0, 0.0)])
        self.starts = [began] * running

    def look(self, now: float, waiting: int, worked: float, resided: float) -> list[float]:
        """Return the times at which further instances will be able to answer.

        `waiting` requests have no instance. The requests so far have used a processor for `worked` seconds in all, and
        have been in progress for `resided` seconds in all.
        """
        starting = sum(start > now for start in reversed(self.starts)) if waiting else 0
        wanted = len(self.starts) + math.ceil(waiting / self._platform.concurrency) - starting
        since, worked_then, resided_then = self._history[-1]
        if now - since >= METRIC_SECONDS:
            self._history.append((now, worked, resided))
            while now - self._history[0][0] > WINDOW_SECONDS + METRIC_SECONDS / 2:
                self._history.popleft()
            since, worked_then, resided_then = self._history[0]
            passed = now - since
            wanted = max(
                wanted, self._platform.instances((worked - worked_then) / passed, (resided - resided_then) / passed)
            )
        further = min(wanted, self._platform.max_instances) - len(self.starts)
        ready = [now + self._platform.start_seconds] * further
        self.starts += ready
        return ready
