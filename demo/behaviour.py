"""What a visitor means to do in a session: how many pages, products, basket and checkout steps.

Intent shows in everything, and nothing shows intent alone. With u the resolve (`visitors.resolve`), c the curiosity:

    P(bounce)         = sigmoid(-0.2 - 0.55 u), a little less on a return
    plain pages       ~ 1 + Poisson(exp(1.0 + 0.1 u + 0.4 c)),   listings ~ Poisson(exp(0.1 + 0.15 u + 0.35 c))
    products viewed   ~ Poisson(exp(-0.3 + 0.5 u + 0.9 c))
    each one added    with probability sigmoid(-2.6 + 0.9 u - 0.3 c), more on a return
    checkout begun    with probability sigmoid(-1.2 + 0.6 u) once something is in the basket, then step by step
    bought            as told in `visitors`; who buys has done all of the above
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from demo.visitors import ORDINARY, ROBOT, STAFF, Array, resolve

BOUNCE: Final = -0.2
FIRST_BUY, RETURN_BUY, STAFF_BUY = -6.4, -4.8, -1.9
STEPS: Final = 3  # of a checkout


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each visit does each thing. `steps`: the checkout steps taken, all of them where `bought`."""

    pages: Array
    listings: Array
    details: Array
    adds: Array
    removes: Array
    steps: Array
    bought: Array


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def plan(rng: np.random.Generator, visits: Array) -> Plan:
    """Decide for each visit what it will do."""
    u, c, robot = resolve(visits), visits["curiosity"], visits["kind"] == ROBOT
    returning = visits["number"] > 1
    count = len(visits)
    bought = rng.random(count) < _buying(visits)
    bounced = ~bought & ~robot & (rng.random(count) < _sigmoid(BOUNCE - 0.55 * u - 0.3 * returning))
    stays = ~bounced

    def poisson(rate: Array) -> Array:
        return np.where(stays, rng.poisson(np.minimum(rate, 60)), 0)

    pages = 1 + poisson(np.exp(1.0 + 0.1 * u + 0.4 * c))
    listings = poisson(np.exp(0.1 + 0.15 * u + 0.35 * c))
    details = poisson(np.exp(-0.3 + 0.5 * u + 0.9 * c))
    adds = rng.binomial(details, _sigmoid(-2.6 + 0.9 * u - 0.3 * c + 0.5 * returning))
    pages[robot] = rng.integers(30, 120, robot.sum())
    listings[robot] = rng.integers(20, 80, robot.sum())
    details[robot], adds[robot] = rng.integers(60, 200, robot.sum()), 0
    # One session in two has a second page at the least, or it would be a bounce.
    pages += stays & (pages + listings + details == 1)
    basket = 1 + rng.poisson(0.8, count)
    adds = np.where(bought, np.maximum(adds, basket), adds)
    details = np.maximum(details, adds)
    removes = rng.binomial(np.maximum(adds - 1, 0), 0.15)
    onwards = rng.random((STEPS, count)) < _sigmoid(np.array([-1.2, -0.2, 0.2])[:, None] + 0.6 * u)
    steps = np.where(bought, STEPS, np.where(adds > 0, np.cumprod(onwards, axis=0).sum(axis=0), 0))
    return Plan(pages, listings, details, adds, removes, steps, bought)


def _buying(visits: Array) -> Array:
    level = np.where(visits["number"] == 1, FIRST_BUY, RETURN_BUY)
    chance = _sigmoid(level + 1.25 * resolve(visits))
    return np.select([visits["kind"] == ORDINARY, visits["kind"] == STAFF], [chance, _sigmoid(np.array(STAFF_BUY))])
