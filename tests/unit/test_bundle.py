"""What is deployed: the bundle's bytes, what lies in it, and what requirements.txt installs beside it."""

import ast
import compileall
import re
import shutil
import sys
import zipfile
from importlib import metadata
from pathlib import PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from cli import package
from cli.errors import CommandError
from cli.main import app

PIN = re.compile(
    r"^# (?P<reason>.+)\n(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)$",
    re.MULTILINE,
)
REQUIREMENTS = (package.ROOT / "requirements.txt").read_text()
IMPORTED, BROUGHT = (
    {match["name"]: match for match in PIN.finditer(part)} for part in REQUIREMENTS.split("# Brought along by those")
)
PINNED = IMPORTED | BROUGHT


def needs(requirement):
    """What a requirement asks for directly, on this platform."""
    asked = [Requirement(text) for text in metadata.requires(requirement.name) or ()]
    extras = ["", *requirement.extras]
    return [one for one in asked if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in extras)]


def closure(names):
    """Every package that is installed with the named ones, and who asks for it."""
    asked_by, waiting, seen = {name: set() for name in names}, [Requirement(name) for name in names], set()
    while waiting:
        requirement = waiting.pop()
        if (key := (requirement.name, *sorted(requirement.extras))) in seen:
            continue
        seen.add(key)
        for one in needs(requirement):
            asked_by.setdefault(canonicalize_name(one.name), set()).add(canonicalize_name(requirement.name))
            waiting.append(one)
    return asked_by


def imports(text):
    """The modules that a file imports, wherever in it; `from a import b` may name a.b or something in a."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.module) for alias in node.names)


def files_of(module):
    path = module.replace(".", "/")
    return {f"{path}.py", f"{path}/__init__.py"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "functions.zip"
    package.write(path)
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.fixture
def tree(tmp_path):
    """A copy of what goes into the bundle, and of its declaration, with other times and modes."""
    for path in (package.FUNCTIONS, *reversed(package.content())):
        target = tmp_path / "tree" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package.ROOT / path, target)
        target.chmod(0o600)
    return tmp_path / "tree"


def test_an_unchanged_tree_makes_the_same_bundle(tree, tmp_path):
    here = package.write(tmp_path / "here.zip")
    there = package.write(tmp_path / "new folder" / "there.zip", tree)
    assert here.path.read_bytes() == there.path.read_bytes()
    assert (here.sha256, here.size, here.files) == (there.sha256, there.size, there.files)


def test_what_does_not_run_changes_no_bundle(tree, tmp_path):
    before = package.write(tmp_path / "before.zip", tree).sha256
    for name in ("README.md", "functions/functions.yaml", "sql/tables/new.sql", "tests/test_new.py", "shared/notes.md"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        with (tree / name).open("a") as file:
            file.write("# new")
    (tree / "shared" / "__pycache__").mkdir()
    (tree / "shared" / "__pycache__" / "rules.cpython-313.pyc").write_bytes(b"compiled")
    assert package.write(tmp_path / "after.zip", tree).sha256 == before


@pytest.mark.parametrize("name", ["main.py", "requirements.txt", "shared/chain/new.py", "sql/checks/fail/new.sql"])
def test_what_runs_changes_it(tree, tmp_path, name):
    before = package.write(tmp_path / "before.zip", tree).sha256
    (tree / name).write_text("new")
    assert package.write(tmp_path / "after.zip", tree).sha256 != before


def test_outside_a_checkout_nothing_is_packaged(tmp_path):
    with pytest.raises(CommandError, match=r"lacks main.py, requirements.txt, .*: package from a whole checkout"):
        package.write(tmp_path / "functions.zip", tmp_path)
    assert not (tmp_path / "functions.zip").exists()


@pytest.mark.parametrize(
    "name", ["main.py", "requirements.txt", "functions/functions.yaml", "functions/score_checkout.py"]
)
def test_a_bundle_without_a_file_that_is_needed_is_refused_by_its_name(tree, tmp_path, name):
    (tree / name).unlink()
    with pytest.raises(CommandError, match=f"lacks {re.escape(name)}: "):
        package.write(tmp_path / "functions.zip", tree)


@pytest.mark.parametrize("folder", ["sql", "shared"])
def test_a_bundle_without_a_folder_that_is_needed_is_refused_by_its_name(tree, tmp_path, folder):
    shutil.rmtree(tree / folder)
    with pytest.raises(CommandError, match=f"lacks {folder}/"):
        package.write(tmp_path / "functions.zip", tree)


def test_the_tables_alone_are_no_statements(tree, tmp_path):
    shutil.rmtree(tree / "sql")
    (tree / "sql" / "tables").mkdir(parents=True)
    (tree / "sql" / "tables" / "view.sql").write_text("select 1")
    with pytest.raises(CommandError, match="lacks sql/"):
        package.write(tmp_path / "functions.zip", tree)


def test_a_folder_is_no_place_to_write_to(tmp_path):
    with pytest.raises(CommandError, match=rf"is a folder: name the file to write, e.g. {tmp_path}/functions.zip"):
        package.write(tmp_path)


@pytest.mark.parametrize("below", ["x.zip", "folder/x.zip"])
def test_below_a_file_there_is_no_place_to_write_to(tmp_path, below):
    (tmp_path / "README.md").touch()
    with pytest.raises(CommandError, match=r"cannot be written: \S+/README.md is a file"):
        package.write(tmp_path / "README.md" / below)


def test_the_bundle_lies_where_terraform_looks_for_it_wherever_one_stands(tree, tmp_path, monkeypatch):
    variable = (package.ROOT / "infra" / "bundle.tf").read_text()
    [looked_for] = re.findall(r'default += "(.*)"', variable)
    assert (package.ROOT / "infra" / looked_for).resolve() == package.OUTPUT
    monkeypatch.setattr(package, "OUTPUT", tree / "dist" / "functions.zip")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    printed = CliRunner().invoke(app, ["package"]).output
    assert printed.startswith("../tree/dist/functions.zip: ")
    assert (tree / "dist" / "functions.zip").is_file()


def test_the_bundle_holds_what_runs_and_nothing_else(bundle):
    names = [PurePosixPath(name) for name in bundle.namelist()]
    assert {name.parts[0] for name in names} == {"main.py", "requirements.txt", "functions", "shared", "sql"}
    kinds = {(name.parts[0], name.suffix) for name in names if name.parent.name}
    assert kinds == {("functions", ".py"), ("shared", ".py"), ("sql", ".sql")}
    assert not [name for name in names if "__pycache__" in name.parts or name.parts[:2] == ("sql", "tables")]


def test_what_the_bundle_imports_lies_in_it_or_is_a_requirement(bundle):
    """Also what is imported late, or for its types alone."""
    held = set(bundle.namelist())
    provided = {str(file): name for name in IMPORTED for file in metadata.files(name)}
    used = set()
    for name in held:
        for module, or_its in imports(bundle.read(name)) if name.endswith(".py") else ():
            if module.partition(".")[0] in {"shared", "functions"}:
                assert (files_of(module) | files_of(or_its)) & held, (name, module)
            elif or_its.partition(".")[0] not in sys.stdlib_module_names:
                found = (files_of(module) & provided.keys()) or (files_of(or_its) & provided.keys())
                assert found, f"{name} imports {or_its}, which no requirement brings"
                used |= {provided[file] for file in found}
    assert used == IMPORTED.keys()


def test_the_bundle_compiles(bundle, tmp_path):
    """As Google's buildpack compiles all of it, so that one error anywhere breaks every function."""
    bundle.extractall(tmp_path)
    assert compileall.compile_dir(tmp_path, quiet=2, force=True)


def test_requirements_are_complete_pinned_hashed_and_have_their_reasons():
    assert len(PINNED) == len([line for line in REQUIREMENTS.splitlines() if "==" in line])
    installed = closure(IMPORTED)
    assert PINNED.keys() == installed.keys()
    for name, match in BROUGHT.items():
        reason = match["reason"].removeprefix("for ").removesuffix(", ...")
        assert set(reason.split(", ")) <= installed[name], name


def test_deployed_functions_have_the_versions_that_are_tested():
    tested = dict(line.split("==") for line in (package.ROOT / "constraints.txt").read_text().splitlines())
    tested = {canonicalize_name(name): version for name, version in tested.items()}
    assert {name: match["version"] for name, match in PINNED.items()} == {name: tested.get(name) for name in PINNED}
