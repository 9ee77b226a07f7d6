"""Settings: what may be set, how, and what is said when it is wrong."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import Settings, SettingsError, with_overrides

PROJECT = "shop-project"


def settings(**document):
    return Settings.from_document({"project": PROJECT, "bucket": "shop", **document})


def test_a_project_alone_is_enough():
    read = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": PROJECT})
    assert (read.project, read.bucket, read.dataset) == (PROJECT, "shop-project-propensity", "propensity")
    assert (read.source_dataset, read.table_prefix, read.label_days) == ("shop-project.analytics", "ga_sessions_", 14)


def test_what_is_given_replaces_the_defaults_and_the_rest_stays():
    given_settings = {
        "bucket": "other",
        "gate": {"min_positives": 1},
        "source": {"kind": "ga4", "project": "exports-1"},
    }
    read = Settings.from_environment(
        {"GOOGLE_CLOUD_PROJECT": PROJECT, "PROPENSITY_SETTINGS": json.dumps(given_settings)}
    )
    assert (read.bucket, read.gate.min_positives, read.gate.min_roc_auc) == ("other", 1, 0.7)
    assert (read.source_dataset, read.table_prefix) == ("exports-1.analytics", "events_")


def test_an_unbounded_label_looks_as_far_as_the_training_window():
    assert settings(label={"kind": "unbounded"}, training={"window_days": 40}).label_days == 40


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "GOOGLE_CLOUD_PROJECT is not set: name the project"),
        ({"GOOGLE_CLOUD_PROJECT": PROJECT, "PROPENSITY_SETTINGS": "{"}, "PROPENSITY_SETTINGS is not a JSON object"),
        ({"GOOGLE_CLOUD_PROJECT": PROJECT, "PROPENSITY_SETTINGS": "[]"}, "PROPENSITY_SETTINGS is not a JSON object"),
        ({"GOOGLE_CLOUD_PROJECT": "Shop"}, r"settings: .*\$.project"),
    ],
)
def test_an_environment_that_cannot_be_read_is_told_why(environment, message):
    with pytest.raises(SettingsError, match=message):
        Settings.from_environment(environment)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"gaet": {}}, "gaet"),
        ({"gate": {"min_auc": 0.5}}, r"min_auc.*\$.gate"),
        ({"gate": {"min_roc_auc": 1.01}}, r"\$.gate.min_roc_auc"),
        ({"gate": {"min_roc_auc": "high"}}, r"\$.gate.min_roc_auc"),
        ({"gate": {"max_calibration_ratio": 0.5}}, r"\$.gate.max_calibration_ratio"),
        ({"training": {"candidates": []}}, r"\$.training.candidates"),
        ({"training": {"candidates": ["deep"]}}, r"\$.training.candidates"),
        ({"training": {"evaluation_share": 0.5, "test_share": 0.5}}, "leave nothing to train on"),
        ({"policy": {"coupon_from": 0.9}}, "policy.coupon_from must not be above policy.coupon_below"),
        ({"audience": {"max_decile": 11}}, r"\$.audience.max_decile"),
        ({"source": {"dataset": "a`; drop table x"}}, r"\$.source.dataset"),
        ({"dataset": "with-dash"}, r"\$.dataset"),
        ({"bucket": "../up"}, r"\$.bucket"),
        ({"serving": {"canary_percent": 0}}, r"\$.serving.canary_percent"),
        ({"serving": {"golden_rows": 1}}, r"\$.serving.golden_rows"),
        ({"wait_seconds": 0}, r"\$.wait_seconds"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_named(document, place):
    with pytest.raises(SettingsError, match=place):
        settings(**document)


def test_borders_are_allowed():
    read = settings(
        policy={"coupon_from": 0.8, "coupon_below": 0.8}, gate={"min_roc_auc": 1}, audience={"max_decile": 10}
    )
    assert (read.policy.coupon_from, read.gate.min_roc_auc, read.audience.max_decile) == (0.8, 1.0, 10)


def test_assignments_are_json_or_else_text_and_leave_the_document_alone():
    document = {"gate": {"min_positives": 30, "min_roc_auc": 0.7}}
    merged = with_overrides(
        document, ["gate.min_positives=1", "label.kind=unbounded", 'training.candidates=["baseline"]', "location=EU=x"]
    )
    assert merged == {
        "gate": {"min_positives": 1, "min_roc_auc": 0.7},
        "label": {"kind": "unbounded"},
        "training": {"candidates": ["baseline"]},
        "location": "EU=x",
    }
    assert document == {"gate": {"min_positives": 30, "min_roc_auc": 0.7}}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("gate.min_positives", "write it as name=value"),
        ("=3", "write it as name=value"),
        ("bucket.name=x", "bucket is a single value"),
    ],
)
def test_an_assignment_that_cannot_be_made_is_told_why(assignment, message):
    with pytest.raises(SettingsError, match=message):
        with_overrides({"bucket": "shop"}, [assignment])


@given(
    st.lists(
        st.text(max_size=20) | st.from_regex(r"(gate|bucket|a)(\.[a-z_]*){0,2}=.{0,5}", fullmatch=True), max_size=4
    )
)
def test_whatever_is_assigned_is_settings_or_is_refused(assignments):
    with contextlib.suppress(SettingsError):
        merged = with_overrides({"bucket": "shop"}, assignments)
        assert isinstance(Settings.from_document({"project": PROJECT, **merged}), Settings)


@given(st.builds(Settings, project=st.just(PROJECT), bucket=st.just("shop")))
def test_settings_are_themselves_again_after_their_way_through_json(read):
    assert Settings.from_document(json.loads(msgspec.json.encode(read))) == read


def test_a_dataset_of_ga360_is_called_by_a_number():
    assert settings(source={"dataset": "12345678"}).source_dataset == f"{PROJECT}.12345678"
