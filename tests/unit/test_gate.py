"""Which candidate wins, and whether the gate approves the winner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.chain.gate import BEST, CHAMPION, Counts, Model, by_simplicity, choose, is_better, judge, word
from shared.chain.intervals import Comparisons, Estimate, more_needed
from shared.settings import Gate

LIMITS = Gate()
VISITORS = Counts(1000, 50)
BASELINE, LOGISTIC, TREES = (
    Model("baseline", "LOGISTIC_REGRESSION", 2),
    Model("logistic", "LOGISTIC_REGRESSION", 14),
    Model("trees", "BOOSTED_TREE_CLASSIFIER", 14),
)
MODELS = [TREES, LOGISTIC, BASELINE]
GOOD = {"roc_auc": Estimate(0.8, 0.03**2)}


class Told(Comparisons):
    """Fake comparisons, with the metrics of each model and the losses of each pair of models that a test gives."""

    def __init__(self, metrics, losses=None):
        super().__init__()
        self._metrics, self._losses = metrics, losses or {}

    def metric(self, metric, candidate):
        return self._metrics.get(candidate, {}).get(metric)

    def loss(self, metric, candidate, other, *, with_margin=False):
        assert metric == "log_loss"
        return self._losses.get((candidate, other, with_margin))


@pytest.mark.parametrize(
    ("roc_auc", "name"),
    [
        (1.0, "good"),
        (0.9001, "good"),
        (0.9, "fair"),
        (0.8, "decent"),
        (0.7, "not great"),
        (0.6, "poor"),
        (0.0, "poor"),
        (None, "unknown"),
    ],
)
def test_each_word_for_a_roc_auc_applies_above_its_limit(roc_auc, name):
    assert word(roc_auc) == name


def test_regressions_are_simpler_than_trees_then_fewer_features_count_and_of_equals_the_first_named():
    assert by_simplicity(MODELS) == [BASELINE, LOGISTIC, TREES]
    same = [Model("b", "DNN_CLASSIFIER", 3), Model("a", "DNN_CLASSIFIER", 3)]
    assert by_simplicity(same) == same


def evaluated(**losses):
    """Return fake comparisons of three candidates, of which `trees` has the lowest log loss.

    `losses` maps the name of a candidate to the estimated loss if it is chosen instead of `trees`.
    """
    metrics = {"baseline": 0.11, "logistic": 0.1, "trees": 0.09}
    told = {name: {"log_loss": Estimate(value, 1e-6)} for name, value in metrics.items()}
    return Told(told, {(name, "trees", True): loss for name, loss in losses.items()})


def test_the_best_candidate_wins_unless_a_simpler_one_is_shown_to_be_no_worse():
    worse, no_worse = Estimate(-0.001, 1e-6), Estimate(-0.001, 1e-8)
    choice = choose(MODELS, evaluated(baseline=worse, logistic=worse), LIMITS)
    assert choice.candidate == "trees"
    assert choice.reason == (
        "trees has the best log loss on the evaluation visitors, 0.0900 (0.0880 to 0.0920). "
        "No simpler candidate is shown to be at most 1 % worse (gate.margin)."
    )
    choice = choose(MODELS, evaluated(baseline=worse, logistic=no_worse), LIMITS)
    assert choice.candidate == "logistic"
    assert choice.reason == (
        "trees has the best log loss on the evaluation visitors, 0.0900 (0.0880 to 0.0920). logistic was chosen: it is "
        "simpler (logistic regression on 14 features) and shown to be at most 1 % worse (gate.margin)."
    )
    assert choose(MODELS, evaluated(baseline=no_worse, logistic=no_worse), LIMITS).candidate == "baseline"


def test_the_simplest_candidate_wins_if_it_is_the_best_or_if_nothing_can_be_compared():
    told = Told({"baseline": {"log_loss": Estimate(0.1, 0)}, "trees": {"log_loss": Estimate(0.2, 0)}})
    assert choose(MODELS, told, LIMITS).reason.endswith("It is also the simplest candidate.")
    unknown = choose(MODELS, Told({}), Gate(metric="roc_auc"))
    assert unknown.candidate == "baseline"
    assert unknown.reason.startswith("The evaluation visitors tell no ROC AUC")


def test_by_roc_auc_the_candidate_with_the_highest_value_wins():
    told = Told({name: {"roc_auc": Estimate(value, 0)} for name, value in (("baseline", 0.7), ("trees", 0.7 + 1e-9))})
    told.loss = lambda *_, **__: None
    assert choose(MODELS, told, Gate(metric="roc_auc")).candidate == "trees"


def test_a_good_candidate_passes_without_a_reason():
    verdict = judge("logistic", [], VISITORS, Told({"logistic": GOOD}), {"bounces": 0.6, "hour": None}, LIMITS)
    assert (verdict.candidate, verdict.passes, verdict.reasons) == ("logistic", True, [])


def ranking(value, error):
    return Told({"logistic": {"roc_auc": Estimate(value, error**2)}})


@pytest.mark.parametrize(
    ("compared", "features", "reason"),
    [
        (ranking(0.699, 0.01), {}, "ROC AUC 0.699 (0.679 to 0.719) (not great) is below 0.7 (gate.min_roc_auc)"),
        (
            ranking(0.75, 0.1),
            {},
            (
                "ROC AUC 0.750 (0.554 to 0.946) is not shown to be at least 0.6 (gate.min_roc_auc_lower); "
                "with about 36 more buyers among the test visitors it would be"
            ),
        ),
        (Told({}), {}, "the test visitors are all buyers or all none, so nothing can be ranked"),
        (
            Told({"logistic": GOOD}),
            {"hits": 0.97, "bounces": 0.9},
            "hits alone has ROC AUC 0.970: it knows the answer (gate.max_single_feature_roc_auc)",
        ),
        (
            Told({"logistic": GOOD}),
            {"bounces": 0.01},
            "bounces alone has ROC AUC 0.010: it knows the answer (gate.max_single_feature_roc_auc)",
        ),
    ],
)
def test_the_gate_gives_the_reason_with_its_numbers_and_setting(compared, features, reason):
    assert judge("logistic", [], VISITORS, compared, features, LIMITS).reasons == [reason]


def test_the_gate_says_how_many_buyers_are_missing():
    [reason] = judge("logistic", [], Counts(1000, 29), Told({"logistic": GOOD}), {}, LIMITS).reasons
    assert reason == (
        "only 29 of 1000 test visitors bought on a return visit; 30 are needed to judge a model, 1 more "
        "(gate.min_positives)"
    )


def against(name, loss):
    mine, other = {**GOOD, "log_loss": Estimate(0.1, 1e-6)}, {"log_loss": Estimate(0.099, 1e-6)}
    return Told({"logistic": mine, name: other}, {("logistic", name, True): loss})


@pytest.mark.parametrize(("name", "called"), [(CHAMPION, "the champion"), (BEST, "the best champion so far")])
def test_a_challenger_must_be_shown_to_be_no_worse_than_each_champion(name, called):
    assert judge("logistic", [name], VISITORS, against(name, Estimate(-0.002, 1e-6)), {}, LIMITS).passes
    [reason] = judge("logistic", [name], VISITORS, against(name, Estimate(-0.001, 1e-6)), {}, LIMITS).reasons
    assert reason == (
        "log loss 0.1000 (0.0980 to 0.1020) is not shown to be at most 1 % worse (gate.margin) than that of "
        f"{called} on the same visitors, 0.0990 (0.0970 to 0.1010); with about 143 more buyers among the test visitors "
        "it would be"
    )
    [reason] = judge("logistic", [name], VISITORS, against(name, Estimate(0.001, 1e-6)), {}, LIMITS).reasons
    assert reason.endswith("0.0990 (0.0970 to 0.1010)"), "no number of buyers would show it"


def test_a_champion_that_cannot_be_measured_does_not_stop_a_challenger():
    assert judge("logistic", [CHAMPION], VISITORS, Told({"logistic": GOOD}), {}, LIMITS).passes


def test_all_reasons_of_a_rejection_are_given_together():
    told = Told(
        {"logistic": {"roc_auc": Estimate(0.5, 0), "log_loss": Estimate(1, 0)}, CHAMPION: {"log_loss": Estimate(0, 0)}},
        {("logistic", CHAMPION, True): Estimate(1, 0)},
    )
    assert len(judge("logistic", [CHAMPION], Counts(9, 2), told, {"hits": 1.0}, LIMITS).reasons) == 4


def test_a_model_is_better_if_the_whole_interval_of_the_loss_is_below_zero():
    losses = {("new", CHAMPION, False): Estimate(-0.002, 1e-6), ("same", CHAMPION, False): Estimate(-0.001, 1e-6)}
    told = Told({}, losses)
    assert is_better("new", CHAMPION, told, LIMITS)
    assert not is_better("same", CHAMPION, told, LIMITS)
    assert not is_better("unknown", CHAMPION, told, LIMITS)


estimates = st.builds(Estimate, st.floats(0, 1), st.floats(0, 0.1))


@given(estimates, st.none() | st.builds(Estimate, st.floats(-1, 1), st.floats(0, 0.1)), st.integers(0, 100))
def test_the_gate_passes_only_a_candidate_that_meets_every_limit(roc_auc, loss, buyers):
    metrics = {"roc_auc": roc_auc, "log_loss": Estimate(0.1, 0)}
    told = Told({"x": metrics, CHAMPION: metrics}, {("x", CHAMPION, True): loss} if loss else {})
    meets = (
        buyers >= LIMITS.min_positives
        and roc_auc.value >= LIMITS.min_roc_auc
        and max(roc_auc.lower, 0) >= LIMITS.min_roc_auc_lower
        and (loss is None or loss.upper <= 0)
    )
    assert judge("x", [CHAMPION], Counts(1000, buyers), told, {}, LIMITS).passes == meets


@given(st.floats(-1, -1e-3), st.floats(1e-8, 1), st.integers(1, 1000))
def test_with_the_missing_buyers_that_the_gate_names_a_model_would_pass(value, variance, buyers):
    loss = Estimate(value, variance)
    more = more_needed(loss, buyers)
    if more is None:
        assert loss.error > 10 * -value
        return
    assert Estimate(value, variance * buyers / (buyers + more)).upper <= 1e-9
    if more > 1:
        assert Estimate(value, variance * buyers / (buyers + more - 1)).upper > -1e-9
