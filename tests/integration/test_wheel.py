"""The installed wheel works without the repository. In any folder, the commands find all files that they need."""

import os
import subprocess
import sys
import zipfile

import pytest
from hatchling.build import build_wheel

from cli import package, sql

pytestmark = pytest.mark.slow

WORKING = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
CALL = "import sys; from cli.main import main; sys.argv[0] = 'propensity'; main()"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(package.ROOT)
        return folder / build_wheel(str(folder))


@pytest.fixture(scope="module")
def unpacked(wheel):
    with zipfile.ZipFile(wheel) as content:
        content.extractall(wheel.parent / "unpacked")
    return wheel.parent / "unpacked"


def called(folder, *command, **environment):
    done = subprocess.run(command, cwd=folder, env=WORKING | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_only_the_files_that_commands_and_functions_use(wheel):
    with zipfile.ZipFile(wheel) as content:
        names = {name for name in content.namelist() if ".dist-info/" not in name}
    declared = {str(path.relative_to(package.ROOT)) for path in (package.ROOT / "sql" / "tables").iterdir()}
    bundled = {path.as_posix() for files in package.contents().values() for path in files.values()}
    assert names >= bundled | declared | {"functions/functions.yaml"}
    expected = {"cli", "demo", "functions", "main.py", "requirements", "shared", "sql"}
    assert {name.partition("/")[0] for name in names} == expected


def test_without_a_checkout_statements_are_listed_and_the_bundles_have_the_same_bytes(unpacked, tmp_path):
    listed = called(tmp_path, sys.executable, "-c", CALL, "sql", PYTHONPATH=str(unpacked))
    assert [line.split()[0] for line in listed.splitlines()] == sql.names()
    told = called(tmp_path, sys.executable, "-c", CALL, "package", PYTHONPATH=str(unpacked))
    expected = package.write(tmp_path / "expected")
    assert [line.partition(": ")[0] for line in told.splitlines()] == [f"dist/{one.path.name}" for one in expected]
    for one in expected:
        assert (tmp_path / "dist" / one.path.name).read_bytes() == one.path.read_bytes()


@pytest.mark.timeout(1200)
def test_a_demonstration_succeeds_with_only_the_wheel_installed(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "clean"], check=True)
    programs, elsewhere = tmp_path / "clean" / "bin", tmp_path / "elsewhere"
    install = [programs / "pip", "install", "--quiet", "--constraint", "constraints.txt", "./deskcloud", ".[local]"]
    subprocess.run(install, cwd=package.ROOT, check=True)
    elsewhere.mkdir()
    assert called(elsewhere, programs / "propensity", "--version").startswith("propensity ")
    told = called(elsewhere, programs / "propensity", "demo", "--days", "24", "--sessions", "3000")
    assert "starting the local cloud in .state/demo ..." in told
    assert "done  evaluate_models" in told
    assert (elsewhere / ".state" / "demo").is_dir()
