"""Each candidate is trained by its own statement."""

import pytest
from learning import RUN, training_rows

from shared.errors import Permanent
from shared.settings import CANDIDATES

KNOWN = {"run_id", "created_on", "split", "visitor_id", "first_day", "will_buy_on_return_visit"}
FEATURES = sorted(training_rows()[0].keys() - KNOWN)
# Maps each candidate that does not use all features to its inputs.
INPUTS = {"baseline": ["bounces", "time_on_site"]}


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_candidate_is_trained_on_features_alone_and_has_training_statistics(candidate, models, warehouse):
    [statistics] = warehouse.run("deployment/training_statistics", model=candidate)
    assert [feature["input"] for feature in statistics["features"]] == INPUTS.get(candidate, FEATURES)
    iterations = statistics["iterations"]
    assert [row["iteration"] for row in iterations] == list(range(len(iterations)))
    assert iterations[-1]["loss"] < iterations[0]["loss"]
    assert all(row["eval_loss"] is not None for row in iterations)
    [metrics] = statistics["evaluation"]
    assert 0.5 < metrics["roc_auc"] <= 1


def losses(warehouse, model):
    [statistics] = warehouse.run("deployment/training_statistics", model=model)
    return [row["loss"] for row in statistics["iterations"]]


def test_boosted_trees_are_trained_for_the_maximum_number_of_iterations(models, warehouse):
    assert len(losses(warehouse, "boosted_trees")) == 60


def test_training_again_replaces_the_model(models, warehouse):
    warehouse.fill({"training_rows": training_rows()})
    before = losses(warehouse, "baseline")
    warehouse.run("models/baseline", RUN, model="baseline")
    assert losses(warehouse, "baseline") == before


def test_rows_of_another_run_are_not_used_for_training(models, warehouse):
    warehouse.fill({"training_rows": training_rows()})
    other = {**RUN, "run_id": "20170810-ffffffff"}
    with pytest.raises(Permanent, match="The query returns no rows to train on"):
        warehouse.run("models/baseline", other, model="of_no_rows")
