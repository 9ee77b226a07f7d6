"""The patches to local-bigquery and other packages. Each patched object exists, and each patch is recorded."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from local_bigquery.engine import database
from local_bigquery.jobs import runner
from local_bigquery.sql.rules import STATEMENT_RULES, dml, math
from packaging.requirements import Requirement

from desk import patched
from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.patching import PatchError
from deskcloud.bigquery.emulator.place import READING_SECRET, SECRET

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
VERSION = patching.VERSIONS["local-bigquery"]


def text_of_a_statement():
    return "SELECT 1"


@pytest.mark.parametrize(
    ("patch", "target", "problem"),
    [
        (
            lambda: patching.replace(database, "lakes", None, "slow"),
            "local_bigquery.engine.database.lakes (slow)",
            "it does not exist",
        ),
        (
            lambda: patching.wrap(runner, "HANDLERS", print, "slow", key="unload"),
            "local_bigquery.jobs.runner.HANDLERS['unload'] (slow)",
            "it has no such entry",
        ),
        (
            lambda: patching.replace(math, "division", None, "slow", rules=STATEMENT_RULES),
            "local_bigquery.sql.rules.math.division (slow)",
            "it is not in the list of rules",
        ),
        (
            lambda: patching.position(STATEMENT_RULES, dml, "insert_fields", "slow"),
            "local_bigquery.sql.rules.dml.insert_fields (slow)",
            "it does not exist",
        ),
        (
            lambda: patching.with_texts(database.objects, {"SELECT 1": "SELECT 2"}, "slow"),
            "local_bigquery.engine.database.objects (slow)",
            "it no longer has the texts ['SELECT 1']",
        ),
    ],
)
def test_a_patch_of_a_missing_target_is_refused_with_its_name(patch, target, problem):
    before = list(patching.applied)
    with pytest.raises(PatchError) as refusal:
        patch()
    assert str(refusal.value).startswith(f"cannot patch {target}: {problem}; ")
    assert f"expected local-bigquery {VERSION}, found {VERSION}. Run pip install " in str(refusal.value)
    assert patching.applied == before


def test_another_version_is_refused_before_anything_is_replaced(monkeypatch):
    monkeypatch.setitem(patching.VERSIONS, "local-bigquery", "9.0")
    original = database.objects
    with pytest.raises(PatchError) as refusal:
        patching.replace(database, "objects", None, "slow")
    assert database.objects is original
    assert str(refusal.value) == (
        "cannot patch local_bigquery.engine.database.objects (slow): the version differs; expected local-bigquery "
        f"9.0, found {VERSION}. "
        "Run pip install local-bigquery==9.0, or adapt the patches in deskcloud.bigquery.emulator"
    )
    with pytest.raises(PatchError, match=rf"expected local-bigquery 9\.0, found {re.escape(VERSION)}"):
        patching.check_versions()


def test_a_patch_of_a_functions_text_replaces_it_in_a_copy_of_the_function():
    other = patching.with_texts(text_of_a_statement, {"SELECT 1": "SELECT 2"}, "slow")
    assert (other(), text_of_a_statement()) == ("SELECT 2", "SELECT 1")


def test_the_patched_versions_are_those_that_deskcloud_requires():
    exact = [Requirement(text) for text in PROJECT["project"]["dependencies"] if "==" in text]
    assert {one.name: str(one.specifier).removeprefix("==") for one in exact} == patching.VERSIONS


def test_each_change_of_the_emulator_is_recorded_with_its_reason(tmp_path):
    environment = os.environ | {SECRET: "a", READING_SECRET: "b", "LOCAL_BIGQUERY_SCRATCH": str(tmp_path)}
    command = [sys.executable, patched.__file__]
    # The emulator ends when its standard input is closed, so keep the input open.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        told = json.loads(process.stdout.read())
    targets = {target for target, _ in told["applied"]}
    assert all(reason for _, reason in told["applied"])
    assert [names for names in told["changes"] if not targets.intersection(names)] == []
    assert targets - {name for names in told["changes"] for name in names} == set()
    assert len(targets) > 50
