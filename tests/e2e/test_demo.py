"""`propensity demo` is run as a person runs it, or with JSON output."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# The tests of this file take a minute. test_chain.py tests the chain itself.
pytestmark = pytest.mark.slow

PROPENSITY = str(Path(sys.executable).with_name("propensity"))
SMALL = ["--days", "24", "--sessions", "6000", "--set", "gate.min_positives=0"]


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    plain = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run([PROPENSITY, "demo", *arguments], env=plain, capture_output=True, text=True, check=False)


@pytest.mark.timeout(600)
def test_a_demonstration_ends_with_a_verdict_and_a_second_one_makes_another_run(tmp_path):
    ends = []
    for number in (1, 2):
        file = tmp_path / f"{number}.json"
        shown = demo(*SMALL, "--state", str(tmp_path / "state"), "--json", str(file))
        assert shown.returncode == 0, shown.stderr
        ends.append(json.loads(file.read_text()))
        assert ends[-1]["run_id"] in shown.stdout
        assert "upper bound, test" in shown.stdout
    assert {end["outcome"] for end in ends} <= {"published", "rejected"}
    assert ends[0]["run_id"] != ends[1]["run_id"]


@pytest.mark.timeout(600)
def test_the_measured_effect_of_a_demonstrated_campaign_is_shown_beside_the_true_one(tmp_path):
    file = tmp_path / "result.json"
    lenient = ("min_roc_auc=0", "min_roc_auc_lower=0", "max_single_feature_roc_auc=1")
    gate = (part for one in lenient for part in ("--set", f"gate.{one}"))
    shown = demo(*SMALL, *gate, "--campaign", "--state", str(tmp_path / "state"), "--json", str(file))
    assert shown.returncode == 0, shown.stderr
    assert "true effect" in shown.stdout
    campaign = json.loads(file.read_text())["campaign"]
    ours = {one["outcome"]: one for one in campaign["effects"]["results"] if one["comparison"] == "control"}
    assert ours.keys() == campaign["truth"].keys()
    for outcome, truth in campaign["truth"].items():
        assert ours[outcome]["decision"] != "mismatch"
        assert ours[outcome]["lower"] < truth < ours[outcome]["upper"]
    assert campaign["value"]["customers"] > 0
    assert campaign["value"]["incremental_shares"].keys() <= {"spring_sale"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--days", "5"], "--days"),
        (["--campaign", "--source", "{folder}"], "only their customers can answer"),
        (["--source", "{folder}/nothing"], "nothing"),
        (["--source", "{folder}"], "looked for"),
        (["--set", "gate.min_positivs=1", "--days", "20", "--sessions", "1000"], "min_positivs"),
    ],
)
def test_the_error_about_an_unusable_input_names_it(tmp_path, arguments, said):
    refused = demo(*(argument.format(folder=tmp_path) for argument in arguments), "--state", str(tmp_path / "state"))
    assert refused.returncode != 0
    assert said in refused.stdout + refused.stderr
