"""A calibrator corrects probabilities and keeps their ranking. A verdict says whether a model is calibrated."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from shared.calibration import IDENTITY, LARGEST_LOG_ODDS, Calibrator, log_odds, sigmoid
from shared.chain.calibration import Point, fit, judge, log_loss, platt, pooled
from shared.chain.intervals import Estimate

rising = st.lists(st.integers(-600, 600), min_size=1, max_size=8, unique=True).map(sorted)
numbers = st.tuples(rising, rising).map(lambda both: [(x / 100, y / 100) for x, y in zip(*both, strict=False)])
calibrators = st.builds(Calibrator, st.floats(0.01, 30), numbers.map(tuple))
probabilities = st.floats(0, 1) | st.sampled_from([0.0, 1.0, 5e-324, 1e-16, 1 - 2**-53])


@given(calibrators, probabilities, probabilities)
def test_a_higher_probability_never_becomes_a_lower_one_and_none_becomes_0_or_1(calibrator, one, other):
    low, high = (calibrator.apply(probability) for probability in sorted((one, other)))
    assert low <= high or low == pytest.approx(high, rel=1e-12)
    if calibrator != IDENTITY:
        assert low > 0
        assert high < 1


@given(calibrators)
def test_a_calibrator_goes_through_each_of_its_knots(calibrator):
    for x, y in calibrator.knots:
        bounded = min(max(y, -LARGEST_LOG_ODDS), LARGEST_LOG_ODDS)
        assert calibrator.apply(sigmoid(x)) == pytest.approx(sigmoid(bounded), rel=1e-6)


@given(probabilities)
def test_without_a_calibrator_a_probability_stays_as_it_is(probability):
    assert IDENTITY.apply(probability) == probability
    assert msgspec.json.decode(b"{}", type=Calibrator).apply(probability) == probability


def test_platts_calibrator_is_a_line_on_the_log_odds():
    assert Calibrator(0.9, ((0.0, -0.3),)).apply(0.2) == pytest.approx(sigmoid(0.9 * log_odds(0.2) - 0.3))
    assert msgspec.json.encode(Calibrator(0.9, ((0.0, -0.3),))) == b'{"slope":0.9,"knots":[[0.0,-0.3]]}'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"slope":0}', "Expected `float` > 0.0"),
        (b'{"knots":[]}', "length >= 1"),
        (b'{"knots":[[0,1],[0,2]]}', "each knot must be higher than the one before"),
        (b'{"knots":[[0,1],[1,1]]}', "each knot must be higher than the one before"),
        (b'{"slope":null}', "Expected `float`, got `null`"),
    ],
)
def test_a_calibrator_that_would_change_the_ranking_cannot_be_read(content, reason):
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.json.decode(content, type=Calibrator)


def points(seed, count, truth):
    """Return random visitors, counted by fold, label and log odds of the model.

    `truth` computes a visitor's true log odds of a purchase from the model's log odds.
    """
    random = np.random.default_rng(seed)
    model = np.round(random.normal(-3, 1, count), 2)
    labels = random.random(count) < 1 / (1 + np.exp(-truth(model)))
    found, counts = np.unique(np.stack([random.integers(0, 8, count), labels, model]), axis=1, return_counts=True)
    return [
        Point(int(fold), int(label), float(x), int(number))
        for (fold, label, x), number in zip(found.T, counts, strict=True)
    ]


def overconfident(model):
    return 0.6 * model - 0.8


def bent(model):
    return np.where(model < -3, model, -3 + 0.1 * (model + 3))


def test_platts_line_corrects_an_overconfident_model():
    fitted = fit(points(1, 8000, overconfident), 30)
    assert fitted.calibrator.slope == pytest.approx(0.6, abs=0.1)
    assert fitted.calibrator.knots == ((0.0, pytest.approx(-0.8, abs=0.3)),)
    assert fitted.method.startswith("Platt on ")


def test_isotonic_regression_is_chosen_if_it_is_shown_to_be_better_on_many_buyers():
    straight, crooked, few = (
        fit(points(2, count, truth), 30) for count, truth in ((20_000, overconfident), (30_000, bent), (12_000, bent))
    )
    assert straight.method.startswith("Platt on 1")
    assert crooked.method.startswith("isotonic on 1")
    assert few.method.startswith("Platt on ")
    assert 5 < len(crooked.calibrator.knots) <= 51
    unseen = points(3, 30_000, bent)
    line = platt(unseen)
    assert log_loss(unseen, crooked.calibrator) < log_loss(unseen, Calibrator(line.slope, ((0.0, line.intercept),)))


def test_blocks_agree_with_scikit_learns_isotonic_regression():
    given = points(4, 500, bent)
    rates = [block.rate for block in pooled(given) for _ in range(block.row_count)]
    x, labels, counts = ([point[index] for point in given] for index in (2, 1, 3))
    expected = IsotonicRegression().fit(x, labels, sample_weight=counts).predict(np.repeat(x, counts))
    assert rates == pytest.approx(np.sort(expected).tolist())


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (points(5, 3000, lambda model: -8 - 1.5 * model), "none, because its slope would be -1.4"),
        ([Point(0, 1, -2.0, 5), Point(1, 1, 1.0, 2)], "none, because the evaluation visitors are all buyers"),
        (
            [Point(0, 1, -2.0, 5), Point(1, 0, -2.0, 9)],
            "none, because all evaluation visitors have the same probability",
        ),
        ([], "none, because all evaluation visitors have the same probability, or there are none"),
        ([Point(0, 1, -2.0, 4), Point(1, 0, -1.0, 9)], "none, because only 4 evaluation visitors bought, and 5 are"),
    ],
    ids=["turned round", "all buyers", "one probability", "nobody", "few buyers"],
)
def test_if_no_line_can_be_fitted_probabilities_are_unchanged_and_the_reason_is_given(given, why):
    fitted = fit(given, 5)
    assert fitted.calibrator == IDENTITY
    assert fitted.method.startswith(why)


def test_a_threshold_that_separates_all_buyers_makes_no_infinite_slope():
    fitted = fit([Point(fold, int(x > 0), float(x), 10) for fold, x in enumerate([-3, -2, -1, 1, 2])], 20)
    assert 0 < fitted.calibrator.slope < 10
    assert math.isfinite(fitted.calibrator.knots[0][1])


NARROW, WIDE = 0.05**2, 0.2**2
JUDGED = [
    (
        (1.02, NARROW, 0.98, NARROW),
        ("calibrated: slope 1.02 (0.92 to 1.12), observed over expected 0.98 (0.88 to 1.08), both within 0.8 to 1.25"),
    ),
    (
        (1.02, NARROW, 0.98, WIDE),
        (
            "not shown: slope 1.02 (0.92 to 1.12), observed over expected 0.98 (0.59 to 1.37), to be within 0.8 to "
            "1.25 (gate.calibration_tolerance); about 375 more buyers among the test visitors would do"
        ),
    ),
    (
        (1.02, math.inf, 1.3, WIDE),
        (
            "not shown: slope 1.02 (-inf to inf), observed over expected 1.30 (0.91 to 1.69), to be within 0.8 to 1.25 "
            "(gate.calibration_tolerance)"
        ),
    ),
    (
        (0.5, NARROW, 0.62, NARROW),
        (
            "off: predicts 1.6 times too many buyers and is overconfident, with log odds 2 times too far apart; "
            "slope 0.50 (0.40 to 0.60), observed over expected 0.62 (0.52 to 0.72)"
        ),
    ),
    (
        (1.5, NARROW, 1.2, WIDE),
        (
            "off: is too timid, with log odds 1.5 times too close together; "
            "slope 1.50 (1.40 to 1.60), observed over expected 1.20 (0.81 to 1.59)"
        ),
    ),
    (
        (-0.5, NARROW, 1.6, NARROW),
        (
            "off: predicts 1.6 times too few buyers and is overconfident, with log odds the wrong way round; "
            "slope -0.50 (-0.60 to -0.40), observed over expected 1.60 (1.50 to 1.70)"
        ),
    ),
]


@pytest.mark.parametrize(("estimates", "said"), JUDGED)
def test_the_verdict_follows_from_both_intervals(estimates, said):
    slope, slope_variance, ratio, ratio_variance = estimates
    assert judge(Estimate(slope, slope_variance), Estimate(ratio, ratio_variance), 100, 1.25) == said


def test_if_calibration_cannot_be_estimated_the_verdict_is_not_shown():
    assert judge(None, None, 0, 1.25).startswith("not shown: the test visitors are all buyers or all none")


def test_a_wider_tolerance_accepts_more():
    estimates = Estimate(0.9, NARROW), Estimate(1.1, NARROW)
    assert judge(*estimates, 100, 1.25).startswith("calibrated")
    assert judge(*estimates, 100, 1.1).startswith("off")
