"""The embedded scorer of each candidate, which is built from the model's metadata, agrees with ML.PREDICT."""

import json
import math

import pytest
from google.cloud import bigquery
from google.cloud import storage as gcs
from hypothesis import given, settings
from hypothesis import strategies as st
from learning import training_rows

from shared import embedded_scorer, jsontext
from shared.chain import exported_booster, scorer_artefact
from shared.settings import CANDIDATES

NUMBERS = (
    "bounces",
    "time_on_site",
    "pageviews",
    "hits",
    "furthest_step",
    "products_viewed",
    "products_added",
    "hour",
)
CATEGORIES = ("weekday", "source", "medium", "channel", "device", "country")
# All kinds of values that an input of a model can have. NaN and infinity are left out, because JSON does not have them.
number = st.none() | st.integers(-5, 500) | st.floats(-3e38, 3e38) | st.sampled_from([0.5, -0.0, 1e-40, 2.0**53 + 1])
seen = sorted({row[name] for row in training_rows() for name in CATEGORIES})
category = st.none() | st.sampled_from([*seen, "never seen", "", "_null_filler", "Ünïcode ✓"])
visitor = st.fixed_dictionaries(dict.fromkeys(NUMBERS, number) | dict.fromkeys(CATEGORIES, category))


@pytest.fixture(scope="session")
def scorers(models, whole_warehouse):
    return {candidate: scorer(candidate, whole_warehouse) for candidate in CANDIDATES}


def scorer(candidate, warehouse):
    [statistics] = warehouse.run("deployment/training_statistics", model=candidate)
    means = {feature["input"]: feature["mean"] for feature in statistics["features"]}
    model = warehouse.client.get_model(f"{warehouse.settings.dataset}.{candidate}")
    if model.model_type == "LOGISTIC_REGRESSION":
        artefact = scorer_artefact.from_weights(warehouse.run("deployment/weights", model=candidate), means)
        return embedded_scorer.load(embedded_scorer.read(jsontext.encode(artefact)))
    folder = "runs/scorers/model/"
    bucket = gcs.Client(warehouse.client.project).bucket(warehouse.settings.bucket)
    warehouse.run("deployment/export_model", model=candidate, folder=f"gs://{bucket.name}/{folder}")
    files = {blob.name.removeprefix(folder): blob.download_as_bytes() for blob in bucket.list_blobs(prefix=folder)}
    names = [column.name for column in model.feature_columns]
    vocabularies = {
        position: scorer_artefact.vocabulary(files[f"assets/{position}.txt"])
        for position in range(len(names))
        if f"assets/{position}.txt" in files
    }
    inputs = {name: means[name] for name in names}
    artefact = scorer_artefact.from_booster(exported_booster.read(files["model.bst"]), inputs, vocabularies)
    return embedded_scorer.load(embedded_scorer.read(jsontext.encode(artefact)))


def predicted(warehouse, candidate, rows):
    """Return the probability of each row by ML.PREDICT. One statement predicts all rows."""
    columns = [f"cast(json_value(visitor, '$.{name}') as float64) as {name}" for name in NUMBERS]
    columns += [f"json_value(visitor, '$.{name}') as {name}" for name in CATEGORIES]
    statement = f"""
        select p.prob as probability
        from ml.predict(
            model {warehouse.settings.dataset}.{candidate},
            (
                select {", ".join(columns)}, position
                from unnest(@visitors) as visitor with offset as position
            )
        ),
        unnest(predicted_will_buy_on_return_visit_probs) as p
        where p.label = 1
        order by position"""  # noqa: S608 - the statement contains only our own names
    visitors = bigquery.ArrayQueryParameter("visitors", "STRING", [json.dumps(row) for row in rows])
    config = bigquery.QueryJobConfig(query_parameters=[visitors])
    return [row["probability"] for row in warehouse.client.query_and_wait(statement, job_config=config)]


@pytest.mark.parametrize("candidate", CANDIDATES)
@settings(max_examples=5, deadline=None)
@given(rows=st.lists(visitor, min_size=40, max_size=60))
def test_the_embedded_scorer_agrees_with_ml_predict_for_any_visitor(candidate, rows, scorers, whole_warehouse):
    said = predicted(whole_warehouse, candidate, rows)
    assert len(said) == len(rows)
    for row, probability in zip(rows, said, strict=True):
        assert scorers[candidate].probability(row) == pytest.approx(probability, abs=1e-6)


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_both_give_the_same_probability_for_a_visitor_without_any_known_feature(candidate, scorers, whole_warehouse):
    [said] = predicted(whole_warehouse, candidate, [{}])
    assert not math.isclose(said, 0.5)
    assert scorers[candidate].probability({}) == pytest.approx(said, abs=1e-6)
