"""Plan the faults of a run from a seed, so that a run can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

# Approximate number of requests to each service in an undisturbed run.
REQUESTS = {"bigquery": 200, "storage": 150, "vertex": 39, "pubsub": 18, "logging": 45, "functions": 10}
# The kinds of faults that strike a request, each with the services whose requests it can strike. Pub/Sub has no
# "error", because the proxy does not parse Pub/Sub's gRPC and so cannot answer with an error.
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
    """A fault that strikes at request number `at` to `service`, counted from the run's start.

    `seconds` is the duration of a freeze or delay, or the time until a duplicate is sent.
    """

    kind: str
    service: str
    at: int
    seconds: float


def plan(seed: int, kinds: Sequence[str] = (*ON_THE_WIRE, *TO_PROCESSES)) -> list[Fault]:
    """Return the faults that a seed plans: four to eight faults of `kinds`.

    For a quarter of the seeds, a rollback or reset is added.
    """
    chance = random.Random(seed)  # noqa: S311 - the plan must be repeatable; it is not security-relevant
    faults = [_fault(chance, chance.choice(kinds)) for _ in range(chance.randint(4, 8))]
    if chance.random() < 0.25:
        faults.append(_fault(chance, chance.choice(BY_OPERATORS)))
    return faults


def _fault(chance: random.Random, kind: str) -> Fault:
    service = chance.choice(ON_THE_WIRE.get(kind, tuple(REQUESTS)))
    return Fault(kind, service, chance.randint(1, REQUESTS[service]), round(chance.uniform(0.5, 8), 1))
