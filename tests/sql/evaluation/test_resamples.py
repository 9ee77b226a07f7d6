"""The sums from which intervals are computed agree with scikit-learn, with formulas, and with published figures."""

import hashlib

import numpy as np
import pytest
from learning import RUN
from scipy import stats
from sklearn import metrics

from benchmarks import intervals as simulated
from shared.chain.intervals import RESAMPLED, Comparisons, Estimate, Sums

pytestmark = pytest.mark.slow

MARGIN = 0.05
REPLICATES = 18
ON = {**RUN, "split": "test", "margin": MARGIN}


@pytest.fixture(params=[9, 1], ids=["without ties", "with ties"])
def given(request):
    """Return labels, and the probabilities of two models by the model's name."""
    random = np.random.default_rng(4)
    labels = (random.random(47) < 0.3).astype(int)
    one = np.clip(random.normal(0.3 + 0.2 * labels, 0.15), 0, 1).round(request.param)
    other = np.clip(one + random.normal(0, 0.1, 47), 0, 1).round(request.param)
    return labels, {"logistic": one, "trees": other}


def rows(labels, said, repeats=1):
    return [
        {
            **RUN,
            "candidate": name,
            "visitor_id": f"{number:03d}",
            "label": int(label),
            "probability": float(probability),
            "split": "test",
        }
        for name, probabilities in said.items()
        for number, (label, probability) in enumerate(zip(labels, probabilities, strict=True))
        for _ in range(repeats)
    ]


def compared(warehouse) -> Comparisons:
    sums = warehouse.run("evaluation/comparisons", ON)
    return Comparisons([Sums(**row) for row in sums], warehouse.run("evaluation/resamples", {**ON, "replicates": 2}))


def losses(labels, probabilities):
    clipped = probabilities.clip(1e-15, 1 - 1e-15)
    return {
        "log_loss": -np.where(labels == 1, np.log(clipped), np.log(1 - clipped)),
        "brier": (probabilities - labels) ** 2,
    }


def of_mean(values) -> Estimate:
    third = ((values - values.mean()) ** 3).sum() / len(values) ** 3
    return Estimate(values.mean(), values.var(ddof=1) / len(values), third)


def psi(labels, probabilities):
    """Compute DeLong's kernel directly, by comparing every buyer with every visitor who did not buy."""
    buyers, others = probabilities[labels == 1][:, None], probabilities[labels == 0][None, :]
    return (buyers > others) + 0.5 * (buyers == others)


def of_area(kernel) -> Estimate:
    by_buyer, by_other = kernel.mean(axis=1), kernel.mean(axis=0)
    variance = by_buyer.var(ddof=1) / len(by_buyer) + by_other.var(ddof=1) / len(by_other)
    third = stats.moment(by_buyer, 3) / len(by_buyer) ** 2 + stats.moment(by_other, 3) / len(by_other) ** 2
    return Estimate(kernel.mean(), variance, third)


def equal(found: Estimate | None, wanted: Estimate):
    return (found.value, found.variance, found.third) == pytest.approx(
        (wanted.value, wanted.variance, wanted.third), rel=1e-9, abs=1e-15
    )


def test_a_models_metrics_agree_with_scikit_learn_and_their_variances_with_the_formulas(given, warehouse):
    labels, said = given
    warehouse.fill({"evaluation_rows": rows(labels, said)})
    found = compared(warehouse)
    for name, probabilities in said.items():
        assert found.metric("roc_auc", name).value == pytest.approx(metrics.roc_auc_score(labels, probabilities))
        assert found.metric("brier", name).value == pytest.approx(metrics.brier_score_loss(labels, probabilities))
        assert equal(found.metric("roc_auc", name), of_area(psi(labels, probabilities)))
        for metric, values in losses(labels, probabilities).items():
            assert equal(found.metric(metric, name), of_mean(values)), metric


def test_two_models_are_compared_on_the_same_visitors_with_a_margin_and_without(given, warehouse):
    labels, said = given
    warehouse.fill({"evaluation_rows": rows(labels, said)})
    found = compared(warehouse)
    for one, other in (("logistic", "trees"), ("trees", "logistic")):
        for with_margin in (False, True):
            margin = MARGIN if with_margin else 0.0
            kernel = (1 - margin) * psi(labels, said[other]) - psi(labels, said[one])
            assert equal(found.loss("roc_auc", one, other, with_margin=with_margin), of_area(kernel))
            mine, others = losses(labels, said[one]), losses(labels, said[other])
            for metric in mine:
                wanted = of_mean(mine[metric] - (1 + margin) * others[metric])
                assert equal(found.loss(metric, one, other, with_margin=with_margin), wanted), metric


def test_a_visitor_with_a_duplicate_row_counts_once(given, warehouse):
    """Duplicate rows add no information. So the estimates and their variances must be those without duplicates."""
    labels, said = given
    warehouse.fill({"evaluation_rows": rows(labels, said)})
    once = compared(warehouse)
    warehouse.clean()
    warehouse.fill({"evaluation_rows": rows(labels, said, repeats=2)})
    twice = compared(warehouse)
    for name in said:
        for metric, estimate in once.metrics(name).items():
            assert equal(twice.metric(metric, name), estimate), metric


def test_the_variance_agrees_with_the_published_one_for_hanley_and_mcneils_images(warehouse):
    """Stata's manual (roctab) prints a ROC area of 0.8932 for the 109 images, with DeLong's standard error 0.0307."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    labels = np.repeat([0, 1], [sum(normal), sum(abnormal)])
    ratings = np.concatenate([np.repeat(range(1, 6), normal), np.repeat(range(1, 6), abnormal)])
    warehouse.fill({"evaluation_rows": rows(labels, {"reader": ratings / 6})})
    area = compared(warehouse).metric("roc_auc", "reader")
    assert (round(area.value, 4), round(area.error, 4)) == (0.8932, 0.0307)


def weight(visitor: str, replicate: int) -> int:
    if replicate == 0:
        return 1
    digits = hashlib.md5(f"{visitor} {replicate // 8}".encode(), usedforsecurity=False).hexdigest()
    draw = int(digits[4 * (replicate % 8) :][:4], 16)
    return int(stats.poisson.ppf((draw + 0.5) / 65536, 1))


def lift(labels, probabilities, weights, share):
    """Compute the lift of the `share` of the visitors who have the highest probabilities.

    If several visitors at the border of the share have the same probability, each of them counts in part.
    """
    found, left = 0.0, share * weights.sum()
    for value in sorted(set(probabilities), reverse=True):
        same = probabilities == value
        fits = min(left / weights[same].sum(), 1) if weights[same].sum() else 0
        found += fits * (weights * labels)[same].sum()
        left -= fits * weights[same].sum()
    return found / (weights * labels).sum() / share


def resampled(labels, probabilities, weights):
    return [
        metrics.average_precision_score(labels, probabilities, sample_weight=weights),
        *(lift(labels, probabilities, weights, share) for share in (0.05, 0.1, 0.2)),
    ]


def test_bootstrap_replicates_have_the_variance_that_scikit_learn_gives_for_the_same_weights(given, warehouse):
    labels, said = given
    warehouse.fill({"evaluation_rows": rows(labels, said)})
    found = warehouse.run("evaluation/resamples", {**ON, "replicates": REPLICATES})
    weights = np.array([[weight(f"{one:03d}", replicate) for one in range(47)] for replicate in range(REPLICATES + 1)])
    told = {name: np.array([resampled(labels, values, one) for one in weights]) for name, values in said.items()}
    by_pair = {(row["candidate"], row["other"], row["with_margin"]): row for row in found}
    assert len(by_pair) == 6
    for name, values in told.items():
        row = by_pair[name, "", False]
        assert [row[metric] for metric in RESAMPLED] == pytest.approx(values[0].tolist())
        variances = [row[f"{metric}_variance"] for metric in RESAMPLED]
        assert variances == pytest.approx(values[1:].var(axis=0, ddof=1).tolist())
    for one, other, with_margin in by_pair.keys() - {("logistic", "", False), ("trees", "", False)}:
        difference = told[one][:, 0] - (1 - MARGIN * with_margin) * told[other][:, 0]
        row = by_pair[one, other, with_margin]
        assert row["pr_auc"] == pytest.approx(difference[0])
        assert row["pr_auc_variance"] == pytest.approx(difference[1:].var(ddof=1))


def test_the_weights_of_many_visitors_have_a_poisson_distribution_of_mean_one():
    counts = np.bincount([weight(str(one), replicate) for one in range(2000) for replicate in range(1, 9)], minlength=9)
    expected = 16_000 * stats.poisson.pmf(range(4), 1)
    assert counts[:4] == pytest.approx(expected, rel=0.05)


def test_the_simulation_in_benchmarks_gives_the_same_sums(warehouse):
    random = np.random.default_rng(6)
    labels = (random.random(47) < 0.3).astype(int)
    said = {name: random.random(47) for name in ("challenger", "champion")}
    warehouse.fill({"evaluation_rows": rows(labels, said)})
    found = warehouse.run("evaluation/comparisons", {**ON, "margin": simulated.LIMITS.margin})
    by_pair = {(row["candidate"], row["other"], row["with_margin"]): row for row in found}
    mine, others = (simulated.contributions(labels, one) for one in said.values())
    alone = simulated.sums("challenger", labels, mine)
    pair = simulated.sums("challenger", labels, mine, "champion", others)
    for made in (alone, pair):
        row = by_pair[made.candidate, made.other, made.with_margin]
        numbers = {name: value for name, value in row.items() if not isinstance(value, str)}
        assert numbers == pytest.approx({name: vars(made)[name] for name in numbers}, rel=1e-9, abs=1e-12)


def test_without_buyers_only_log_loss_and_brier_score_are_known(warehouse):
    labels = np.zeros(8, dtype=int)
    warehouse.fill({"evaluation_rows": rows(labels, {"logistic": np.linspace(0.1, 0.2, 8)})})
    assert set(compared(warehouse).metrics("logistic")) == {"log_loss", "brier"}


def test_without_visitors_nothing_is_known(warehouse):
    assert compared(warehouse).metrics("logistic") == {}
