"""Print how many instances of score_checkout a rate of requests needs, and what a sale does to them.

    python -m benchmarks.sale

In the sale, the rate rises at once to a multiple of the normal peak and stays there for an hour. The options replace
the values that were measured or assumed here, e.g. by those of your project.
"""

import argparse
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from benchmarks.cloud_run import Numbers, Platform, Service, poisson, simulate
from cli import declarations

# The peak of a shop with 500,000 checkouts a day, if a tenth of them come in one hour (assumed).
PEAK_RATE, TIMES = 500_000 / 10 / 3600, 50.0
# Rounded up from what `python -m benchmarks capacity` measured on one processor of a slow machine (docs/numbers.md).
SERVICE = Service(cpu=0.002, seconds=0.004)
# From the decision to start an instance to its first answer. The process takes half a second of it (`python -m
# benchmarks checkout`); the time that Google needs before is not published, so the rest is assumed.
START_SECONDS = 5.0
# The shop waits this long for an answer (docs/call-from-your-shop.md).
SHOP_SECONDS = 1.0
# With this many times as much time of the processor, the declared instances do not suffice.
SLOWER = 10
RATES = (10, 100, 300, 1000, 3000, 10_000)
NEEDS = ("requests a second", "in progress", "busy processors", "instances")
SCENARIOS = ("CPU ms", "max", "warm", "peak", "refused", "late", "p50 ms", "p99 ms", "until")
BEFORE_SECONDS, HOUR_SECONDS = 300.0, 3600.0


@dataclass(frozen=True)
class Hour:
    """What the hour of a sale showed.

    `late` requests were answered after the shop had given up, or refused. The percentiles are in seconds. `settled` is
    the time in seconds from the beginning of the sale to the arrival of the last late request.
    """

    instances: int
    requests: int
    refused: int
    late: int
    p50: float
    p99: float
    settled: float


def platform(start_seconds: float = START_SECONDS) -> Platform:
    """Return the declared settings of score_checkout."""
    declared = declarations.read().functions["score_checkout"]
    return Platform(declared.concurrency or 1, declared.max_instances, start_seconds)


def exponential(mean: float) -> Numbers:
    """Return 1,000 times with an exponential distribution, which varies more than the time of a checkout does."""
    quantiles = (np.arange(1000) + 0.5) / 1000
    times = -np.log1p(-quantiles)
    return times * (mean / times.mean())


def hour(rate: float, times: float, cpu: Numbers, elsewhere: float, settings: Platform, running: int) -> Hour:
    """Simulate a sale that multiplies the rate by `times`, and return what its first hour showed.

    Each request needs one of the times `cpu` of the processor, drawn at random, and `elsewhere` seconds besides. The
    `running` instances can answer when the simulation begins, five minutes before the sale.
    """
    random = np.random.default_rng(1)
    at = [-BEFORE_SECONDS, 0.0, 0.0, HOUR_SECONDS]
    arrived = poisson(at, [rate * bool(running), rate * bool(running), rate * times, rate * times], random)
    outcome = simulate(arrived, random.choice(cpu, len(arrived)), settings, running, elsewhere)
    sale = outcome.since(0.0)
    return Hour(
        len(outcome.starts),
        len(sale.took),
        sale.refused,
        sale.later_than(SHOP_SECONDS),
        sale.percentile(50),
        sale.percentile(99),
        sale.settled(SHOP_SECONDS),
    )


def needs(service: Service, settings: Platform) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a table of the instances that rates of requests need."""
    for rate in RATES:
        needed = settings.instances_for(rate, service)
        yield f"{rate:,}", f"{rate * service.seconds:,.2f}", f"{rate * service.cpu:,.2f}", f"{needed}"


def scenarios(rate: float, times: float, service: Service, settings: Platform) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a table of what the hour of a sale shows with several settings."""
    slow = Service(service.cpu * SLOWER, service.seconds + service.cpu * (SLOWER - 1))
    few, many = (settings.instances_for(rate * times, one) for one in (service, slow))
    most = settings.max_instances
    for one, allowed, running in (
        (service, most, 1),
        (service, most, 0),
        (service, few, 1),
        (service, most, few),
        (slow, most, 1),
        (slow, many, 1),
        (slow, many, many),
    ):
        limited = dataclasses.replace(settings, max_instances=allowed)
        shown = hour(rate, times, exponential(one.cpu), one.seconds - one.cpu, limited, running)
        shares = (f"{part / shown.requests:.2%}" for part in (shown.refused, shown.late))
        milliseconds = (f"{seconds * 1e3:,.0f}" for seconds in (shown.p50, shown.p99))
        settled = f"{shown.settled:,.0f} s"
        yield f"{one.cpu * 1e3:g}", f"{allowed}", f"{running}", f"{shown.instances}", *shares, *milliseconds, settled


def main() -> None:
    """Print both tables, for the values of the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.sale", description=__doc__)
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="requests a second at the normal peak")
    parser.add_argument("--times", type=float, default=TIMES, help="how many times as many come in the sale")
    parser.add_argument("--cpu-ms", type=float, default=SERVICE.cpu * 1e3, help="time of the processor per request")
    parser.add_argument(
        "--ms", type=float, default=SERVICE.seconds * 1e3, help="time for which a request is in progress"
    )
    parser.add_argument("--start-seconds", type=float, default=START_SECONDS, help="time to start an instance")
    asked = parser.parse_args()
    service, settings = Service(asked.cpu_ms / 1e3, asked.ms / 1e3), platform(asked.start_seconds)
    print_tables(asked.rate, asked.times, service, settings)


def print_tables(rate: float, times: float, service: Service, settings: Platform) -> None:
    """Print how many instances rates need, and what the hour of a sale shows."""
    out = Console()
    for columns, rows in (
        (NEEDS, needs(service, settings)),
        (SCENARIOS, scenarios(rate, times, service, settings)),
    ):
        table = Table(*(Column(name, justify="right") for name in columns))
        for row in rows:
            table.add_row(*row)
        out.print(table)
    out.print(f"The hour of the sale has {rate * times:,.0f} requests a second, and {rate:,.1f} before.")


if __name__ == "__main__":
    main()
