"""constraints.txt pins exactly the packages that the set-up installs, at their installed versions."""

import importlib.util
import itertools
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
MAKEFILE = (ROOT / "Makefile").read_text()
# Packages that need no pin: `pip` comes with the environment, and the others are installed from this repository.
NOT_OURS = {"deskcloud", "pip", "propensity"}


def pins(file):
    lines = (ROOT / file).read_text().splitlines()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def asked_for():
    """Return all requirements of the set-up: dependencies, extras, build requirements and the installer."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    build = [*PROJECT["build-system"]["requires"], "editables", "uv"]
    return [Requirement(text) for text in [*PROJECT["project"]["dependencies"], *itertools.chain(*extras), *build]]


def installed_with(requirements):
    """Return the names of all packages that the requirements install on this platform."""
    waiting, seen = list(requirements), set()
    while waiting:
        one = waiting.pop()
        for extra in ("", *one.extras):
            if (key := (canonicalize_name(one.name), extra)) in seen:
                continue
            seen.add(key)
            texts = metadata.requires(one.name) or ()
            asked = [Requirement(text) for text in texts]
            waiting += [it for it in asked if not it.marker or it.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


def test_every_package_that_is_installed_is_pinned_at_its_version_and_nothing_else_is():
    pinned = pins("constraints.txt")
    installed = {name: metadata.version(name) for name in installed_with(asked_for()) - NOT_OURS}
    assert pinned == installed


@pytest.mark.parametrize("file", ["constraints.txt", "constraints-infra.txt", "constraints-clients.txt"])
def test_a_pin_is_one_exact_version_and_the_list_is_in_order(file):
    lines = (ROOT / file).read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_]+", line)] == []
    assert lines == sorted(lines, key=lambda line: canonicalize_name(line.partition("==")[0]))


def test_everything_that_make_installs_is_constrained():
    installs = [line for line in MAKEFILE.splitlines() if "scripts/install" in line and line.startswith("\t")]
    assert installs
    assert [line for line in installs if not re.search(r"scripts/install \S+ constraints\S*\.txt ", line)] == []
    # Each call of an installer must name the file with the constraints.
    installers = re.findall(r"^.*pip install.*$", (ROOT / "scripts/install").read_text(), re.MULTILINE)
    assert [line for line in installers if "--constraint" not in line] == []
    assert "pip install" not in MAKEFILE
    # Build isolation must be off, because it would install the newest version of the build tools.
    assert [line for line in installs if "--editable" in line and "--no-build-isolation" not in line] == []


def test_no_file_that_pins_names_a_registry():
    files = [*ROOT.glob("constraints*.txt"), *REQUIREMENTS]
    assert len(files) > 3
    for file in files:
        assert not re.search(r"://|index-url|find-links|trusted-host", file.read_text()), file


def test_the_environment_has_the_python_version_that_is_named():
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" == (ROOT / ".python-version").read_text().strip()


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


UNKNOWN = {"name": "flask", "skip_reason": "Dependency not found"}
SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
VULNERABLE = {"name": "jinja2", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}


@pytest.mark.parametrize(
    ("packages", "said", "is_vulnerable"),
    [
        ([], "NOT CHECKED", False),
        ([UNKNOWN], "NOT CHECKED, the database of vulnerabilities cannot be reached: Dependency not found", False),
        ([SOUND], "1 packages checked, 0 vulnerable", False),
        ([SOUND, UNKNOWN], "NOT CHECKED, because they are not in the database: flask", False),
        ([SOUND, VULNERABLE], "jinja2 has PYSEC-1, fixed in 2", True),
    ],
)
def test_the_audit_lists_vulnerable_packages_and_those_that_it_could_not_check(packages, said, is_vulnerable):
    lines, found = script("audit").told("requirements/chain.txt", packages, "")
    assert said in "\n".join(lines)
    assert found == is_vulnerable


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.stem)
def test_new_hashes_change_nothing_else(file):
    text = file.read_text()
    pattern = script("pin").REQUIREMENT
    pins = [match["pin"] for match in pattern.finditer(text)]
    assert len(pins) == text.count("==")
    without = pattern.sub(lambda match: match["pin"], text)
    assert "--hash" not in without
    assert [line for line in without.splitlines() if "==" in line] == pins
