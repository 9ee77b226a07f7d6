"""Distances between distributions agree with BigQuery's published values, and with SciPy."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.distance import jensenshannon

from desk.ml import LOGISTIC, TREES, sessions
from deskcloud.bigquery import ml
from deskcloud.bigquery.ml import distributions
from deskcloud.bigquery.ml.columns import Columns, Feature
from deskcloud.bigquery.ml.distributions import Numbers

OBSERVED = json.loads((Path(__file__).parents[1] / "data/monitoring/body_mass.json").read_text())
MASSES = [float(mass) for mass, count in OBSERVED["values"].items() for _ in range(count)]


def drift(base, study, **options):
    report = ml.validate_data_drift(pa.table(base), pa.table(study), **options)
    assert report.column_names == ["input", "metric", "threshold", "value", "is_anomaly"]
    return {row.pop("input"): row for row in report.to_pylist()}


def value(base, study, **options):
    return drift({"x": base}, {"x": study}, **options)["x"]["value"]


def histogram(numbers, buckets=10):
    table = Columns(pa.table({"x": pa.array(numbers, pa.float64())}))
    return distributions.values(table, Feature("x", "FLOAT64")).distribution(buckets)


def test_a_histogram_agrees_with_one_that_bigquery_computed():
    found = histogram([*MASSES, None])

    assert found.edges == OBSERVED["histogram"]["edges"]
    assert found.counts == pytest.approx(OBSERVED["histogram"]["counts"], abs=1e-9)


def test_a_divergence_agrees_with_one_that_bigquery_computed():
    found = distributions.jensen_shannon(histogram(MASSES), Numbers(**OBSERVED["other"]))

    assert found == pytest.approx(OBSERVED["divergence"], abs=5e-7)


def spread(numbers, buckets):
    """Return the edges and the counts of a histogram of the numbers.

    The histogram is computed from quantiles. The numbers between two neighbouring quantiles are spread evenly between
    these quantiles.
    """
    ordered = sorted(numbers)
    ranks = [max(-(-k * len(ordered) // (100 * buckets)) - 1, 0) for k in range(100 * buckets + 1)]
    points = [ordered[rank] for rank in ranks]
    width = (points[-1] - points[0]) / buckets
    edges = [points[0] + i * width for i in range(buckets)] + [points[-1]]
    counts = np.zeros(buckets)
    for low, high in pairwise(points):
        for i, (left, right) in enumerate(pairwise(edges)):
            if high == low:
                counts[i] += left < low <= right or (i == 0 and low == left)
            else:
                counts[i] += max(min(high, right) - max(low, left), 0) / (high - low)
    return edges, counts * len(numbers) / len(ranks[1:])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("buckets", [1, 10, 17])
def test_the_distance_of_numbers_is_scipys_divergence_of_their_histograms(seed, buckets):
    random = np.random.default_rng(seed)
    base = random.poisson(3, 400).astype(float) if seed % 2 else random.lognormal(0, 1, 400)
    study = base[:150] * 1.3 + seed
    sides = [spread(side.tolist(), buckets) for side in (base, study)]
    edges = sorted({*sides[0][0], *sides[1][0]})
    cut = [
        [
            sum(
                n * max(min(b, right) - max(a, left), 0) / (b - a)
                for (a, b), n in zip(pairwise(own), counts, strict=True)
            )
            for left, right in pairwise(edges)
        ]
        for own, counts in sides
    ]
    expected = jensenshannon(*cut, base=2) ** 2
    assert value(base, study, num_histogram_buckets=buckets) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_distance_of_categories_is_the_largest_difference_of_shares_or_scipys_divergence(seed):
    random = np.random.default_rng(seed)
    sides = [random.choice(list("abcdef"), size, p=random.dirichlet([1] * 6)).tolist() for size in (500, 90)]
    shares = [np.array([side.count(name) / len(side) for name in "abcdef"]) for side in sides]

    assert value(*sides) == pytest.approx(np.abs(shares[0] - shares[1]).max())
    found = value(*sides, categorical_metric_type="JENSEN_SHANNON_DIVERGENCE")
    assert found == pytest.approx(jensenshannon(*shares, base=2) ** 2)


def test_only_the_most_frequent_categories_are_compared():
    base = ["a"] * 6 + ["b"] * 3 + ["c"]
    study = ["a"] * 6 + ["d"] * 3 + ["c"]

    assert value(base, study) == pytest.approx(0.3)
    # Only the two most frequent categories of each side remain. They have 6 and 3 of the nine values that remain.
    assert value(base, study, num_rank_histogram_buckets=2) == pytest.approx(3 / 9)
    assert value(base, study, num_rank_histogram_buckets=1) == 0


def test_nulls_are_left_out_on_both_sides():
    assert value(["a", "b", None, None, None], ["a", "b"]) == 0
    assert value([1.0, 2.0, None], [1.0, 2.0]) == pytest.approx(0)


def test_a_single_number_shares_a_bucket_only_with_itself():
    assert value([5, 5, 5], [5]) == 0
    assert value([5, 5, 5], [4, 5, 6]) == 1
    assert value([5, 5], [6, 6]) == 1


def test_nan_and_infinity_have_buckets_that_the_two_sides_do_not_share():
    # One of the first side's eight values is in a bucket of its own, so the distributions are (7/8, 1/8) and (1, 0).
    expected = jensenshannon([7, 1], [8, 0], base=2) ** 2
    numbers = [float(x) for x in range(7)]
    assert value([*numbers, float("nan")], numbers) == pytest.approx(expected)
    assert value([*numbers, float("-inf")], numbers) == pytest.approx(expected)
    assert value([float("nan")], [float("nan")]) == 1


@pytest.mark.parametrize("type_", [pa.int64(), pa.decimal128(38, 9), pa.decimal256(76, 38), pa.float64()])
def test_numbers_of_all_types_are_compared_as_float64(type_):
    base, study = (pa.array(numbers, pa.int64()).cast(type_) for numbers in ([1, 2, 3, 4], [2, 3, 4, 5]))
    assert value(base, study) == value([1.0, 2, 3, 4], [2.0, 3, 4, 5])


@pytest.mark.parametrize("type_", [pa.bool_(), pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.binary()])
def test_other_types_are_categories(type_):
    few = pa.array([0, 1, 1, 0], pa.int64())
    made = (
        few.cast(pa.string()).cast(type_)
        if type_ == pa.binary()
        else few.cast(pa.int32()).cast(type_ if type_ in {pa.bool_(), pa.date32()} else pa.int64()).cast(type_)
    )
    assert drift({"x": made}, {"x": made[:3]})["x"]["metric"] == "L_INFTY"
    assert value(made, made[:3]) == pytest.approx(1 / 6)


def test_bytes_that_are_no_utf8_are_one_category():
    assert value(pa.array([b"\xff", b"\xfe", b"a"]), pa.array([b"\xfd", b"a"])) == pytest.approx(1 / 6)


def test_arrays_are_unnested_and_structs_expanded():
    base = {"a": pa.array([["x", "y"], [], ["x"]]), "s": pa.array([{"n": 1, "t": "u"}] * 3)}
    study = {"a": pa.array([["x"], ["y"]]), "s": pa.array([{"n": 1, "t": "v"}] * 2)}

    found = drift(base, study)
    assert {name: row["value"] for name, row in found.items()} == {
        "a": pytest.approx(1 / 6),
        "s_n": 0,
        "s_t": 1,
    }
    sparse = pa.array([[(0, 1.0), (4, 2.0)]], pa.list_(pa.struct({"index": pa.int64(), "value": pa.float64()})))
    assert value(sparse, sparse) == pytest.approx(0)


def test_columns_are_matched_by_name_without_case_and_reported_by_name():
    base = {"b": [1, 2], "A": ["x", "y"], "only_here": [1, 1]}
    study = {"a": ["x", "x"], "B": [1, 2], "only_there": [1, 1]}
    assert list(drift(base, study)) == ["A", "b"]


def test_a_column_of_another_type_is_left_out_or_has_no_category_in_common():
    assert drift({"x": [1, 2]}, {"x": ["a", "b"]}) == {}
    assert value(["a", "a", "b", "c"], [1, 2]) == 0.5
    assert drift({"x": ["a"]}, {"x": [1]}, categorical_metric_type="JENSEN_SHANNON_DIVERGENCE") == {}


def test_columns_without_values_have_no_divergence_and_no_category():
    nothing = pa.array([], pa.float64())
    assert drift({"x": nothing}, {"x": [1.0]}) == drift({"x": [1.0]}, {"x": nothing}) == {}
    assert value(pa.array([None, None], pa.string()), ["a", "b", "b"]) == pytest.approx(2 / 3)
    assert value(pa.array([], pa.string()), pa.array([], pa.string())) == 0


def test_a_difference_above_the_columns_threshold_is_an_anomaly():
    base = {"n": [1.0, 2, 3, 4], "c": ["a", "a", "b", "b"], "d": ["a", "a", "b", "b"]}
    study = {"n": [2.0, 3, 4, 9], "c": ["a", "b", "b", "b"], "d": ["a", "b", "b", "b"]}

    assert {name: row["threshold"] for name, row in drift(base, study).items()} == {"c": 0.3, "d": 0.3, "n": 0.3}
    found = drift(
        base, study, categorical_default_threshold=0.25, numerical_default_threshold=0, thresholds=[("D", 0.2)]
    )
    assert {name: (row["threshold"], row["is_anomaly"]) for name, row in found.items()} == {
        "c": (0.25, False),
        "d": (0.2, True),
        "n": (0.0, True),
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"categorical_default_threshold": 1}, "CATEGORICAL_DEFAULT_THRESHOLD must be a FLOAT64 .* got 1"),
        ({"numerical_default_threshold": -0.1}, "NUMERICAL_DEFAULT_THRESHOLD must be .* below 1; got -0.1"),
        ({"numerical_default_threshold": None}, "got None"),
        (
            {"categorical_metric_type": "L_INTFY"},
            "CATEGORICAL_METRIC_TYPE must be L_INFTY or JENSEN_SHANNON_DIVERGENCE",
        ),
        (
            {"numerical_metric_type": "L_INFTY"},
            "NUMERICAL_METRIC_TYPE must be JENSEN_SHANNON_DIVERGENCE; got 'L_INFTY'",
        ),
        ({"num_histogram_buckets": 0}, "NUM_HISTOGRAM_BUCKETS must be an INT64 from 1 to 1000; got 0"),
        ({"num_rank_histogram_buckets": 10_001}, "NUM_RANK_HISTOGRAM_BUCKETS must be an INT64 from 1 to 10000"),
        ({"num_values_histogram_buckets": 1.5}, "NUM_VALUES_HISTOGRAM_BUCKETS must be an INT64"),
        ({"thresholds": [("y", 0.1)]}, "THRESHOLDS names 'y', which is not a compared column; compared columns: x"),
        ({"thresholds": [("x", 1.0)]}, "THRESHOLDS OF 'X' must be a FLOAT64"),
        ({"thresholds": 0.3}, "THRESHOLDS must be an ARRAY<STRUCT<STRING, FLOAT64>>; got 0.3"),
    ],
)
def test_a_wrong_option_is_named_with_its_rule(options, message):
    with pytest.raises(ml.MLError, match=message):
        value([1.0, 2.0], [1.0, 2.0], **options)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[{"a": "x", "b": 1}]]), "ARRAY<STRUCT<STRING, INT64>>; of structs, BigQuery takes only"),
        (pa.array([[[1]]]), "'x' holds ARRAY, for which BigQuery computes no statistics"),
    ],
)
def test_a_type_without_statistics_is_refused_by_name(column, message):
    with pytest.raises(ml.MLError, match=message):
        value(column, column)


@pytest.fixture(scope="module", params=[LOGISTIC, TREES], ids=["logistic", "trees"])
def model(request):
    return ml.train(request.param | {"data_split_method": "NO_SPLIT"}, sessions())


def test_a_model_keeps_the_distributions_of_its_training_rows(model, tmp_path):
    rows = sessions()
    model.save(tmp_path / "model")
    loaded = ml.load(tmp_path / "model")

    report = ml.validate_data_skew(loaded, rows).to_pylist()
    assert [row["input"] for row in report] == ["bounces", "mobile", "seconds", "source"]
    assert max(abs(row["value"]) for row in report) < 1e-9
    assert not any(row["is_anomaly"] for row in report)
    study = sessions(seed=1).slice(0, 500)
    features = ["bounces", "seconds", "source", "mobile"]
    assert ml.validate_data_skew(loaded, study) == ml.validate_data_drift(rows.select(features), study)


def test_skew_compares_the_features_that_the_rows_have(model):
    few = pa.table({"SOURCE": ["mail"] * 10, "other": [1] * 10})
    (row,) = ml.validate_data_skew(model, few, thresholds=[("source", 0.9)]).to_pylist()
    assert (row["input"], row["metric"], row["threshold"], row["is_anomaly"]) == ("source", "L_INFTY", 0.9, True)


def test_a_model_made_before_distributions_were_kept_must_be_retrained(model, tmp_path):
    model.save(tmp_path)
    text = json.loads((tmp_path / "model.json").read_text())
    del text["distributions"]
    (tmp_path / "model.json").write_text(json.dumps(text))

    former = ml.load(tmp_path)
    assert ml.predict(former, sessions()).num_rows == 2000
    with pytest.raises(ml.MLError, match="retrain it with CREATE OR REPLACE MODEL"):
        ml.validate_data_skew(former, sessions())
