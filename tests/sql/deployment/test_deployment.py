"""The statements of a deployment, which export the model and choose the golden rows."""

import math

import pytest
from google.cloud import storage as gcs
from learning import RUN, training_rows

from shared.calibration import IDENTITY
from shared.errors import Permanent
from shared.settings import CANDIDATES

GOLDEN = {**RUN, "rows": 20, **IDENTITY.parameters}

FILES = {
    "BOOSTED_TREE_CLASSIFIER": {"model.bst", "assets/model_metadata.json"},
    # The local BigQuery writes the weights as JSON. BigQuery on Google Cloud writes a TensorFlow SavedModel.
    "LOGISTIC_REGRESSION": {"weights.json"},
}


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_model_is_exported_into_the_runs_folder(candidate, models, warehouse):
    bucket = gcs.Client(warehouse.client.project).bucket(warehouse.settings.bucket)
    folder = f"runs/{candidate}/model/"
    warehouse.run("deployment/export_model", model=candidate, folder=f"gs://{bucket.name}/{folder}")
    names = {blob.name.removeprefix(folder) for blob in bucket.list_blobs(prefix=folder)}
    kind = warehouse.client.get_model(f"{warehouse.settings.dataset}.{candidate}").model_type
    assert names >= FILES[kind]


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_golden_rows_have_the_extreme_probabilities_and_some_between_them(candidate, models, warehouse):
    warehouse.fill({"training_rows": training_rows()})
    of = {**RUN, "candidate": candidate, "split": "test", **IDENTITY.parameters}
    warehouse.run("evaluation/predictions", of, model=candidate)
    said = sorted(row["probability"] for row in warehouse.rows("evaluation_rows"))
    rows = warehouse.run("deployment/golden_rows", GOLDEN, model=candidate)
    golden = [row.pop("expected_probability") for row in rows]
    assert 10 <= len(rows) <= 20
    assert golden == sorted(golden)
    assert golden[:5] == pytest.approx(said[:5], abs=1e-9)
    assert golden[-5:] == pytest.approx(said[-5:], abs=1e-9)
    kept = training_rows()[0].keys() - RUN.keys() - {"split", "visitor_id", "first_day", "will_buy_on_return_visit"}
    assert {frozenset(row) for row in rows} == {frozenset(kept)}
    again = warehouse.run("deployment/golden_rows", GOLDEN, model=candidate)
    assert [row.pop("expected_probability") for row in again] == golden
    assert again == rows


def test_the_weights_give_the_predictions_of_the_model(models, warehouse):
    weights = {row["processed_input"]: row for row in warehouse.run("deployment/weights", model="baseline")}
    assert weights.keys() == {"bounces", "time_on_site", "__INTERCEPT__"}
    warehouse.fill({"training_rows": training_rows()})
    rows = warehouse.run("deployment/golden_rows", GOLDEN, model="baseline")
    for row in rows:
        log_odds = weights["__INTERCEPT__"]["weight"] + sum(
            weights[name]["weight"] * row[name] for name in ("bounces", "time_on_site")
        )
        assert row["expected_probability"] == pytest.approx(1 / (1 + math.exp(-log_odds)), abs=1e-9)


def test_a_category_has_a_weight_for_each_of_its_values(models, warehouse):
    weights = {row["processed_input"]: row for row in warehouse.run("deployment/weights", model="logistic")}
    assert {one["category"] for one in weights["source"]["category_weights"]} >= {"google", "mail", "missing"}
    assert weights["source"]["weight"] is None


def test_without_a_registry_no_model_is_registered(models, warehouse):
    with pytest.raises(Permanent, match="Vertex AI"):
        warehouse.run("deployment/register_model", model="baseline", model_id="propensity")
