"""What `propensity cost` prints, and which options it refuses."""

import json
import math
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cli import terminal
from cli.cost.estimate import environment, estimate
from cli.cost.prices import price_list
from cli.main import app
from fixtures.readings import SMALL


@pytest.fixture(autouse=True)
def defaults(monkeypatch):
    monkeypatch.delenv("PROPENSITY_SETTINGS", raising=False)
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)


def test_the_command_prints_lines_sums_and_their_uncertainty(monkeypatch):
    monkeypatch.setattr(terminal.out, "width", 140)
    answer = CliRunner().invoke(app, ["cost", "--sessions", "2500000", "--set", "source.kind=ga4"])
    assert answer.exit_code == 0, answer.output
    given = replace(SMALL, sessions_per_day=2_500_000, sessions_per_visitor=1.27)
    found = estimate(environment(given, ["source.kind=ga4"]))
    assert f"{found.total:,.2f}" in answer.output
    assert f"{found.idle:,.2f}" in answer.output
    assert "a guess" in answer.output


def test_the_text_and_the_json_say_if_prices_are_of_another_region(monkeypatch):
    monkeypatch.setattr(terminal.out, "width", 400)
    asked = ["cost", "--set", "location=EU", "--set", "serving.region=europe-west4"]
    [note] = json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)["notes"]
    assert note.startswith("Your settings name europe-west4 and EU, but the prices are those of us-central1 and US.")
    assert "Compare each line's price with the list price of your own region" in note
    assert note in CliRunner().invoke(app, asked).output


@pytest.mark.parametrize("given", ["nan", "inf", "-inf", "1e300", "-1", "many"])
@pytest.mark.parametrize("option", ["sessions", "sessions-per-visitor", "checkouts", "runs", "export-bytes"])
def test_a_number_out_of_range_is_refused_with_the_range(monkeypatch, option, given):
    monkeypatch.setenv("COLUMNS", "200")
    answer = CliRunner().invoke(app, ["cost", f"--{option}={given}"])
    assert answer.exit_code == 2
    assert re.search(rf"'--{option}': {given} is not a number from [01] to 1,[0,4]+", answer.output), answer.output


@pytest.mark.parametrize(("option", "given"), [("history-days", "10001"), ("history-days", "inf"), ("products", "nan")])
def test_an_option_that_is_not_a_count_is_refused(option, given):
    answer = CliRunner().invoke(app, ["cost", f"--{option}={given}"])
    assert answer.exit_code == 2
    assert f"'--{option}'" in answer.output


def test_with_the_largest_allowed_options_the_sum_is_still_finite():
    most = ["--sessions=1e9", "--checkouts=1e9", "--runs=1440", "--history-days=10000", "--export-bytes=1e9"]
    answer = CliRunner().invoke(app, ["cost", "--json", *most])
    assert math.isfinite(json.loads(answer.output)["total"])


def test_the_json_has_the_same_numbers_as_the_text():
    answer = json.loads(CliRunner().invoke(app, ["cost", "--json"]).output)
    assert answer["total"] == pytest.approx(sum(line["cost"] for line in answer["lines"]))
    assert answer["guessed"] == pytest.approx(sum(line["cost"] for line in answer["lines"] if line["sure"] == "guess"))
    assert answer["prices_of"] == price_list().as_of
