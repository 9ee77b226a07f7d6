"""Measure how many requests one instance of score_checkout answers, and simulate the hour of a sale with several.

One process on one processor is an instance. Requests come at random times, at rates that are shares of the most that
the instance can do. Each round measures this most first, so other work on the machine affects both.
"""

import contextlib
import dataclasses
import os
import statistics
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks import arrivals, load, sale
from benchmarks.arrivals import Arrivals
from benchmarks.cloud_run import Numbers, Platform, Service, poisson, simulate
from benchmarks.measure import Row, say
from benchmarks.served import Function, Started, first_answer, open_shop, scoring, seconds_to_start
from cli import declarations

# The shares of the most that one instance can do. The first shows the time of a request that need not wait. Cloud Run's
# autoscaler aims at AIM. Beyond it, other work on the machine decides how long requests wait, so nothing is bounded.
AIM = 0.6
SHARES = (0.1, 0.3, AIM, 0.8)
# This many times the most that an instance can do shows that the limit is exceeded then.
OVERLOAD = 2
ROUNDS, CLOSED_SECONDS, SECONDS, OVERLOAD_SECONDS, STARTS = 5, 2.0, 3.0, 4.0, 5


@dataclass(frozen=True)
class Round:
    """The most requests per second that an instance answered, and the results at shares of this rate.

    `cpu` holds the processor's seconds per request, by share.
    """

    most: float
    at: dict[float, Arrivals]
    cpu: dict[float, float]


def measure(_: bool) -> list[Row]:
    """Measure one instance, compare it with the simulation, and simulate the hour of a sale with the measured times."""
    settings = sale.platform()
    limit = declarations.watched().alerts["checkout_latency"].above / 1e3
    with tempfile.TemporaryDirectory() as name, open_shop(Path(name)) as shop:
        function = scoring(shop, "boosted_trees")
        with _instance(function, shop.body, settings.concurrency) as instance:
            say(f"  {ROUNDS} rounds of {len(SHARES)} rates")
            rounds = [instance.round(seed) for seed in range(ROUNDS)]
            overload = instance.send(max(one.most for one in rounds) * OVERLOAD, OVERLOAD_SECONDS, ROUNDS)
        say(f"  {STARTS} starts")
        start = statistics.median(seconds_to_start(function, shop.body) for _ in range(STARTS))
    return [
        *_capacity(rounds, overload, limit),
        *_littles_law(rounds),
        *_simulated(rounds, settings),
        Row("start of a process; floor: the assumed start of an instance", start, floor=sale.START_SECONDS, bound=1),
        *_sale(rounds, settings, limit),
    ]


@dataclass(frozen=True)
class Instance:
    """A process of the function, which runs on one processor, and what sends requests to it from the others."""

    started: Started
    body: bytes
    connections: int
    generator: load.Generator

    def round(self, seed: int) -> Round:
        """Measure the most that the instance can do, and then its answers at shares of that rate.

        Raises:
            RuntimeError: a request was not answered.
        """
        closed = self.generator.run(self.started.url, self.body, self.connections, CLOSED_SECONDS)
        if closed.failed:
            raise RuntimeError(f"{closed.failed} requests were not answered")
        most = len(closed.milliseconds) / closed.seconds
        at, cpu = {}, {}
        for share in SHARES:
            before = self._processor_seconds()
            at[share] = self.send(most * share, SECONDS, seed)
            cpu[share] = (self._processor_seconds() - before) / at[share].requests
        return Round(most, at, cpu)

    def send(self, rate: float, seconds: float, seed: int) -> Arrivals:
        """Send requests at random times, at this rate on average."""
        return arrivals.send(self.started.url, self.body, rate, seconds, self.connections, seed)

    def _processor_seconds(self) -> float:
        master = psutil.Process(self.started.pid)
        times = [process.cpu_times() for process in (master, *master.children())]
        return sum(one.user + one.system for one in times)


@contextlib.contextmanager
def _instance(function: Function, body: bytes, connections: int) -> Iterator[Instance]:
    """Start the function on one processor. Until the context ends, this process runs on the others.

    Processes inherit their processors from the one that starts them, so the load generators run on the others too.
    """
    mine, *others = sorted(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        stack.callback(os.sched_setaffinity, 0, {mine, *others})
        os.sched_setaffinity(0, {mine})
        started = stack.enter_context(function.started())
        os.sched_setaffinity(0, set(others) or {mine})
        first_answer(started.url, body)
        yield Instance(started, body, connections, stack.enter_context(load.generator()))


def _capacity(rounds: list[Round], overload: Arrivals, limit: float) -> Iterator[Row]:
    best = max(rounds, key=lambda one: one.most)
    yield Row("least time per request; floor: the processor's time", 1e3 / best.most, "ms", best.cpu[AIM] * 1e3, 2)
    fast = 0.0
    for share in SHARES:
        p99 = statistics.median(_percentile(one.at[share].took, 99) for one in rounds)
        fast = max(fast, best.at[share].rate) if p99 <= limit else fast
        bound = 1 if share <= AIM else None
        yield Row(f"p99 at {share:.0%} of the most; floor: the limit of the alert", p99 * 1e3, "ms", limit * 1e3, bound)
    p99 = _percentile(overload.took, 99)
    yield Row(f"p99 at {OVERLOAD:.0%} of the most; floor: the limit of the alert", p99 * 1e3, "ms", limit * 1e3)
    yield Row("requests a second within this limit; floor: the most", fast, "", best.most)


def _littles_law(rounds: list[Round]) -> Iterator[Row]:
    for share in SHARES:
        what = f"in progress at {share:.0%}, counted, and by Little's law: the larger; the smaller"
        results = [one.at[share] for one in rounds]
        yield _agreement(what, [(one.in_progress, one.rate * one.mean) for one in results], "", 1.1)


def _simulated(rounds: list[Round], settings: Platform) -> Iterator[Row]:
    """Compare the mean times with those of a simulated instance whose requests need as much of the processor."""
    only = dataclasses.replace(settings, max_instances=1)
    for share in SHARES[1:-1]:
        pairs = []
        for one in rounds:
            cpu, elsewhere = _times(one.at[SHARES[0]], one.cpu[share])
            random = np.random.default_rng(1)
            arrived = poisson([0, 100], [one.at[share].rate] * 2, random)
            simulated = simulate(arrived, random.choice(cpu, len(arrived)), only, 1, elsewhere)
            pairs.append((one.at[share].mean * 1e3, float(simulated.took.mean()) * 1e3))
        what = f"mean time at {share:.0%}, measured, and simulated: the larger; the smaller"
        yield _agreement(what, pairs, "ms", 2)


def _times(unhurried: Arrivals, cpu: float) -> tuple[Numbers, float]:
    """Return times of the processor with this mean, distributed like the times of requests that need not wait.

    The second value is the rest of the mean time: that of the network and of the operating system.
    """
    took = np.array(unhurried.took)
    return took * (cpu / took.mean()), max(took.mean() - cpu, 0.0)


def _sale(rounds: list[Round], settings: Platform, limit: float) -> Iterator[Row]:
    """Simulate the hour with the declared settings, and with the number of instances of Little's law."""
    cpu = statistics.median(one.cpu[AIM] for one in rounds)
    service = Service(cpu, statistics.median(one.at[AIM].mean for one in rounds))
    rate = sale.PEAK_RATE * sale.TIMES
    needed = settings.instances_for(rate, service)
    what = f"{rate:,.0f} requests a second"
    yield Row(f"{what}: instances by Little's law; floor: the declared", needed, "", settings.max_instances, 1)
    times, elsewhere = _times(rounds[0].at[SHARES[0]], cpu)
    exact = dataclasses.replace(settings, max_instances=needed)
    cases = (("declared", settings, 1), (f"at most {needed}", exact, 1), ("declared, none running", settings, 0))
    for name, set_to, running in cases:
        say(f"  the hour of a sale: {name}")
        hour = sale.hour(sale.PEAK_RATE, sale.TIMES, times, elsewhere, set_to, running)
        yield Row(f"{what}, {name}: p99; floor: the limit of the alert", hour.p99 * 1e3, "ms", limit * 1e3, 1)
        yield Row(f"{what}, {name}: late or refused; floor: 1 %", hour.late / hour.requests * 100, "%", 1, 1)


def _agreement(what: str, pairs: Iterable[tuple[float, float]], unit: str, bound: float) -> Row:
    """Return the row of the pair with the median ratio. The values should be equal, so the smaller is the floor."""
    ordered = sorted(pairs, key=lambda pair: pair[0] / pair[1])
    middle = ordered[len(ordered) // 2]
    return Row(what, max(middle), unit, min(middle), bound)


def _percentile(took: list[float], percent: float) -> float:
    return float(np.percentile(took, percent))
