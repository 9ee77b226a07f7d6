"""`propensity plan-campaign` with all values given as options.

tests/sql/planning tests the same command with values from an audience.
"""

import json
import re

import pytest
from typer.testing import CliRunner

from cli.declarations import ROOT
from cli.main import app


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """Remove the project and the settings from the environment, because the command must not contact any service."""
    for name in ("PROPENSITY_SETTINGS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def run(*options):
    return CliRunner().invoke(app, ["plan-campaign", *options])


def test_plan_campaign_prints_what_the_documentation_shows():
    [(command, printed)] = re.findall(
        r"^\$ propensity plan-campaign (.*)\n((?:.*\n)*?)```", (ROOT / "docs" / "campaign.md").read_text(), re.MULTILINE
    )
    answer = run(*command.split())
    assert answer.exit_code == 0, answer.output
    assert [line.rstrip() for line in answer.stdout.splitlines()] == printed.splitlines()


def test_the_json_output_has_all_results_of_the_plan():
    answer = run("--effect", "0.15", "--customers", "50000", "--conversion", "0.03", "--json")
    told = json.loads(answer.stdout)
    assert told["design"] | {"campaign": "always_on", "customers": 50_000, "mean": 0.03} == told["design"]
    assert {(one["effect"], one["looks"]) for one in told["needs"]} >= {(0.15, "one look"), (0.15, "any look")}
    # No new customers per day are given, so the campaign has only the 50,000 customers of the first day. If an effect
    # needs more customers, its number of days is None.
    assert {one["days"] for one in told["needs"] if one["customers"] > 50_000} == {None}
    assert [one["customers"] for one in told["after"]] == [50_000, 50_000]
    # 50,000 customers, of whom 3 % buy. Nine in ten are treated, and 15 % more of the treated buy:
    # 50,000 * 0.03 * (0.1 + 0.9 * 1.15) = 1702.
    buyers = {"campaign.planned_days": 15, "campaign.outcome_days": 14, "campaign.planned_buyers": 1702}
    assert told["settings"] == buyers


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--conversion", "0.03", "--effect", "0"], "no number of customers shows that there is no effect"),
        (["--conversion", "0.03", "--effect", "40"], "choose one that a campaign can have"),
        (["--conversion", "0"], "the mean is 0.0; it must be above 0"),
        (["--conversion", "0.03", "--control-share", "1"], "must be between 0 and 1, for example 0.1"),
        (["--conversion", "0.03", "--days", "9"], "give more --days, or fewer --outcome-days"),
        (["--conversion", "0.03", "--mean", "3"], "give either --conversion, or --mean and --deviation together"),
        (["--mean", "3"], "give either --conversion, or --mean and --deviation together"),
    ],
)
def test_an_impossible_plan_is_refused_with_a_remedy(options, said):
    answer = run("--customers", "20000", *options)
    assert answer.exit_code != 0
    assert said in f"{answer.exception} {answer.output}"
