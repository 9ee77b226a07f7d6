"""docs/runbook.md has a section for each alert. The commands, settings, events and queries that it names exist."""

import re
import shlex

import pytest
import typer

from cli import declarations
from cli.main import app
from shared.log_events import registered
from shared.settings import Settings

RUNBOOK = (declarations.ROOT / "docs" / "runbook.md").read_text()
WATCHED = declarations.watched()
SECTIONS = dict(re.findall(r"(?ms)^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK))
PARTS = ["Means", "Look at", "Do", "Over when"]
# Alerts that are not in functions/alerts.yaml, because Terraform creates these alerts from its own variables.
OF_TERRAFORM = {"service_level", "budget"}


def test_each_alert_has_a_section_and_each_section_an_alert():
    assert SECTIONS.keys() == WATCHED.alerts.keys() | OF_TERRAFORM


@pytest.mark.parametrize("alert", SECTIONS)
def test_a_section_says_what_the_alert_means_what_to_look_at_what_to_do_and_when_it_is_over(alert):
    assert re.findall(r"(?m)^\*\*(.+?)\*\*: ", SECTIONS[alert]) == PARTS


@pytest.mark.parametrize("alert", SECTIONS)
def test_a_section_fits_into_an_alert(alert):
    """A section becomes the documentation of an alert, which Cloud Monitoring limits to 8 KB."""
    assert len(SECTIONS[alert].encode()) < 8192


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`propensity ([^`]+)`", RUNBOOK))))
def test_each_command_in_the_runbook_can_be_run_as_printed(command):
    name, *options = ("20261122-1a2b3c4d" if word == "RUN" else word for word in shlex.split(command))
    typer.main.get_command(app).commands[name].make_context(name, options)


def test_the_settings_events_and_queries_in_the_runbook_exist():
    settings = Settings.from_document({"project": "shop-project", "bucket": "shop-bucket"})
    for section, name in re.findall(r"`(training|serving|online|gate|checks)\.(\w+)`", RUNBOOK):
        assert hasattr(getattr(settings, section), name), f"{section}.{name}"
    events = {event.event for event in registered()}
    for name in re.findall(r"events `(\w+)`|event=\"(\w+)\"", RUNBOOK):
        assert "".join(name) in events, name
    for listed in re.findall(r"quer(?:y|ies)\s`([^`]+)`", RUNBOOK):
        assert listed in WATCHED.queries, listed
