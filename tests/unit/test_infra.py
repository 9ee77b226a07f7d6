"""What Terraform knows of the settings and of the log, held against shared/settings.py and what functions log."""

import ast
import inspect
import json
import re

from shared import settings
from tests.unit.test_declarations import ROOT

# What Terraform itself decides: project, bucket, location and dataset, where the export lies and Vertex AI serves.
DECIDED = {
    "project",
    "bucket",
    "location",
    "dataset",
    "source.dataset",
    "source.kind",
    "source.project",
    "serving.region",
}


MODULE = ROOT / "infra" / "settings"
SETTINGS_TF = (MODULE / "settings.tf").read_text()
SCHEMA = json.loads((MODULE / "schema.json").read_text())["$defs"]


def rules() -> dict[str, dict]:
    """Return the JSON Schema of each setting that Terraform leaves open, by its name."""
    found = {}
    for section, rule in SCHEMA["Settings"]["properties"].items():
        within = SCHEMA[rule["$ref"].rpartition("/")[2]]["properties"] if "$ref" in rule else {"": rule}
        found |= {f"{section}.{name}".removesuffix("."): one for name, one in within.items()}
    return {name: rule for name, rule in found.items() if name not in DECIDED}


def test_terraform_checks_settings_by_the_rules_that_functions_have():
    assert (MODULE / "schema.json").read_bytes() == settings.schema()


def test_terraform_leaves_open_every_setting_that_it_does_not_decide_itself():
    (listed,) = re.findall(r"^  decided = \{\n(.*?)^  \}", SETTINGS_TF, re.DOTALL | re.MULTILINE)
    assert set(re.findall(r'^    "?([\w.]+)"? += ', listed, re.MULTILINE)) == DECIDED
    root, variables = ((ROOT / "infra" / name).read_text() for name in ("settings.tf", "variables.tf"))
    (made,) = re.findall(r"^  decided = \{\n(.*?)^  \}", root, re.DOTALL | re.MULTILINE)
    (export,) = re.findall(r'^variable "export" .*?object\(\{(.*?)\}\)', variables, re.DOTALL | re.MULTILINE)
    sections = {"source": set(re.findall(r"^ +(\w+) += ", export, re.MULTILINE)), "serving": {"region"}}
    assert "serving = merge(try(var.settings.serving, {}), { region = local.serving_region })" in made
    names = {name: sections.get(name, {""}) for name in re.findall(r"^    (\w+) += ", made, re.MULTILINE)}
    # The project has a variable of its own in a function's environment.
    assert {f"{name}.{one}".removesuffix(".") for name, ones in names.items() for one in ones} == DECIDED - {"project"}


def test_terraform_knows_as_many_rules_of_settings_together_as_functions_do():
    (check,) = [
        one
        for one in ast.walk(ast.parse(inspect.getsource(settings.Settings)))
        if getattr(one, "name", "") == "__post_init__"
    ]
    assert sum(isinstance(one, ast.Raise) for one in ast.walk(check)) == SETTINGS_TF.count(", true) ? [] : [")


def test_terraform_knows_each_word_of_the_rules():
    """A word that it does not know would refuse every value."""
    known = set(re.findall(r'word == "(\w+)"', SETTINGS_TF))
    assert {word for rule in rules().values() for word in rule} - {"default", "description"} == known
    types = set(re.findall(r'(\w+) = "\^', SETTINGS_TF))
    assert {rule["type"] for rule in rules().values() if "type" in rule} == types
    items = [rule["items"] for rule in rules().values() if "items" in rule]
    assert all(item.keys() == {"enum"} or item.keys() - {"pattern", "description"} == {"type"} for item in items)
    assert {item["type"] for item in items if "type" in item} == {"string"}


def test_a_managed_service_is_enabled_once_it_has_a_configuration_and_before_there_is_an_address():
    text = (ROOT / "infra" / "gateway" / "gateway.tf").read_text()
    for kind, first in (("project_service", "api_gateway_api_config"), ("api_gateway_gateway", "project_service")):
        [block] = re.findall(rf'^resource "google_{kind}" .*?^}}', text, re.DOTALL | re.MULTILINE)
        assert f"depends_on = [google_{first}.scorer]" in block
