"""Confidence intervals of a campaign's effect that are valid at every look, for any number of looks."""

import math

import numpy as np
import pytest
from scipy import optimize, special

from shared.campaign import anytime
from shared.chain.intervals import Z


def test_the_quantile_agrees_with_the_formula_of_the_paper():
    """Theorem 2.2 of Waudby-Smith and others gives the radius. radius * sqrt(t) counts standard errors of a mean."""
    alpha, planned = 0.05, 600
    squared = (-special.lambertw(-(alpha**2) * math.exp(-1), -1).real - 1) / planned
    for t in (1, 30, 600, 5000):
        radius = math.sqrt(2 * (t * squared + 1) / (t**2 * squared) * math.log(math.sqrt(t * squared + 1) / alpha))
        assert anytime.quantile(t, planned) == pytest.approx(radius * math.sqrt(t))


def test_no_other_plan_has_a_narrower_interval_at_the_planned_number():
    best = optimize.minimize_scalar(lambda planned: anytime.quantile(600, planned), bounds=(100, 5000))
    assert best.x == pytest.approx(600, rel=0.01)
    assert anytime.AT_PLAN == pytest.approx(best.fun) == anytime.quantile(1, 1)


def test_without_an_effect_fewer_than_5_percent_of_campaigns_ever_leave_the_anytime_interval():
    steps = np.arange(1, 1001)
    sums = np.random.default_rng(1).normal(size=(2000, 1000)).cumsum(axis=1) / np.sqrt(steps)
    bounds = [anytime.quantile(int(step), 300) for step in steps]
    assert 0.01 < np.mean((np.abs(sums) > bounds).any(axis=1)) < 0.05
    assert np.mean((np.abs(sums) > Z).any(axis=1)) > 0.3


def test_before_the_first_buyer_any_effect_is_possible():
    assert anytime.quantile(0, 100) == math.inf


def test_a_plan_without_buyers_is_an_error_with_a_remedy():
    with pytest.raises(ValueError, match="0 buyers are planned; state how many are expected"):
        anytime.quantile(10, 0)
