"""The report's statements for correlations, sample rows, and contributions of features to a model's scores."""

import numpy as np
import pytest
from learning import RUN, training_rows

from shared.calibration import IDENTITY
from shared.settings import CANDIDATES

LABEL = "will_buy_on_return_visit"
TEST = {**RUN, "split": "test"}


def filled(warehouse):
    rows = training_rows()
    warehouse.fill({"training_rows": [*rows, {**rows[0], "run_id": "20170810-ffffffff"}]})
    return rows


def test_correlations_agree_with_numpy(warehouse):
    rows = filled(warehouse)
    found = {
        (row["feature"], row["other_feature"]): row["correlation"] for row in warehouse.run("report/correlations", RUN)
    }
    numbers = [name for name, value in rows[1].items() if isinstance(value, int)]
    assert {name for pair in found for name in pair} == set(numbers)
    assert len(found) == len(numbers) * (len(numbers) - 1) / 2
    for (one, other), correlation in found.items():
        known = [(row[one], row[other]) for row in rows if row[one] is not None and row[other] is not None]
        if {"products_viewed", "products_added"} & {one, other}:
            assert correlation is None or np.isnan(correlation)
            continue
        assert correlation == pytest.approx(np.corrcoef(np.array(known, float).T)[0, 1], abs=1e-9), (one, other)


def test_the_sample_rows_name_no_visitor_and_are_always_the_same(warehouse):
    rows = filled(warehouse)
    shown = warehouse.run("report/head", {**RUN, "rows": 4})
    assert len(shown) == 4
    assert set(shown[0]) == set(rows[0]) - {*RUN, "split", "visitor_id", "first_day"}
    assert warehouse.run("report/head", {**RUN, "rows": 4}) == shown


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_the_strength_of_a_feature_is_its_mean_effect_on_the_scores_of_test_visitors(candidate, models, warehouse):
    filled(warehouse)
    drivers = warehouse.run("report/drivers", {**RUN, "rows": 50}, model=candidate)
    model = warehouse.client.get_model(f"{warehouse.settings.dataset}.{candidate}")
    assert {row["feature"] for row in drivers} == {column.name for column in model.feature_columns}
    assert {row["visitors"] for row in drivers} == {50}
    assert [row["strength"] for row in drivers] == sorted((row["strength"] for row in drivers), reverse=True)
    assert drivers[0]["strength"] > 0
    assert all(0 <= row["share_upwards"] <= 1 for row in drivers)


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_the_examples_are_test_visitors_with_extreme_scores_and_are_not_named(candidate, models, warehouse):
    filled(warehouse)
    warehouse.run("evaluation/predictions", {**TEST, "candidate": candidate, **IDENTITY.parameters}, model=candidate)
    said = sorted((row["probability"] for row in warehouse.rows("evaluation_rows")), reverse=True)
    examples = warehouse.run("report/examples", {**RUN, "candidate": candidate, "rows": 3}, model=candidate)
    assert [(row["is_likely"], row["place"]) for row in examples] == [
        (way, place) for way in (True, False) for place in (1, 2, 3)
    ]
    assert [row["probability"] for row in examples] == pytest.approx([*said[:3], *said[:-4:-1]], abs=1e-9)
    for row in examples:
        assert not {"visitor_id", "first_day", "run_id", LABEL} & row.keys()
        assert 1 <= len(row["reasons"]) <= 3
        assert {reason["feature"] for reason in row["reasons"]} <= row.keys()
    # The strongest contribution for a likely buyer is positive, even if the model predicts the class "does not buy".
    assert examples[0]["reasons"][0]["moved"] > 0
