"""The rules by which Terraform checks settings agree with shared/settings.py.

One test is about the order in which Terraform creates the API gateway.
"""

import json
import re

import pytest
import yaml

from fixtures import terraform
from shared import settings

MODULE = terraform.INFRA / "settings"
SCHEMA = json.loads((MODULE / "schema.json").read_text())["$defs"]
GOOGLE_CLIENT = re.compile(r"^(?P<name>google-(?:ads|cloud)-[a-z-]+)", re.MULTILINE)
API_OF_CLIENT = {
    "google-ads-datamanager": "datamanager",
    "google-cloud-aiplatform": "aiplatform",
    "google-cloud-bigquery": "bigquery",
    "google-cloud-pubsub": "pubsub",
    "google-cloud-storage": "storage",
}
TOGETHER = yaml.safe_load((terraform.INFRA / "tests" / "together" / "examples.yaml").read_text())


@pytest.fixture(scope="module")
def decided():
    """Return the names of the settings that Terraform itself decides, whatever `var.settings` says."""
    return terraform.module(MODULE).locals["decided"].keys()


def rules() -> dict[str, dict]:
    """Return the JSON Schema of each setting. The key is `section.name`."""
    found = {}
    for section, rule in SCHEMA["Settings"]["properties"].items():
        within = SCHEMA[rule["$ref"].rpartition("/")[2]]["properties"] if "$ref" in rule else {"": rule}
        found |= {f"{section}.{name}".removesuffix("."): one for name, one in within.items()}
    return found


def with_those(example):
    """Return the default settings, changed by the values of an example in infra/tests/together."""
    given = {"project": "shop-project", "bucket": "shop-bucket", "source": {"kind": example["kind"]}}
    return settings.Settings.from_document(given | example["settings"])


def test_terraform_checks_settings_by_the_same_rules_as_the_functions():
    assert (MODULE / "schema.json").read_bytes() == settings.schema()


def test_terraform_enables_the_api_of_each_google_client_that_functions_install():
    installed = {
        match["name"]
        for path in (terraform.ROOT / "requirements").glob("*.txt")
        for match in GOOGLE_CLIENT.finditer(path.read_text().partition("# Brought along by those")[0])
    }
    assert installed == API_OF_CLIENT.keys()
    enabled = re.findall(r"\w+", terraform.module().resources["google_project_service.apis"]["for_each"])
    assert set(enabled) >= set(API_OF_CLIENT.values())


def test_the_settings_that_terraform_sets_itself_exist(decided):
    assert rules().keys() >= decided


def test_terraform_understands_each_rule_for_items_of_lists(decided):
    """The tests in infra/tests give Terraform all defaults.

    Some defaults are empty lists, which have no items to check. So this test reads the rules for items instead.
    """
    items = [rule["items"] for name, rule in rules().items() if "items" in rule and name not in decided]
    assert all(item.keys() == {"enum"} or item.keys() - {"pattern", "description"} == {"type"} for item in items)
    assert {item["type"] for item in items if "type" in item} == {"string"}


def test_each_rule_over_several_settings_has_an_example_that_breaks_it():
    """infra/tests/settings.tftest.hcl checks that Terraform refuses the same examples."""
    said = set()
    for example in TOGETHER["refused"].values():
        with pytest.raises(settings.SettingsError) as refused:
            with_those(example)
        said.add(str(refused.value).removeprefix("settings: "))
        assert [name for name in example["about"] if name not in str(refused.value)] == []
    assert said == settings.TOGETHER.keys()


@pytest.mark.parametrize("name", TOGETHER["accepted"])
def test_settings_at_the_limit_of_their_rules_are_accepted(name):
    with_those(TOGETHER["accepted"][name])


def test_a_managed_service_is_enabled_once_it_has_a_configuration_and_before_there_is_an_address():
    made = terraform.module(terraform.INFRA / "gateway").resources
    assert made["google_project_service.scorer"]["depends_on"] == ["${google_api_gateway_api_config.scorer}"]
    assert made["google_api_gateway_gateway.scorer"]["depends_on"] == ["${google_project_service.scorer}"]
