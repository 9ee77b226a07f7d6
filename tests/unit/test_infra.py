"""What Terraform knows of the settings, held against shared/settings.py."""

import re
from typing import get_type_hints

from shared.settings import Section, Settings
from tests.unit.test_declarations import ROOT

# What Terraform itself decides: project, bucket, location and dataset, where the export lies, and the region.
MADE = {"project", "bucket", "location", "dataset", "source.dataset", "source.kind", "source.project", "serving.region"}


def names(section: type[Section], prefix: str = "") -> set[str]:
    found = set()
    for name, kind in get_type_hints(section).items():
        if isinstance(kind, type) and issubclass(kind, Section):
            found |= names(kind, f"{name}.")
        else:
            found.add(prefix + name)
    return found


def known_to_terraform() -> set[str]:
    """Read `local.known_settings`: lists of names by section; an empty one is a single value."""
    text = (ROOT / "infra" / "settings.tf").read_text()
    (block,) = re.findall(r"^  known_settings = \{\n(.*?)^  \}", text, re.DOTALL | re.MULTILINE)
    found = set()
    for section, listed in re.findall(r"(\w+)\s*= \[(.*?)\]", block, re.DOTALL):
        fields = re.findall(r'"(\w+)"', listed)
        found |= {f"{section}.{field}" for field in fields} or {section}
    return found


def test_terraform_lets_through_every_setting_that_it_does_not_make_and_no_other():
    assert known_to_terraform() == names(Settings) - MADE
