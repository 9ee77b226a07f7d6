"""Which faults strike a run, and when: made from a seed alone, so that a run can be made again."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

# About how many requests each service gets in an undisturbed run.
REQUESTS = {"bigquery": 200, "storage": 150, "vertex": 39, "pubsub": 18, "logging": 45, "functions": 10}
# What can happen to a request, by service. Pub/Sub speaks gRPC, of which the proxy sees bytes alone.
ON_THE_WIRE = {
    "error": ("bigquery", "storage", "vertex", "logging", "functions"),
    "refused": tuple(REQUESTS),
    "lost answer": tuple(REQUESTS),
    "time-out": tuple(REQUESTS),
    "late": tuple(REQUESTS),
    "duplicate": ("functions",),
}
TO_PROCESSES = ("kill worker", "kill up", "freeze worker", "freeze up")
BY_OPERATORS = ("rollback", "reset")
KINDS = (*ON_THE_WIRE, *TO_PROCESSES, *BY_OPERATORS)


@dataclass(frozen=True)
class Fault:
    """`kind` strikes at the `at`-th request to `service`, counted from the run's beginning; it lasts `seconds`."""

    kind: str
    service: str
    at: int
    seconds: float


def plan(seed: int, kinds: Sequence[str] = (*ON_THE_WIRE, *TO_PROCESSES)) -> list[Fault]:
    """Return the faults of the run with this seed: four to eight of these kinds; sometimes an operator acts."""
    chance = random.Random(seed)  # noqa: S311 - to repeat, not to keep a secret
    faults = [_fault(chance, chance.choice(kinds)) for _ in range(chance.randint(4, 8))]
    if chance.random() < 0.25:
        faults.append(_fault(chance, chance.choice(BY_OPERATORS)))
    return faults


def _fault(chance: random.Random, kind: str) -> Fault:
    service = chance.choice(ON_THE_WIRE.get(kind, tuple(REQUESTS)))
    return Fault(kind, service, chance.randint(1, REQUESTS[service]), round(chance.uniform(0.5, 8), 1))
