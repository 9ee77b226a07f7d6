"""The probabilities of a model that learns from a sample are corrected. Then they are those of a model that learns from
all rows.
"""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calibration import IDENTITY, Calibrator, log_odds, sigmoid
from shared.chain import sampling
from shared.chain.calibration import Fitted
from shared.chain.documents import Split

shares = st.floats(1e-6, 1)
moderate = st.floats(1e-6, 1 - 1e-6)
steps = st.lists(st.tuples(st.floats(0.01, 2), st.floats(0.01, 2)), min_size=1, max_size=6)


def split(name, visitors, positives):
    return Split(name, dt.date(2017, 5, 1), dt.date(2017, 6, 1), visitors, positives)


@given(probability=moderate, kept=shares)
def test_the_correction_inverts_the_sampling(probability, kept):
    # By Bayes' theorem: the sample keeps each buyer, and a visitor who does not buy with probability `kept`.
    in_sample = probability / (probability + kept * (1 - probability))
    corrected = IDENTITY.after(math.log(kept)).apply(in_sample)
    assert corrected == pytest.approx(probability, rel=1e-6)


@given(probability=moderate, kept=shares, steps=steps, slope=st.floats(0.1, 3))
def test_a_corrected_calibrator_is_the_correction_followed_by_the_calibrator(probability, kept, steps, slope):
    knots = tuple(
        (sum(x for x, _ in steps[:n]) - 4, sum(y for _, y in steps[:n]) - 5) for n in range(1, len(steps) + 1)
    )
    calibrator = Calibrator(slope, knots)
    fitted = sampling.corrected(Fitted(calibrator, "Platt"), kept)
    expected = calibrator.apply(sigmoid(log_odds(probability) + sampling.shift(kept)))
    assert fitted.calibrator.apply(probability) == pytest.approx(expected, rel=1e-6)


def test_the_kept_share_is_that_of_the_visitors_who_did_not_buy():
    splits = [split("train", 500, 100), split("unused", 3600, 0), split("evaluation", 900, 10), split("test", 900, 9)]
    assert sampling.kept_share(splits) == 400 / 4000
    assert sampling.corrected(Fitted(IDENTITY, "Platt"), 0.1) == Fitted(
        Calibrator(1.0, ((2.302585, 0.0),)),
        "Platt; the model has learnt from 10.00% of those who did not buy, so its log odds first change by -2.30",
    )


def test_without_unused_visitors_nothing_is_corrected():
    fitted = Fitted(Calibrator(0.9, ((0.0, -0.3),)), "Platt")
    assert sampling.kept_share([split("train", 500, 100), split("test", 900, 9)]) == 1
    assert sampling.kept_share([]) == 1
    assert sampling.corrected(fitted, 1.0) == fitted
    assert IDENTITY.after(sampling.shift(1.0)) == IDENTITY
