"""Checks of docs/deploy.md that need no Google Cloud.

The commands in the guide can be parsed, the names in the guide exist, and the totals in the guide are correct.
"""

import re
import shlex
import subprocess

import pytest
import typer
import yaml
from typer.testing import CliRunner

from benchmarks import sale
from cli import declarations, terminal
from cli.cost.estimate import environment, estimate
from cli.cost.prices import assumptions
from cli.cost.volumes import Inputs
from cli.main import app
from fixtures import terraform

ROOT = declarations.ROOT
GUIDE = (ROOT / "docs" / "deploy.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
DECLARED = declarations.read()
WIDTH = 118


def commands(program):
    """Return the arguments of every call of a program in docs/deploy.md, in code blocks and in sentences."""
    calls = []
    for block in BLOCKS:
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == program:
                calls.append(words)
    return calls + [shlex.split(inline) for inline in re.findall(rf"`({program} [^`]+)`", GUIDE)]


def root_of(words):
    """Return the folder that a Terraform command names with the argument -chdir."""
    [folder] = [word.removeprefix("-chdir=") for word in words if word.startswith("-chdir=")]
    return ROOT / folder


TERRAFORM = [words for words in commands("terraform") if any(word.startswith("-chdir=") for word in words)]


def test_the_guide_has_commands_to_check():
    assert len(BLOCKS) >= 10
    assert len(TERRAFORM) >= 8
    assert len(commands("propensity")) >= 8


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[0][:40])
def test_every_block_is_shell(block):
    found = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("words", commands("propensity"), ids=" ".join)
def test_every_propensity_command_in_the_guide_exists(words):
    name, *rest = words[1:]
    command = typer.main.get_command(app).commands[name]
    # Replace the guide's placeholders for a run's id by a valid id.
    rest = ["20261122-1a2b3c4d" if word in {"$RUN", "RUN"} else word for word in rest]
    command.make_context(name, rest)


def test_the_check_would_find_a_wrong_command():
    with pytest.raises(typer.TyperException, match="No such option"):
        typer.main.get_command(app).commands["cost"].make_context("cost", ["--visits", "1"])


@pytest.mark.parametrize("words", TERRAFORM, ids=" ".join)
def test_the_variables_outputs_files_and_resources_of_terraform_commands_exist(words):
    folder = root_of(words)
    module = terraform.module(folder)
    for option in words[1:]:
        name, _, value = option.lstrip("-").partition("=")
        if name == "var":
            assert value.partition("=")[0] in module.variables, option
        elif name == "var-file":
            assert (folder / value).is_file(), option
        elif name == "target":
            assert value in module.resources, option
    if "output" in words and words[-1] != "output":
        assert words[-1] in module.outputs


def test_the_guide_names_the_regions_that_terraform_chooses():
    chosen = terraform.module().locals
    functions, serving = chosen["nearest_build_region"], chosen["registry_regions"]
    rows = dict(re.findall(r'^\| `"(\w+)"` \| ([\w-]+ \| [\w-]+) \|$', GUIDE, re.MULTILINE))
    assert rows == {location: f"{functions[location]} | {region}" for location, region in serving.items()}
    of_regions = re.findall(r"^\| a region in .* \| ([\w-]+).* \| the location itself \|$", GUIDE, re.MULTILINE)
    assert set(of_regions) == {region for name, region in functions.items() if name not in serving}


def test_an_output_that_the_guide_reads_in_a_shell_is_declared():
    named = re.findall(r"\$\(terraform -chdir=(\S+) output -raw (\w+)\)", GUIDE)
    assert named
    for folder, output in named:
        assert output in terraform.module(ROOT / folder).outputs


def test_every_file_that_the_guide_names_exists():
    for path in re.findall(r"`((?:infra|cli|functions|sql|docs|scripts)/[\w./-]+\.\w+)`", GUIDE):
        assert (ROOT / path).is_file(), path


def test_every_substitution_of_the_build_is_declared():
    declared = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text())["substitutions"]
    [given] = re.findall(r'--substitutions="([^"]+)"', GUIDE)
    assert {one.partition("=")[0] for one in given.split(",")} <= declared.keys()


def test_the_guide_names_the_declared_sinks_and_schedules_of_a_refresh():
    section = GUIDE.partition("## How a refresh is announced")[2].partition("\n## ")[0]
    sinks = {name for name, sink in DECLARED.sinks.items() if sink.topic == "data-refreshed"}
    schedules = {name for name, one in DECLARED.schedules.items() if one.topic == "data-refreshed"}
    assert set(re.findall(r"sink `([\w-]+)`", section)) == sinks
    assert set(re.findall(r"schedule `([\w-]+)`", section)) == schedules


def test_the_guide_shows_the_costs_that_the_command_prints(monkeypatch):
    monkeypatch.delenv("PROPENSITY_SETTINGS", raising=False)
    monkeypatch.setattr(terminal.out, "width", WIDTH)
    printed = CliRunner().invoke(app, ["cost"]).output
    [shown] = re.findall(r"```console\n\$ propensity cost\n(.*?)```", GUIDE, re.DOTALL)
    assert [line.rstrip() for line in shown.splitlines()] == [line.rstrip() for line in printed.splitlines()]


def test_the_table_of_instances_agrees_with_the_formula():
    shown = [" | ".join(row) for row in (sale.NEEDS, *sale.needs(sale.SERVICE, sale.platform()))]
    assert re.search("\\n".join(rf"\| {re.escape(row)} \|(\n\|[-|]+)?" for row in shown), GUIDE)


@pytest.mark.slow
def test_the_table_of_a_sale_agrees_with_the_simulation():
    rows = sale.scenarios(sale.PEAK_RATE, sale.TIMES, sale.SERVICE, sale.platform())
    shown = [" | ".join(row) for row in (sale.SCENARIOS, *rows)]
    assert re.search("\\n".join(rf"\| {re.escape(row)} \|(\n\|[-|]+)?" for row in shown), GUIDE)


def test_the_table_of_volumes_agrees_with_the_computation(monkeypatch):
    monkeypatch.delenv("PROPENSITY_SETTINGS", raising=False)
    number = r"([\d,]+)"
    rows = re.findall(
        rf"^\| {number} \| {number} \| {number} million \| \${number} \| \${number} \| (.*) \|$", GUIDE, re.MULTILINE
    )
    assert len(rows) == 4
    parts = {
        "CREATE MODEL": ("create_model",),
        "queries": ("query",),
        "storage": ("active_storage", "long_term_storage"),
        "alert conditions": ("alert_conditions",),
        "listings of the bucket": ("bucket_writes",),
    }
    for *given, ga360, ga4, of_which in rows:
        a_day, checkouts, in_all = (int(one.replace(",", "")) for one in given)
        assert a_day * 400 == in_all * 1_000_000
        inputs = Inputs(a_day, assumptions().sessions_per_visitor, checkouts, 1, 400, 1_000)
        found = [estimate(environment(inputs, [f"source.kind={kind}"])) for kind in ("ga360", "ga4")]
        assert [f"{one.total:,.0f}" for one in found] == [ga360, ga4]
        costs = {line.name.removeprefix("bigquery_"): line.cost for line in found[0].lines}
        for part, cost in re.findall(r"([A-Za-z ]*[a-zA-Z]) \$(\d[\d,]*\d|\d)", of_which):
            if part.strip() in parts:
                assert f"{sum(costs[name] for name in parts[part.strip()]):,.0f}" == cost, part
