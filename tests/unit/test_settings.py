"""The values of settings, their sources, and the errors about wrong values."""

import contextlib
import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.assignments import with_overrides
from shared import settings as settings_module
from shared.settings import CANDIDATES, Settings, SettingsError

PROJECT = "shop-project"


def settings(**document):
    return Settings.from_document({"project": PROJECT, "bucket": "shop", **document})


def test_only_the_project_must_be_set():
    read = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": PROJECT})
    assert (read.project, read.bucket, read.dataset) == (PROJECT, "shop-project-propensity", "propensity")
    assert (read.source_dataset, read.table_prefix, read.label_days) == ("shop-project.analytics", "ga_sessions_", 14)


def test_given_settings_replace_the_defaults_and_others_stay():
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
        ({"GOOGLE_CLOUD_PROJECT": "Shop"}, 'settings: project is "Shop"; it must be a project'),
    ],
)
def test_the_error_about_unreadable_environment_variables_says_why(environment, message):
    with pytest.raises(SettingsError, match=message):
        Settings.from_environment(environment)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"gaet": {}}, "there is no setting gaet; did you mean gate?"),
        ({"gate": {"min_positve": 1}}, "there is no setting gate.min_positve; did you mean gate.min_positives?"),
        ({"gate": {"min_auc": 0.5}}, "there is no setting gate.min_auc; did you mean gate.min_roc_auc?"),
        ({"min_positives": 1}, "there is no setting min_positives; did you mean gate.min_positives?"),
        ({"policy": {"max_decile": 1}}, "there is no setting policy.max_decile; did you mean audience.max_decile?"),
        ({"locaton": "EU"}, "there is no setting locaton; did you mean location?"),
        ({"gate.min_positives": 1}, "there is no setting gate.min_positives; did you mean gate.min_positives?"),
        ({"policy": {"x": 1}}, "no setting policy.x; policy has policy.kind, policy.coupon_from"),
        ({"gate": {"min_roc_auc": 1.01}}, "gate.min_roc_auc is 1.01; it must be a number from 0 to 1"),
        ({"gate": {"min_roc_auc": "high"}}, 'gate.min_roc_auc is "high"; it must be a number from 0 to 1'),
        ({"gate": {"min_positives": 1.5}}, "gate.min_positives is 1.5; it must be a whole number of at least 0"),
        ({"gate": 3}, "gate is 3; it must be a section with metric, margin"),
        ({"gate": None}, "gate is null; it must be a section with"),
        ({"gate": {"margin": -0.5}}, "it must be a number of at least 0"),
        ({"online": {"breaker_open_seconds": 0}}, "it must be a number above 0 and up to 3600"),
        (
            {"training": {"candidates": []}},
            f"training.candidates is []; it must be a list of at least 1, each one of {', '.join(CANDIDATES)}",
        ),
        ({"training": {"candidates": ["deep"]}}, 'training.candidates is ["deep"]; it must be a list of at least 1'),
        ({"source": {"kind": "GA4"}}, 'source.kind is "GA4"; it must be one of ga360, ga4'),
        ({"source": {"project": "Exports"}}, "it must be a project's id"),
        ({"source": {"internal_sources": "a"}}, "it must be a list, each a text"),
        ({"source": {"time_zone": "Europe/Pari"}}, "does not have; did you mean Europe/Paris?"),
        ({"source": {"time_zone": "paris"}}, "does not have; did you mean Europe/Paris?"),
        ({"source": {"time_zone": "europe/paris"}}, "does not have; did you mean Europe/Paris?"),
        ({"source": {"time_zone": "Europe"}}, 'source.time_zone is "Europe", which the tz database does not have'),
        (
            {"source": {"time_zone": "Xqzw/Vkjy"}},
            'source.time_zone is "Xqzw/Vkjy", which the tz database does not have',
        ),
        ({"policy": {"kind": "decile"}}, 'policy.kind is "decile"; it must be one of band, quantile'),
        ({"audience": {"max_decile": 11}}, "audience.max_decile is 11; it must be a whole number from 1 to 10"),
        ({"source": {"dataset": "a`; drop table x"}}, "source.dataset is"),
        ({"dataset": "with-dash"}, 'dataset is "with-dash"; it must be up to 128 letters, digits and underscores'),
        ({"bucket": "../up"}, 'bucket is "../up"; it must be a bucket\'s name'),
        ({"serving": {"canary_percent": 0}}, "serving.canary_percent is 0; it must be a whole number from 1 to 99"),
        ({"serving": {"golden_rows": 1}}, "serving.golden_rows is 1; it must be a whole number from 2 to 1000"),
        ({"wait_seconds": 0}, "wait_seconds is 0; it must be a whole number of at least 1"),
        ({"dataset": "x" * 200}, f'dataset is "{"x" * 79}...; it must be'),
    ],
)
def test_the_error_about_a_wrong_setting_names_it_and_the_allowed_values(document, sentence):
    with pytest.raises(SettingsError) as refused:
        settings(**document)
    assert str(refused.value).startswith("settings: ")
    assert sentence in str(refused.value)


TEXTS = {
    "project": ["shop-project"],
    "bucket": ["shop", "shop.example_1-x"],
    "location": ["US", "EU", "europe-west3", "northamerica-northeast1"],
    "dataset": ["propensity", "_x1"],
    "source.dataset": ["analytics_1", "12345"],
    "source.project": ["exports-1"],
    "source.time_zone": ["UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "Etc/GMT+3"],
    "label.event": ["purchase", "Contact/Form sent", "Anfrage/Gesendet: für 2"],
    "serving.region": ["us-central1"],
    "serving.api_endpoint": [
        "",
        "us-central1-aiplatform.googleapis.com",
        "https://us-central1-aiplatform.googleapis.com:443",
        "http://127.0.0.1:9051",
        "http://localhost:9051",
    ],
    "serving.model_id": ["propensity", "_x-1"],
    "serving.endpoint_id": ["propensity", "1-x"],
    "serving.machine_type": ["n1-standard-2", "c2d-highcpu-112", "a2-highgpu-1g", "ct5lp-hightpu-4t"],
    "online.origins": [["https://shop.example"], ["http://localhost:3000", "https://shop.example:8443"]],
    "campaign.name": ["always_on", "spring_2026"],
    "campaign.salt": ["", "a-secret!"],
    "google_ads.account": ["", "1234567890"],
    "google_ads.user_list": ["", "987"],
    "google_ads.login_account": ["", "1"],
    "google_ads.api_endpoint": ["", "http://127.0.0.1:9053"],
    "meta.audience": ["", "23842587123456789"],
    "meta.version": ["v26.0", "v100.0"],
    "meta.api_endpoint": ["", "http://127.0.0.1:9053"],
    "salesforce.subdomain": ["", "mc563885gzs27c5t9-63k636ttgm"],
    "salesforce.data_extension": ["", "6C0AB6BD-9F2D-4C5B-8B3C-1B7A5A7D2A11", "Always on_audience.v2"],
    "salesforce.business_unit": ["", "500012345"],
    "salesforce.api_endpoint": ["", "http://127.0.0.1:9055"],
    "mail.relay": ["", "smtp.example.com:587", "127.0.0.1:9025"],
    "mail.sender": ["", "hello@shop.example", "Café d'Été <no-reply+1@shop.example>"],
    "mail.template": ["checkout", "summer_2026"],
    "mail.unsubscribe": ["", "https://shop.example/stop?from=mail", "mailto:stop@shop.example"],
}
NO_TEXTS = {
    "source.time_zone": [
        "",
        "+01:00",
        "../UTC",
        "/usr/share/zoneinfo/UTC",
        "Europe/",
        "Europe//Paris",
        "Europe/Paris' or",
    ],
    "location": ["", "us", "Europe", "europe", "US ", "europe-west", "europe_west3", "https://x"],
    "serving.api_endpoint": [
        *("us-central1-aiplatform.googleapis.com/", "https://x/v1", "http://example.com", "ftp://x", "https://"),
        *("a b", "user:secret@x", "http://127.0.0.1.example.com", "X.example", "x?y", "x:port"),
    ],
    "label.event": ["", " purchase", "Contact/Form  sent", "Contact/Form\tsent"],
    "serving.machine_type": ["", "n1", "n1-standard", "n1-standard-2-x", "N1-standard-2", "n1 standard 2", "4 cores"],
    "campaign.name": ["", "Spring", "1st", "a-b", "a b"],
    "campaign.salt": ["a b", "x" * 101],
    "google_ads.account": ["123-456-7890", "x", "1" * 21],
    "meta.version": ["", "26", "v26", "v26.0/../x"],
    "salesforce.subdomain": ["mc123.auth", "https://mc123", "MC123", "x/y"],
    "salesforce.data_extension": ["a/b", " a", "a?b", "a%2Fb", "x" * 201],
    "mail.relay": ["smtp.example.com", "smtp://smtp.example.com:587", "a b:25"],
    "mail.sender": [
        "shop",
        "a@b@c",
        "Shop hello@shop.example",
        "Shop\nBcc: x <a@shop.example>",
        'A "b" <a@shop.example>',
    ],
    "mail.template": ["", "../x", "Checkout"],
    "mail.unsubscribe": ["http://shop.example", "https://shop.example/<>", "https://a b"],
    "online.origins": [
        ["*"],
        ["null"],
        ["https://shop.example/"],
        ["shop.example"],
        ["https://*.shop.example"],
        ["https://a@b"],
    ],
}


def texts(values):
    return [(name, value) for name, of in values.items() for value in of]


def assigned(name, value):
    return settings(**with_overrides({}, [f"{name}={json.dumps(value)}"]))


@pytest.mark.parametrize(("name", "value"), texts(TEXTS))
def test_a_valid_text_is_accepted_but_not_with_a_line_end_after_it(name, value):
    assigned(name, value)
    for end in ("\n", "\r\n", " ", "\x00", "\u2028"):
        with pytest.raises(SettingsError, match=f"{name} is .*; it must be"):
            assigned(name, [one + end for one in value] if isinstance(value, list) else value + end)


@pytest.mark.parametrize(("name", "value"), texts(NO_TEXTS))
def test_a_text_outside_its_rule_is_refused(name, value):
    with pytest.raises(SettingsError, match=f"{name} is .*; it must be"):
        assigned(name, value)


def is_any_text(rule):
    return any(
        one.get("type") == "string" and "pattern" not in one
        for one in (rule, rule.get("items", {}), *rule.get("anyOf", []))
    )


def test_every_text_that_may_be_set_has_a_rule():
    """Only the names of traffic sources have no rule, because they may be any text."""
    kinds = json.loads(settings_module.schema())["$defs"].values()
    assert [name for kind in kinds for name, rule in kind["properties"].items() if is_any_text(rule)] == [
        "internal_sources"
    ]


def test_the_patterns_in_the_schema_mark_the_end_of_a_text_as_terraform_does():
    patterns = re.findall(r'"pattern": "(.*)"', settings_module.schema().decode())
    assert len(patterns) == len(TEXTS)
    assert all(pattern.startswith("^") and pattern.endswith("$") and "\\" not in pattern for pattern in patterns)


def test_values_at_the_limits_are_allowed():
    read = settings(
        policy={"coupon_from": 0.8, "coupon_below": 0.8}, gate={"min_roc_auc": 1}, audience={"max_decile": 10}
    )
    assert (read.policy.coupon_from, read.gate.min_roc_auc, read.audience.max_decile) == (0.8, 1.0, 10)


def test_assigned_values_are_read_as_json_or_text_and_the_given_document_is_unchanged():
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


def test_digits_that_are_assigned_to_a_setting_of_text_are_a_text():
    merged = with_overrides({}, ["google_ads.account=1234567890", 'google_ads.user_list="0987"', "meta.audience=null"])
    assert merged == {
        "google_ads": {"account": "1234567890", "user_list": "0987"},
        "meta": {"audience": "null"},
    }


def test_the_error_about_a_number_in_place_of_a_text_says_that_it_needs_quotes():
    with pytest.raises(SettingsError, match=r"google_ads\.account is 12; it must be text in quotes: up to 20 digits"):
        settings(google_ads={"account": 12})


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("gate.min_positives", "write it as name=value"),
        ("=3", "write it as name=value"),
        ("bucket.name=x", "bucket is a single value"),
    ],
)
def test_the_error_about_an_impossible_assignment_says_why(assignment, message):
    with pytest.raises(SettingsError, match=message):
        with_overrides({"bucket": "shop"}, [assignment])


@given(
    st.lists(
        st.text(max_size=20) | st.from_regex(r"(gate|bucket|a)(\.[a-z_]*){0,2}=.{0,5}", fullmatch=True), max_size=4
    )
)
def test_any_assignments_give_settings_or_are_refused(assignments):
    with contextlib.suppress(SettingsError):
        merged = with_overrides({"bucket": "shop"}, assignments)
        assert isinstance(Settings.from_document({"project": PROJECT, **merged}), Settings)


@given(st.builds(Settings, project=st.just(PROJECT), bucket=st.just("shop")))
def test_settings_are_unchanged_after_conversion_to_json_and_back(read):
    assert Settings.from_document(json.loads(msgspec.json.encode(read))) == read


def test_the_dataset_of_a_ga360_export_may_be_a_number():
    assert settings(source={"dataset": "12345678"}).source_dataset == f"{PROJECT}.12345678"
