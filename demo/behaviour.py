"""Draw what a visitor does in a visit: the numbers of pages, products, basket changes and checkout steps.

All these numbers depend on the visitor's intent, but also on other things. In the formulas, u is the resolve
(`visitors.resolve`) and c the curiosity:

    P(bounce)         = sigmoid(-0.2 - 0.55 u), slightly less on a return
    plain pages       ~ 1 + Poisson(exp(1.0 + 0.1 u + 0.4 c)),   listings ~ Poisson(exp(0.1 + 0.15 u + 0.35 c))
    products viewed   ~ Poisson(exp(-0.3 + 0.5 u + 0.9 c))
    P(added | viewed) = sigmoid(-2.6 + 0.9 u - 0.3 c), more on a return
    P(checkout)       = sigmoid(-1.2 + 0.6 u) if the basket is not empty; each further step has its own probability
    P(buys)           see `visitors`; a buyer has viewed, added and taken all checkout steps
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from demo.visitors import BUYER, ORDINARY, ROBOT, STAFF, Array, resolve

BOUNCE: Final = -0.2
FIRST_BUY, RETURN_BUY, STAFF_BUY = -6.4, -4.8, -1.9
STEPS: Final = 3  # number of steps of a checkout


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens in each visit; every array has one value per visit.

    `pages`, `listings`, `details`, `adds` and `removes` are numbers of actions. `steps` is the number of checkout steps
    that were taken; a buyer takes all steps. `bought` says whether the visit ends with a purchase.
    """

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
    """Draw what happens in each visit, by the formulas at the top of this file."""
    u, c, robot = resolve(visits), visits["curiosity"], visits["kind"] == ROBOT
    returning = visits["number"] > 1
    count = len(visits)
    bought = rng.random(count) < buying(visits)
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
    # A visit that does not bounce has at least two pages.
    pages += stays & (pages + listings + details == 1)
    basket = 1 + rng.poisson(0.8, count)
    adds = np.where(bought, np.maximum(adds, basket), adds)
    details = np.maximum(details, adds)
    removes = rng.binomial(np.maximum(adds - 1, 0), 0.15)
    onwards = rng.random((STEPS, count)) < _sigmoid(np.array([-1.2, -0.2, 0.2])[:, None] + 0.6 * u)
    steps = np.where(bought, STEPS, np.where(adds > 0, np.cumprod(onwards, axis=0).sum(axis=0), 0))
    return Plan(pages, listings, details, adds, removes, steps, bought)


def buying(visits: Array) -> Array:
    """Return, for each visit, the probability that it ends with a purchase: 1 for buyers, 0 for lookers and robots."""
    level = np.where(visits["number"] == 1, FIRST_BUY, RETURN_BUY)
    chance = _sigmoid(level + 1.25 * resolve(visits))
    kinds = [visits["kind"] == kind for kind in (ORDINARY, STAFF, BUYER)]
    return np.select(kinds, [chance, _sigmoid(np.array(STAFF_BUY)), np.array(1.0)])
