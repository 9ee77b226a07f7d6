"""Matrix factorization agrees with a reference that solves its linear systems one by one.

Data from which no factorization can be learned are refused.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.ml import EXPLICIT, IMPLICIT, interactions
from deskcloud.bigquery import ml

EACH = pytest.mark.parametrize("options", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return interactions()


class Dense:
    """A reference implementation with full matrices. It solves one linear system for each user and for each item."""

    def __init__(self, rows: pa.Table, options: dict) -> None:
        users, user = np.unique(rows["user"].to_pylist(), return_inverse=True)
        items, item = np.unique(rows["item"].to_pylist(), return_inverse=True)
        rating = np.zeros((len(users), len(items)))
        rating[user, item] = rows["rating"].to_numpy()
        rated = np.zeros(rating.shape, bool)
        rated[user, item] = True
        if options.get("feedback_type") == "IMPLICIT":
            self.confidence = 1 + options.get("wals_alpha", 40.0) * rating
            self.target = (rating > 0).astype(float)
        else:
            self.confidence = rated.astype(float)
            self.target = rating - rating[rated].mean()
        self.l2 = options.get("l2_reg", 1.0)

    def solve(self, factors, intercepts, *, transposed=False):
        confidence, target = (m.T if transposed else m for m in (self.confidence, self.target))
        design = np.column_stack([factors, np.ones(len(factors))])
        solved = [
            np.linalg.solve(
                design.T @ np.diag(c) @ design + self.l2 * np.eye(design.shape[1]), design.T @ (c * (p - intercepts))
            )
            for c, p in zip(confidence, target, strict=True)
        ]
        return np.array(solved)[:, :-1], np.array(solved)[:, -1]

    def squares(self, model):
        users, items = model.users.vectors, model.items.vectors
        predicted = users.factors @ items.factors.T + users.intercepts[:, np.newaxis] + items.intercepts
        return self.confidence * (self.target - predicted) ** 2

    def objective(self, model):
        sides = (model.users.vectors, model.items.vectors)
        return self.squares(model).sum() + self.l2 * sum((s.factors**2).sum() + (s.intercepts**2).sum() for s in sides)


@EACH
def test_iterations_are_those_of_dense_systems_solved_one_by_one(rows, options, monkeypatch):
    monkeypatch.setattr("deskcloud.bigquery.ml.als.SYSTEMS", 7)
    monkeypatch.setattr("deskcloud.bigquery.ml.als.PAIRS", 100)
    options = options | {"num_factors": 3, "max_iterations": 4, "l2_reg": 0.7}
    dense, model = Dense(rows, options), ml.train(options, rows)

    factors, intercepts = np.random.default_rng(0).standard_normal((20, 3)) / np.sqrt(3), np.zeros(20)
    for _ in range(4):
        user_factors, user_intercepts = dense.solve(factors, intercepts)
        factors, intercepts = dense.solve(user_factors, user_intercepts, transposed=True)

    assert model.items.vectors.factors == pytest.approx(factors, rel=1e-6)
    assert model.items.vectors.intercepts == pytest.approx(intercepts, rel=1e-6)
    assert model.users.vectors.factors == pytest.approx(user_factors, rel=1e-6)
    assert model.users.vectors.intercepts == pytest.approx(user_intercepts, rel=1e-6)


@EACH
def test_the_objective_never_rises(rows, options):
    objectives = [
        Dense(rows, options).objective(ml.train(options | {"num_factors": 4, "max_iterations": count}, rows))
        for count in range(1, 9)
    ]

    assert all(after <= before for before, after in itertools.pairwise(objectives))


@EACH
def test_the_loss_is_the_mean_weighted_squared_error(rows, options):
    options = options | {"num_factors": 2, "max_iterations": 3, **({} if options == EXPLICIT else {"wals_alpha": 5})}
    model, dense = ml.train(options, rows), Dense(rows, options)

    counted = dense.confidence > 0
    assert model.iterations[-1].loss == pytest.approx(dense.squares(model)[counted].mean())
    assert [each.learning_rate for each in model.iterations] == [None] * 3


def test_a_planted_low_rank_structure_is_found_again():
    random = np.random.default_rng(3)
    truth = 2 + random.normal(size=(120, 3)) @ random.normal(size=(3, 50))
    is_rated = random.random(truth.shape) < 0.5
    user, item = np.nonzero(is_rated)
    rows = pa.table({"user": user, "item": item, "rating": truth[user, item]})
    model = ml.train(EXPLICIT | {"num_factors": 3, "l2_reg": 0.01, "max_iterations": 40}, rows)

    user, item = np.nonzero(~is_rated)
    predicted = ml.recommendation.recommend(model, pa.table({"user": user, "item": item}))
    errors = predicted["predicted_rating"].to_numpy() - truth[user, item]
    assert errors.std() < 0.02 * truth.std()


def test_implicit_feedback_ranks_the_items_of_the_users_group_first():
    random = np.random.default_rng(5)
    user, item = np.nonzero(random.random((60, 30)) < np.kron(np.eye(3), np.full((20, 10), 0.5)))
    rows = pa.table({"user": user, "item": item, "rating": np.ones(len(user))})
    model = ml.train(IMPLICIT | {"num_factors": 4, "wals_alpha": 10}, rows)

    every = ml.recommendation.recommend(model, ml.recommendation.all_users(model))
    scores = every["predicted_rating_confidence"].to_numpy().reshape(60, 30)
    best = np.argsort(-scores, axis=1)[:, :10]
    assert (best // 10 == np.arange(60)[:, np.newaxis] // 20).mean() > 0.97


@EACH
def test_the_order_of_the_rows_does_not_matter(rows, options):
    options = options | {"max_iterations": 3, "data_split_method": "RANDOM", "data_split_eval_fraction": 0.1}
    one, other = (ml.train(options, rows.take(np.random.default_rng(seed).permutation(len(rows)))) for seed in (1, 2))

    assert one.measures == other.measures
    assert [each.loss for each in one.iterations] == [each.loss for each in other.iterations]
    assert ml.recommendation.weights(one).equals(ml.recommendation.weights(other))


def test_the_number_of_factors_is_log2_of_the_rows_from_two_on(rows):
    assert ml.train(EXPLICIT, rows).training_options["numFactors"] == str(int(math.log2(len(rows))))
    assert ml.train(EXPLICIT, rows.slice(0, 3)).training_options["numFactors"] == "2"


def test_early_stop_ends_when_the_loss_hardly_falls(rows):
    model = ml.train(EXPLICIT | {"early_stop": True, "min_rel_progress": 0.05, "max_iterations": 50}, rows)

    losses = [each.loss for each in model.iterations]
    falls = [(before - after) / before for before, after in itertools.pairwise(losses)]
    assert 2 < len(losses) < 50
    assert falls[-1] < 0.05 <= min(falls[:-1])


@EACH
def test_held_out_rows_are_used_for_evaluation_and_not_for_training(rows, options):
    held_out = np.arange(len(rows)) % 5 == 0
    split = rows.append_column("later", pa.array(held_out))
    options = options | {"num_factors": 2, "max_iterations": 3}
    model = ml.train(options | {"data_split_method": "CUSTOM", "data_split_col": "later"}, split)

    alone = ml.train(options, rows.filter(pa.array(~held_out)))
    assert ml.recommendation.weights(model).equals(ml.recommendation.weights(alone))
    assert (model.training_rows, model.evaluation_rows) == (sum(~held_out), sum(held_out))
    assert ml.recommendation.evaluate(model).equals(ml.recommendation.evaluate(alone, rows.filter(pa.array(held_out))))
    assert all(each.eval_loss is not None for each in model.iterations)
    if not model.is_implicit:
        assert model.iterations[-1].eval_loss == pytest.approx(model.measures["mean_squared_error"])


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("user", ["a", None, "c"]),
        ("item", pa.array([1, None, 3])),
        ("rating", [1.0, None, 3.0]),
    ],
)
def test_a_null_is_refused_with_the_columns_name(column, values):
    rows = {"user": ["a", "b", "c"], "item": pa.array([1, 2, 3]), "rating": [1.0, 2.0, 3.0]} | {column: values}

    with pytest.raises(ml.MLError, match=f"Column '{column}' has 1 NULLs: .*WHERE {column} IS NOT NULL"):
        ml.train(EXPLICIT, pa.table(rows))


@pytest.mark.parametrize(
    ("options", "columns", "message"),
    [
        (
            {},
            {"user": ["a", "a"], "item": [1, 1], "rating": [1.0, 2.0]},
            "1 rows repeat the 'user' and 'item' of another row",
        ),
        ({}, {"user": ["a"], "item": [1], "rating": [math.nan]}, "Rating column 'rating' has NaN"),
        ({}, {"user": ["a"], "item": [1], "rating": ["x"]}, "RATING_COL 'rating' is STRING; it must be one of"),
        ({}, {"user": ["a"], "item": [1]}, "RATING_COL 'rating' is not in the query's result, which has: user, item"),
        ({}, {"item": [1], "rating": [1.0]}, "USER_COL 'user' is not in the query's result"),
        ({"item_col": "sku"}, {"user": ["a"], "item": [1], "rating": [1.0]}, "ITEM_COL 'sku' is not in"),
        ({}, {"user": [["a"]], "item": [1], "rating": [1.0]}, "USER_COL 'user' is ARRAY; it must be one of"),
        (
            {},
            {"user": ["a"], "item": [1], "rating": [1.0], "day": [1], "hour": [2]},
            "must give exactly USER_COL, ITEM_COL and RATING_COL.*also gives day, hour",
        ),
        (
            {},
            {"user": pa.array([], pa.string()), "item": pa.array([], pa.int64()), "rating": pa.array([], pa.float64())},
            "no row to train on",
        ),
        (
            {},
            {"user": ["a", "a"], "item": [1, 2], "rating": [1e200, 1.0]},
            r"ratings of up to 1e\+200 and L2_REG=1: scale the ratings nearer to 1",
        ),
        (
            {"l2_reg": 1e-300},
            {"user": ["a", "a"], "item": [1, 2], "rating": [2.0, 1.0]},
            "L2_REG=1e-300: .* raise L2_REG",
        ),
        (
            {"feedback_type": "IMPLICIT"},
            {"user": ["a"], "item": [1], "rating": [-1.0]},
            r"1 \+ WALS_ALPHA \* rating must not be negative; it is for 1 rows",
        ),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused(options, columns, message):
    with pytest.raises(ml.MLError, match=message):
        ml.train(EXPLICIT | options, pa.table(columns))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_factors": 1}, "NUM_FACTORS must be an INT64 from 2 to 200; got 1"),
        ({"num_factors": 201}, "NUM_FACTORS must be an INT64 from 2 to 200; got 201"),
        ({"feedback_type": "BOTH"}, "FEEDBACK_TYPE must be one of 'EXPLICIT', 'IMPLICIT'; got 'BOTH'"),
        ({"wals_alpha": 4}, "WALS_ALPHA needs FEEDBACK_TYPE='IMPLICIT'"),
        ({"feedback_type": "implicit", "wals_alpha": -1}, "WALS_ALPHA must be a FLOAT64 of at least 0"),
        ({"l2_reg": 0}, "L2_REG must be a FLOAT64 above 0"),
        ({"user_col": "ITEM"}, "USER_COL, ITEM_COL, RATING_COL and DATA_SPLIT_COL must be different"),
        ({"learn_rate": 0.1}, "LEARN_RATE is not supported for model type MATRIX_FACTORIZATION"),
        ({"labels": ["rating"]}, "LABELS is not supported for model type MATRIX_FACTORIZATION"),
        ({"input_label_cols": ["rating"]}, "INPUT_LABEL_COLS is not supported for model type MATRIX_FACTORIZATION"),
        ({"data_split_method": "SEQ"}, "DATA_SPLIT_METHOD='SEQ' needs DATA_SPLIT_COL"),
    ],
)
def test_an_option_that_is_wrong_is_named(rows, options, message):
    with pytest.raises(ml.MLError, match=message):
        ml.train(EXPLICIT | options, rows)


def test_a_rating_below_zero_is_weak_evidence_against():
    user, item = np.nonzero(np.ones((6, 4)))
    ratings = np.where((user + item) % 2, 1.0, -0.01)
    options = IMPLICIT | {"num_factors": 2, "max_iterations": 3}
    model = ml.train(options, pa.table({"user": user, "item": item, "rating": ratings}))

    dense = Dense(pa.table({"user": user, "item": item, "rating": ratings}), options)
    assert model.iterations[-1].loss == pytest.approx(dense.squares(model).mean())


IDS = {
    pa.string(): st.text(max_size=5),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_infinity=False).map(lambda value: value + 0.0),
    pa.bool_(): st.booleans(),
    pa.binary(): st.binary(max_size=4),
    pa.date32(): st.dates(),
    pa.timestamp("us", tz="UTC"): st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)),  # noqa: DTZ001
    pa.time64("us"): st.times(),
    pa.decimal128(38, 9): st.decimals(-(10**9), 10**9, places=9),
    pa.decimal256(76, 38): st.decimals(-(10**9), 10**9, places=30),
}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), user_type=st.sampled_from(list(IDS)), item_type=st.sampled_from(list(IDS)))
def test_ids_may_have_any_type_by_which_rows_can_be_grouped(data, user_type, item_type):
    pairs = data.draw(st.lists(st.tuples(IDS[user_type], IDS[item_type]), min_size=1, max_size=8, unique_by=repr))
    user, item = (pa.array([pair[side] for pair in pairs], type_) for side, type_ in enumerate((user_type, item_type)))
    rows = pa.table({"user": user, "item": item, "rating": np.arange(1, len(pairs) + 1)})
    model = ml.train(IMPLICIT | {"max_iterations": 2}, rows)

    every = ml.recommendation.recommend(model, ml.recommendation.all_users(model))
    assert every.num_rows == len(model.users.ids) * len(model.items.ids)
    assert (every["user"].type, every["item"].type) == (user_type, item_type)
    again = ml.recommendation.recommend(model, every.select(["user", "item"]))
    assert again["predicted_rating_confidence"].to_numpy() == pytest.approx(
        every["predicted_rating_confidence"].to_numpy()
    )
    assert ml.recommendation.weights(model).num_rows == len(model.users.ids) + len(model.items.ids) + 1


def test_zero_and_negative_zero_are_the_same_id():
    rows = pa.table({"user": [0.0, -0.0], "item": [1, 2], "rating": [1.0, 1.0]})
    model = ml.train(IMPLICIT | {"max_iterations": 1}, rows)

    assert len(model.users.ids) == 1
    assert ml.recommendation.recommend(model, pa.table({"user": [-0.0], "item": [1]})).column(0)[0].as_py() > 0
