"""Check what the schema of cloudbuild.yaml cannot express, and run the scripts that the steps of the build start.

The scripts call fakes of terraform, gcloud and propensity, which record the calls.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from typer.testing import CliRunner

from cli import main, package
from fixtures import terraform

ROOT = package.ROOT
BUILD = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text())
STEPS = {step["id"]: step for step in BUILD["steps"]}
SCRIPTS = ROOT / "scripts" / "cloudbuild"
# Substitutions that Cloud Build defines in every build. BRANCH_NAME is empty if no trigger started the build.
BUILT_IN = {"PROJECT_ID", "BUILD_ID", "BRANCH_NAME"}
PIN = re.compile(r"(?P<image>[a-z0-9./-]+):(?P<tag>\d+\.\d+\.\d+(-[a-z]+)?)")


def seconds(text):
    return int(text.removesuffix("s"))


def before(name):
    """Return the names of all steps for which a step of the build waits, directly or indirectly."""
    direct = [one for one in STEPS[name]["waitFor"] if one != "-"]
    return set(direct).union(*(before(one) for one in direct))


def longest(name):
    """Return the longest time, in seconds, from the start of the build until the end of a step.

    Each step is assumed to last until its time-out.
    """
    ways = [longest(one) for one in STEPS[name]["waitFor"] if one != "-"]
    return seconds(STEPS[name]["timeout"]) + max(ways, default=0)


def test_every_step_has_a_unique_name_and_waits_only_for_earlier_steps():
    known = {"-"}
    for step in BUILD["steps"]:
        assert step["id"] not in known
        assert step["waitFor"], step["id"]
        assert set(step["waitFor"]) <= known, step["id"]
        known.add(step["id"])


def texts(value):
    """Return all strings and numbers in a nested document, as strings."""
    match value:
        case dict():
            return [text for one in value.values() for text in texts(one)]
        case list():
            return [text for one in value for text in texts(one)]
    return [str(value)]


def test_substitutions_are_declared_and_used():
    used = {name for text in texts(BUILD) for name in re.findall(r"\$\{?(_?[A-Z][A-Z_]*)", text)}
    assert {name for name in used if name.startswith("_")} == BUILD["substitutions"].keys()
    assert {name for name in used if not name.startswith("_")} <= BUILT_IN


def test_the_programs_that_the_build_steps_start_exist():
    started = set()
    for name, step in STEPS.items():
        entry_point = step.get("entrypoint", "terraform")
        if entry_point == "make":
            planned = subprocess.run(["make", "--dry-run", *step["args"]], cwd=ROOT, capture_output=True, check=False)
            assert planned.returncode == 0, planned.stderr
        elif entry_point.startswith("scripts/"):
            assert (ROOT / entry_point).stat().st_mode & 0o111, name
            started.add(ROOT / entry_point)
        else:
            assert entry_point in {"terraform", ".venv/bin/propensity", ".venv/bin/pytest"}, name
            assert entry_point != ".venv/bin/pytest" or all((ROOT / path).is_file() for path in step["args"]), name
    assert started == set(SCRIPTS.iterdir())


def test_the_scripts_use_existing_commands_and_options_of_propensity(workspace):
    (workspace.folder / "dist" / "env.sh").touch()
    _, [smoke_test] = workspace.run("smoke-test", "7", "120")
    for command, *words in (STEPS["package"]["args"], smoke_test.split()[1:]):
        told = CliRunner().invoke(main.app, [command, "--help"], terminal_width=200).output
        assert all(word in told for word in words if word.startswith("--")), command


def test_images_are_pinned_and_each_has_one_version():
    images = {step["name"] for step in BUILD["steps"]}
    pins = [PIN.fullmatch(image) for image in images]
    assert all(pins), images
    tags = {pin["image"]: pin["tag"] for pin in pins}
    assert len(tags) == len(images)
    assert tags["python"].startswith((ROOT / ".python-version").read_text().strip() + ".")
    assert tags["hashicorp/terraform"] in SpecifierSet(terraform.module().terraform["required_version"])


def test_lint_and_tests_run_side_by_side_and_all_checks_come_before_the_plan():
    assert not {"lint", "test"} & (before("lint") | before("test"))
    checks = {"lint", "audit", "test", "start-bundles", "validate", "terraform-test"}
    assert before("plan") == checks | {"install", "package", "init"}
    assert before("roll-back") == STEPS.keys() - {"roll-back"}


def test_the_time_outs_leave_enough_time_for_the_steps_and_the_smoke_test():
    assert longest("roll-back") <= seconds(BUILD["timeout"])
    assert int(BUILD["substitutions"]["_SMOKE_TEST_MINUTES"]) * 60 < seconds(STEPS["smoke-test"]["timeout"])


def test_the_build_runs_as_its_own_account_and_logs_only_to_cloud_logging():
    account = terraform.module().resources["google_service_account.deployer"]["account_id"]
    assert BUILD["serviceAccount"].partition("/serviceAccounts/")[2].startswith(f"{account}@")
    assert BUILD["options"]["logging"] == "CLOUD_LOGGING_ONLY"
    assert "logsBucket" not in BUILD


class Workspace:
    """A folder in which a script of scripts/cloudbuild/ runs.

    The programs that the script calls are fakes. They record their arguments, and give the answers that a test sets.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        shutil.copytree(SCRIPTS, folder / "scripts")
        (folder / "dist").mkdir()
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / "bin").mkdir()
        for program in ("bin/terraform", "bin/gcloud", ".venv/bin/propensity"):
            self.answers(program, "exit 0")

    def answers(self, program, script):
        path = self.folder / program
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >>"{self.calls}"\n{script}\n')
        path.chmod(0o755)

    def run(self, script, *arguments):
        """Run a script, and return its exit code and the calls of programs that it made."""
        self.calls.write_text("")
        path = f"{self.folder}/bin:/usr/bin:/bin"
        command = [self.folder / "scripts" / script, *arguments]
        done = subprocess.run(command, cwd=self.folder, env={"PATH": path}, capture_output=True, text=True, check=False)
        return done.returncode, self.calls.read_text().splitlines()


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


APPLY_PLAN = "terraform -chdir=infra apply -lock-timeout=600s ../dist/plan"


DEPLOYED = "score gs://shop/chain-1a.zip\\ntrain gs://shop/chain-1a.zip\\nanswer gs://shop/checkout-2b.zip\\n"


def test_the_plan_is_written_and_the_deployed_bundles_are_recorded(workspace):
    answer = f"""case "$*" in *-json*) echo '{{"bundles": {{}}}}';; *-raw*) printf '{DEPLOYED}';; esac"""
    workspace.answers("bin/terraform", answer)
    code, [plan, _, output] = workspace.run("plan", "staging")
    assert code == 0
    assert "-var-file=environments/staging.tfvars" in plan
    assert "-out=../dist/plan" in plan
    assert output == "terraform -chdir=infra output -raw bundles"
    workspace.answers("bin/gcloud", 'touch "$4"')
    copies = [f"gs://shop/{name} dist/former/{name}" for name in ("chain-1a.zip", "checkout-2b.zip")]
    assert workspace.run("keep-former") == (0, [f"gcloud storage cp {copy}" for copy in copies])
    former = {"score": "chain-1a.zip", "train": "chain-1a.zip", "answer": "checkout-2b.zip"}
    assert terraform.read(workspace.folder / "dist" / "former.tfvars") == {"former": former}


def test_the_first_deployment_has_no_bundles_to_keep(workspace):
    workspace.answers("bin/terraform", 'case "$*" in *-json*) echo "{}";; *-raw*) echo "no outputs" >&2; exit 1;; esac')
    assert workspace.run("plan", "prod")[0] == 0
    assert workspace.run("keep-former") == (0, [])
    assert not (workspace.folder / "dist" / "former").exists()


def test_an_unreadable_state_is_not_taken_for_a_first_deployment(workspace):
    workspace.answers("bin/terraform", 'case "$*" in *output*) exit 1;; esac')
    assert workspace.run("plan", "prod")[0] == 1


def test_a_refused_plan_ends_the_build(workspace):
    workspace.answers("bin/terraform", "exit 1")
    code, calls = workspace.run("plan", "prod")
    assert (code, len(calls)) == (1, 1)


@pytest.mark.parametrize("branch", ["", "feature", "mainly"])
def test_a_plan_is_applied_only_for_the_branch_main(workspace, branch):
    assert workspace.run("apply", branch) == (0, [])
    assert workspace.run("smoke-test", "7", "120") == (0, [])
    assert workspace.run("roll-back", "prod") == (0, [])


def test_the_plan_is_applied_and_the_smoke_test_reaches_the_deployment(workspace):
    workspace.answers("bin/terraform", 'case "$*" in *output*) echo "export SHOP=propensity";; esac')
    workspace.answers(".venv/bin/propensity", '[ "$SHOP" = propensity ]')
    assert workspace.run("apply", "main") == (0, [APPLY_PLAN, "terraform -chdir=infra output -raw env"])
    smoke_test = "propensity smoke-test --reason build 7 --minutes 120"
    assert workspace.run("smoke-test", "7", "120") == (0, [smoke_test])
    assert workspace.run("roll-back", "prod") == (0, [])


def test_a_failed_apply_ends_the_build(workspace):
    workspace.answers("bin/terraform", "exit 1")
    assert workspace.run("apply", "main") == (1, [APPLY_PLAN])


def test_after_a_failed_smoke_test_the_former_functions_return_and_the_build_fails(workspace):
    workspace.answers(".venv/bin/propensity", "exit 1")
    (workspace.folder / "dist" / "former.tfvars").touch()
    workspace.run("apply", "main")
    assert workspace.run("smoke-test", "7", "120")[0] == 1
    code, [apply] = workspace.run("roll-back", "staging")
    assert code == 1
    assert apply.endswith("-var-file=environments/staging.tfvars -var-file=../dist/former.tfvars")


def test_a_killed_smoke_test_counts_as_failed(workspace):
    assert STEPS["smoke-test"]["allowFailure"]
    workspace.answers(".venv/bin/propensity", "kill -9 $PPID")
    workspace.run("apply", "main")
    workspace.run("smoke-test", "7", "120")
    assert workspace.run("roll-back", "prod") == (1, [])


def test_a_failed_smoke_test_of_the_first_deployment_only_fails_the_build(workspace):
    workspace.answers(".venv/bin/propensity", "exit 1")
    workspace.run("apply", "main")
    workspace.run("smoke-test", "7", "120")
    assert workspace.run("roll-back", "prod") == (1, [])


def test_the_scripts_read_only_declared_outputs_of_terraform(workspace):
    workspace.answers("bin/terraform", """case "$*" in *-json*) echo '{"bundles": {}}';; esac""")
    calls = workspace.run("plan", "prod")[1] + workspace.run("apply", "main")[1]
    asked = {call.rpartition(" ")[2] for call in calls if " output -raw " in call}
    assert len(asked) == 2
    assert asked <= terraform.module().outputs.keys()


@pytest.mark.parametrize("path", sorted((ROOT / "infra" / "environments").glob("*.tfvars")), ids=lambda path: path.stem)
def test_the_variables_of_an_example_are_declared(path):
    assert terraform.read(path).keys() <= terraform.module().variables.keys()
