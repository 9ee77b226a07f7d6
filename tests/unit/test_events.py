"""Events are converted to JSON and back. JSON that is not a valid event is refused."""

import json
import re
from dataclasses import FrozenInstanceError, fields
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Malformed
from shared.events import (
    EVENTS,
    RUN_ID,
    DataRefreshed,
    FeaturesBuilt,
    ModelRejected,
    TrainingFailed,
    TrainingProgressed,
    VisitorsScored,
)

RUN = "20170801-0a1b2c3d"
run_ids = st.from_regex(r"[0-9]{8}-[0-9a-f]{8}", fullmatch=True)
attempts = st.integers(1, 9)
st.register_type_strategy(date, st.dates())


def events():
    kinds = sorted(EVENTS.values(), key=lambda kind: kind.topic)
    return st.one_of([st.builds(kind, run_id=run_ids, **of_its_own(kind)) for kind in kinds])


def of_its_own(kind):
    return {"attempt": attempts} if "attempt" in {field.name for field in fields(kind)} else {}


@given(events())
def test_an_event_is_unchanged_after_conversion_to_json_and_back(event):
    assert EVENTS[event.topic].from_json(json.loads(json.dumps(event.to_json()))) == event


def test_an_event_is_json_of_its_fields():
    event = VisitorsScored(RUN, date(2017, 8, 1), "3")
    assert event.to_json() == {"run_id": RUN, "day": "2017-08-01", "version": "3"}


def test_topics_are_the_classes_names_in_kebab_case():
    for topic, kind in EVENTS.items():
        assert topic == kind.topic == re.sub(r"(?<=.)([A-Z])", r"-\1", kind.__name__).lower()


def test_a_field_with_a_default_may_be_left_out():
    assert TrainingProgressed.from_json({"run_id": RUN}) == TrainingProgressed(RUN, 1)
    assert DataRefreshed.from_json({"run_id": RUN, "as_of": "2017-08-01"}).reason == ""


def test_a_step_has_one_outcome_per_run_or_per_attempt_at_training():
    assert FeaturesBuilt(RUN, date(2017, 8, 1)).recorded_as("train_models") == "train_models"
    assert TrainingProgressed(RUN).recorded_as("evaluate_models") == "evaluate_models"
    assert TrainingFailed(RUN, 1, ["logistic"]).recorded_as("train_models") == "train_models.2"
    assert TrainingProgressed(RUN, 2).recorded_as("evaluate_models") == "evaluate_models.2"


def test_an_event_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        FeaturesBuilt(RUN, date(2017, 8, 1)).run_id = "other"


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (FeaturesBuilt, {"run_id": RUN}, "features-built needs the field as_of"),
        (
            FeaturesBuilt,
            {"run_id": RUN, "as_of": "2017-08-01", "rows": 3},
            "unknown fields: 1; features-built has run_id, as_of",
        ),
        (FeaturesBuilt, {"run_id": RUN, "as_of": "1 August"}, "field as_of of features-built is not of type date"),
        (FeaturesBuilt, {"run_id": RUN, "as_of": 20170801}, "is not of type date"),
        (FeaturesBuilt, {"run_id": "../../x", "as_of": "2017-08-01"}, "run_id is not of the form YYYYMMDD"),
        (FeaturesBuilt, {"run_id": None, "as_of": "2017-08-01"}, "is not of type str"),
        (TrainingProgressed, {"run_id": RUN, "attempt": 0}, "attempt of training-progressed is 0; the first one is 1"),
        (TrainingFailed, {"run_id": RUN, "attempt": -1, "candidates": []}, "attempt of training-failed is -1"),
        (ModelRejected, {"run_id": RUN, "reasons": "too weak"}, "field reasons of model-rejected"),
        (ModelRejected, {"run_id": RUN, "reasons": ["too weak", 3]}, "field reasons of model-rejected"),
        (VisitorsScored, {"run_id": RUN, "day": "2017-08-01", "version": 3}, "is not of type str"),
        (
            EVENTS["audience-published"],
            {"run_id": RUN, "day": "2017-08-01", "manifest": "gs://x", "members": True},
            "is not of type int",
        ),
    ],
)
def test_a_body_that_is_not_a_valid_event_is_refused_with_the_reason(kind, body, message):
    with pytest.raises(Malformed, match=re.escape(message)):
        kind.from_json(body)


@given(st.dictionaries(st.sampled_from(["run_id", "as_of", "reason", "x"]), st.from_type(object) | st.text() | run_ids))
def test_any_body_is_an_event_or_malformed(body):
    try:
        event = DataRefreshed.from_json(body)
    except Malformed:
        return
    assert RUN_ID.fullmatch(event.run_id)
    assert isinstance(event.as_of, date)


@given(st.text())
def test_a_run_id_has_only_ascii_digits_and_hexadecimal_digits(text):
    assert bool(RUN_ID.fullmatch(text)) == bool(re.fullmatch(r"[0-9]{8}-[0-9a-f]{8}", text))


def test_digits_of_other_scripts_are_no_run_id():
    with pytest.raises(Malformed):
        FeaturesBuilt("٢٠١٧٠٨٠١-0a1b2c3d", date(2017, 8, 1))
