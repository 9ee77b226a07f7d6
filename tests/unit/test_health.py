"""When the daily check of the model's health finds no problem, when it warns, and when it requests a training."""

import math
from dataclasses import replace
from datetime import date

import msgspec
import pytest

from shared.chain import health
from shared.chain.answers import Answers
from shared.chain.documents import Estimated, Measured
from shared.chain.drift import Judged, Shift
from shared.chain.intervals import Estimate

TODAY = date(2017, 8, 10)


def measured(roc_auc, lower, upper):
    return Measured(
        word="decent",
        candidate="champion",
        visitors=5000,
        positives=60,
        expected_positives=61.5,
        true_positives=0,
        false_positives=0,
        true_negatives=0,
        false_negatives=0,
        calibration=[],
        roc_auc=roc_auc,
        intervals={"roc_auc": (lower, upper)},
    )


PROMISED = measured(0.78, 0.72, 0.83)


@pytest.mark.parametrize(
    ("newest", "most", "state"),
    [
        (date(2017, 8, 9), 3, "fine"),
        (date(2017, 8, 7), 3, "fine"),
        (date(2017, 8, 6), 3, "warn"),
        (date(2010, 1, 1), 0, "fine"),
        (None, 3, "warn"),
    ],
)
def test_data_may_be_as_old_as_the_setting_allows(newest, most, state):
    assert health.data_age(newest, TODAY, most).state == state


@pytest.mark.parametrize(
    ("scored", "newest", "state"),
    [
        (date(2017, 8, 9), date(2017, 8, 9), "fine"),
        (date(2017, 8, 8), date(2017, 8, 9), "warn"),
        (None, date(2017, 8, 9), "warn"),
        (None, None, "fine"),
    ],
)
def test_scores_must_be_of_the_newest_day(scored, newest, state):
    assert health.scores_age(scored, newest).state == state


def test_a_champion_that_is_too_old_requests_a_training():
    assert health.champion_age(45, 45).state == "fine"
    old = health.champion_age(46, 45)
    assert (old.state, old.value, old.threshold) == ("act", 46, 45)
    assert old.found == "the champion has learnt from data 46 days old; 45 are allowed (monitoring.max_champion_days)"


@pytest.mark.parametrize(
    ("realised", "state"),
    [
        (measured(0.77, 0.70, 0.83), "fine"),
        (measured(0.70, 0.63, 0.76), "warn"),
        (measured(0.62, 0.55, 0.71), "act"),
        (measured(None, None, None), "fine"),
        (None, "fine"),
    ],
)
def test_a_champion_is_worse_than_promised_if_the_intervals_do_not_overlap(realised, state):
    assert health.performance(PROMISED, realised).state == state


def test_without_a_promised_metric_performance_is_fine():
    found = health.performance(None, measured(0.6, 0.5, 0.7))
    assert (found.state, found.value, found.threshold) == ("fine", 0.6, None)


def test_the_former_champion_returns_if_the_present_one_is_shown_to_be_worse():
    assert health.former_champion(0.05, 0.01, is_shown=False).state == "fine"
    worse = health.former_champion(0.05, 0.01, is_shown=True)
    assert worse.state == "warn"
    assert worse.found == (
        "the champion is 5.0% worse than the former one on the same visitors, so the former one returns (gate.margin)"
    )


def test_a_drift_is_a_warning_only_if_the_champions_metrics_or_scores_have_changed():
    shift = Shift("source", 5000, 1500, 0.12, 0.01, None, 300.0, 8, 8.0, 8)
    drifted, steady = (
        Judged(shift, 1e-9, has_drifted=True),
        Judged(replace(shift, feature="hour"), 0.4, has_drifted=False),
    )
    assert health.drift([steady], is_felt=True).found == "no feature has drifted"
    information = health.drift([drifted, steady], is_felt=False)
    assert (information.state, information.value) == ("fine", 0.12)
    warning = health.drift([drifted, steady], is_felt=True)
    assert warning.state == "warn"
    assert warning.found == "drifted: source by 12% of the visitors, and scores or metrics have changed"
    assert health.drift([], is_felt=False).value is None


@pytest.mark.parametrize(
    ("checkouts", "contradictions", "state"),
    [(0, 0, "fine"), (49, 49, "fine"), (50, 0, "fine"), (50, 6, "fine"), (50, 12, "warn"), (2000, 140, "warn")],
)
def test_inputs_of_checkouts_are_wrong_if_enough_of_them_contradict_the_export(checkouts, contradictions, state):
    found = health.served_features([health.Compared("hits", checkouts, checkouts, contradictions)])
    assert found.state == state
    assert ("hits in" in found.found) == (state == "warn")


def test_the_largest_allowed_share_of_contradictions_alarms_on_at_most_one_day_in_a_hundred():
    allowed = health.MOST_WRONG
    for checkouts in (50, 200, 1000):
        wrong = [health.Compared("hits", checkouts, checkouts, number).is_wrong for number in range(checkouts + 1)]
        alarms = sum(
            math.comb(checkouts, number) * allowed**number * (1 - allowed) ** (checkouts - number)
            for number in range(checkouts + 1)
            if wrong[number]
        )
        assert alarms < 0.01


def test_features_that_the_shop_never_sends_are_named():
    found = health.served_features([health.Compared("hits", 80, 80, 0), health.Compared("country", 80, 0, 0)])
    assert found.state == "fine"
    assert found.found == "80 checkouts of the last week agree with their sessions; the shop never sent country"


@pytest.mark.parametrize(("ratio", "state"), [(0.8, "fine"), (1.05, "fine"), (1.3, "warn"), (0.6, "warn")])
def test_other_odds_at_checkouts_than_in_the_evaluation_warn_but_request_no_training(ratio, state):
    promised = Estimated(0.9, 0.85, 0.95)
    found = health.served_performance(promised, Estimate(ratio, 0.0004), measured(0.62, 0.55, 0.71), 1.25)
    assert found.state == state
    assert "on 5000 visitors at the checkout, 60 of whom bought later; ROC AUC 0.620 (0.550 to 0.710)" in found.found


def test_with_few_buyers_at_checkouts_nothing_is_shown():
    promised, few = Estimated(0.9, 0.85, 0.95), measured(0.62, 0.55, 0.71)
    assert health.served_performance(promised, Estimate(0.5, 0.09), few, 1.25).state == "fine"
    assert health.served_performance(promised, None, None, 1.25).state == "fine"


def test_the_state_of_several_findings_is_the_worst_state():
    findings = [health.champion_age(1, 45), health.data_age(None, TODAY, 3)]
    assert health.worst(findings) == "warn"
    assert health.worst([*findings, health.champion_age(99, 45)]) == "act"
    assert health.worst([]) == "fine"


def test_a_finding_is_read_as_it_was_written():
    findings = [health.champion_age(46, 45), health.performance(None, None)]
    assert msgspec.json.decode(msgspec.json.encode(findings), type=list[health.Finding]) == findings


def shift_of(feature, difference, visitors=1500):
    return Shift(feature, 5000, visitors, difference, 0.01, None, 300.0, 8, 8.0, 8)


def test_drifted_scores_warn_but_are_not_listed_as_a_feature():
    moved = [Judged(shift_of("score", 0.2), 1e-9, has_drifted=True)]
    found = health.score_drift(moved)
    assert (found.state, found.value) == ("warn", 0.2)
    assert found.found == "20% of the visitors have other scores than in the weeks before"
    assert health.score_drift([Judged(shift_of("score", 0.01), 0.4, has_drifted=False)]).state == "fine"
    assert health.score_drift([]).value is None
    assert health.drift(moved, is_felt=True).found == "no feature has drifted"


@pytest.mark.parametrize(
    ("visitors", "is_anomaly", "is_felt", "state", "said"),
    [
        (499, True, True, "fine", "not known: the last week has 499 first visits, and 500 are needed"),
        (500, False, True, "fine", "visitors are like those of the training data"),
        (500, True, False, "fine", "far from the training data: hits (0.41); neither scores nor metrics have changed"),
        (500, True, True, "warn", "far from the training data: hits (0.41), and scores or metrics have changed"),
    ],
)
def test_visitors_far_from_the_training_data_warn_only_if_metrics_or_scores_have_changed(
    visitors, is_anomaly, is_felt, state, said
):
    row = health.Skew("hits", "JENSEN_SHANNON_DIVERGENCE", 0.3, 0.41, is_anomaly)
    found = health.skew([row], visitors, is_felt=is_felt)
    assert (found.state, found.found) == (state, said)


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([], "fine"),
        ([Answers("2", scored=10, replaced=10)], "fine"),
        ([Answers("2", scored=1000, replaced=20)], "fine"),
        ([Answers("2", scored=1000, replaced=200)], "warn"),
        ([Answers("2", scored=1000), Answers("", failed=50)], "warn"),
        ([Answers("2", scored=1000, slow=900)], "fine"),
    ],
)
def test_many_checkouts_without_a_score_or_with_one_by_the_other_scorer_cause_a_warning(answers, state):
    assert health.served_answers(answers).state == state


@pytest.mark.parametrize(("most_gib", "state", "threshold"), [(0, "fine", None), (3, "fine", 3), (2.5, "warn", 2.5)])
def test_a_run_costs_at_most_its_budget(most_gib, state, threshold):
    found = health.run_cost("20170801-0a1b2c3d", 3 * 2**30, most_gib)
    assert (found.state, found.value, found.threshold) == (state, 3.0, threshold)
