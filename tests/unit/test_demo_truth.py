"""The generator's true probabilities agree with the observed rates, and rank visitors better than the models do."""

import datetime as dt

import numpy as np
from sklearn.metrics import roc_auc_score

from demo.behaviour import plan
from demo.rows import visitor_ids
from demo.truth import Truth
from demo.visitors import arrivals

FIRST_DAY = dt.date(2026, 1, 1)


def test_the_true_probability_is_the_share_that_buys_and_ranks_better_than_visible_features():
    rng, truth, horizon = np.random.default_rng(3), Truth(), 14
    days = 40
    last = FIRST_DAY + dt.timedelta(days - 1)
    first, bought = {}, set()
    for day, visits in arrivals(rng, FIRST_DAY, days, 60_000):
        truth.see(day, visits)
        plans = plan(rng, visits)
        for visitor, number, buys in zip(
            visitor_ids(visits).to_pylist(), visits["number"].tolist(), plans.bought.tolist(), strict=True
        ):
            if number == 1:
                first[visitor] = day
            elif buys and visitor in first and (day - first[visitor]).days <= horizon:
                bought.add(visitor)
    known = {
        visitor: truth.probability(visitor, horizon, last)
        for visitor, day in first.items()
        if day <= last - dt.timedelta(horizon)
    }
    ordinary = [visitor for visitor, probability in known.items() if probability is not None]
    said = np.array([known[visitor] for visitor in ordinary])
    label = np.array([visitor in bought for visitor in ordinary])
    order = np.argsort(said)
    for part in np.array_split(order, 4):
        expected = said[part].sum()
        assert abs(label[part].sum() - expected) < 3 * expected**0.5 + 1
    assert roc_auc_score(label, said) > 0.87
    assert truth.probability(ordinary[0], 0, last) < truth.probability(ordinary[0], 14, last)
    assert truth.probability("nobody", horizon, last) is None
