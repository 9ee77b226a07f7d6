"""The bundles that are deployed: their bytes, their files, and the packages that their requirements install."""

import ast
import compileall
import re
import shutil
import sys
import zipfile
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from cli import declarations, package
from cli.errors import CommandError, UsageError
from cli.main import app
from fixtures import terraform

PIN = re.compile(
    r"^# (?P<reason>.+)\n(?P<asked>(?P<name>[a-z0-9-]+)(?:\[[a-z0-9,-]+\])?)==(?P<version>\S+)"
    r"(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)$",
    re.MULTILINE,
)
NAMES = sorted(path.stem for path in (package.ROOT / "requirements").iterdir())


class Requirements:
    """A file of requirements/. `imported` maps the names of packages that the code imports to their pins.

    `brought` maps the names of the packages on which the imported packages depend to their pins.
    """

    def __init__(self, name):
        self.text = (package.ROOT / "requirements" / f"{name}.txt").read_text()
        self.imported, self.brought = (
            {match["name"]: match for match in PIN.finditer(part)}
            for part in self.text.split("# Brought along by those")
        )
        self.pinned = self.imported | self.brought


def needs(requirement):
    """Return the direct dependencies of a requirement on this platform."""
    asked = [Requirement(text) for text in metadata.requires(requirement.name) or ()]
    extras = ["", *requirement.extras]
    return [one for one in asked if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in extras)]


def closure(names):
    """Map each package that is installed with `names` to the set of the packages that depend on it."""
    waiting, seen = [Requirement(name) for name in names], set()
    asked_by = {one.name: set() for one in waiting}
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
    """Yield all imports in the text of a module, also those inside functions, as pairs.

    For `from a import b`, the pair is (a.b, a), because b may be a module or a name in the module a. For `import a`,
    the pair is (a, a).
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.module) for alias in node.names)


def names(text):
    """Return the names that the text of a module uses."""
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def files_of(module):
    path = module.replace(".", "/")
    return {f"{path}.py", f"{path}/__init__.py"}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Write the bundles of this checkout, and return them."""
    return package.write(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def contents():
    """Return the files of each bundle of this checkout."""
    return package.contents()


@pytest.fixture(params=NAMES)
def name(request):
    """Return the name of a bundle. The bundle's file of requirements has the same name."""
    return request.param


@pytest.fixture
def bundle(here, name):
    [path] = [one.path for one in here if one.path.stem == name]
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.fixture
def tree(tmp_path, contents):
    """Copy all files of the bundles and functions.yaml to another folder. The copies have new times and modes."""
    paths = {path for files in contents.values() for path in files.values()} | {Path(package.FUNCTIONS)}
    for path in sorted(paths, reverse=True):
        target = tmp_path / "tree" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package.ROOT / path, target)
        target.chmod(0o600)
    return tmp_path / "tree"


@pytest.fixture
def small(tmp_path):
    """Write the files of a small project with one function."""
    declared = yaml.safe_load((package.ROOT / package.FUNCTIONS).read_text())
    declared["functions"] = {"score_checkout": declared["functions"]["score_checkout"]}
    files = {
        package.FUNCTIONS: yaml.safe_dump(declared),
        "functions/__init__.py": "",
        "functions/score_checkout.py": "from shared import store, warehouse\nfrom shared.chain import gate\n",
        "main.py": "",
        "requirements/checkout.txt": "",
        "shared/__init__.py": "",
        "shared/chain/__init__.py": "",
        "shared/chain/gate.py": "",
        "shared/store.py": "",
        "shared/warehouse.py": "",
        "sql/scoring/scores.sql": "select 1",
    }
    for name, text in files.items():
        (tmp_path / "small" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "small" / name).write_text(text)
    return tmp_path / "small"


def changed(before, after):
    """Return the names of the bundles whose bytes differ between `before` and `after`."""
    of_before, of_after = ({one.path.stem: one.sha256 for one in some} for some in (before, after))
    assert of_before.keys() == of_after.keys() == set(NAMES)
    return [name for name in NAMES if of_before[name] != of_after[name]]


def test_unchanged_files_give_the_same_bundles(here, tree, tmp_path):
    there = package.write(tmp_path / "new" / "folder", tree)
    assert [one.path.read_bytes() for one in here] == [one.path.read_bytes() for one in there]
    assert changed(here, there) == []


def test_each_file_of_requirements_has_a_bundle_with_the_functions_that_name_it(contents):
    assert list(contents) == NAMES
    for function, declared in declarations.read().functions.items():
        assert [name for name, files in contents.items() if f"functions/{function}.py" in files] == [
            declared.requirements
        ]


def test_a_change_of_files_that_no_function_uses_changes_no_bundle(here, tree, tmp_path):
    for name in ("README.md", "functions/functions.yaml", "sql/tables/new.sql", "tests/test_new.py", "shared/notes.md"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        with (tree / name).open("a") as file:
            file.write("# new")
    (tree / "shared" / "new.py").write_text("nobody = 'imports this'")
    (tree / "shared" / "__pycache__").mkdir()
    (tree / "shared" / "__pycache__" / "rules.cpython-313.pyc").write_bytes(b"compiled")
    assert changed(here, package.write(tmp_path / "after", tree)) == []


def test_a_change_of_code_or_statements_changes_the_bundle(here, tree, tmp_path):
    for name in ("functions/score_checkout.py", "sql/scoring/scores.sql"):
        with (tree / name).open("a") as file:
            file.write("\n")
    assert changed(here, package.write(tmp_path / "after", tree)) == NAMES


@pytest.mark.parametrize(
    ("file", "bundles"),
    [
        ("main.py", ["chain", "checkout", "customers", "google_ads", "messages", "report", "value"]),
        ("shared/settings.py", ["chain", "checkout", "customers", "google_ads", "messages", "report", "value"]),
        ("sql/models/logistic.sql", ["chain", "checkout", "customers", "google_ads", "messages", "report", "value"]),
        ("shared/online/scorer.py", ["chain", "checkout"]),
        ("requirements/checkout.txt", ["checkout"]),
        ("functions/score_checkout.py", ["checkout"]),
        ("requirements/chain.txt", ["chain"]),
        ("functions/on_checkout.py", ["chain"]),
        ("shared/chain/registry.py", ["chain", "customers", "google_ads", "report", "value"]),
        ("shared/clients.py", ["chain", "customers", "google_ads", "messages", "report", "value"]),
        ("sql/scoring/scores.sql", ["chain", "customers", "google_ads", "messages", "report", "value"]),
        ("functions/write_report.py", ["report"]),
        ("shared/customers/crm.py", ["customers"]),
        ("shared/destinations/google_ads.py", ["google_ads"]),
        ("shared/destinations/delivery.py", ["chain", "google_ads"]),
        ("shared/report/page.py", ["report"]),
        ("shared/report/templates/page.html", ["report"]),
        ("shared/chain/guarded.py", ["chain", "customers", "google_ads", "messages"]),
        ("shared/messages/templates/checkout.fr.txt.jinja", ["messages"]),
        ("shared/value/bgnbd.py", ["value"]),
        ("shared/log_events.py", []),
    ],
)
def test_a_bundle_holds_the_files_that_its_functions_can_reach(contents, file, bundles):
    assert (package.ROOT / file).is_file()
    assert [name for name, files in contents.items() if Path(file) in files.values()] == bundles


@pytest.mark.parametrize("file", ["shared/chain/new.py", "shared/chain/new/__init__.py"])
def test_a_module_that_is_imported_late_is_in_the_bundle(small, file):
    (small / file).parent.mkdir(exist_ok=True)
    (small / file).write_text("")
    assert file not in package.contents(small)["checkout"]
    with (small / "functions" / "score_checkout.py").open("a") as opened:
        opened.write("def late():\n    from shared.chain import new\n")
    assert file in package.contents(small)["checkout"]


def test_outside_a_checkout_nothing_is_packaged(tmp_path):
    with pytest.raises(CommandError, match=r"lacks functions/functions.yaml: package from a whole checkout"):
        package.write(tmp_path / "dist", tmp_path)
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("main.py", "a module main that compiles"),
        ("requirements/checkout.txt", "requirements/checkout.txt"),
        ("functions/functions.yaml", "functions/functions.yaml"),
        ("functions/score_checkout.py", "a module functions.score_checkout that compiles"),
        ("shared/chain/gate.py", "a module shared.chain.gate that compiles"),
    ],
)
def test_the_error_about_a_missing_file_of_a_bundle_names_the_file(small, tmp_path, file, named):
    (small / file).unlink()
    with pytest.raises(CommandError, match=f"lacks {re.escape(named)}: "):
        package.write(tmp_path / "dist", small)
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize(("folder", "named"), [("sql", "sql/"), ("shared", "a module shared that compiles")])
def test_the_error_about_a_missing_folder_of_a_bundle_names_the_folder(small, tmp_path, folder, named):
    shutil.rmtree(small / folder)
    with pytest.raises(CommandError, match=f"lacks {named}"):
        package.write(tmp_path / "dist", small)


def test_a_folder_sql_without_statements_is_refused(small, tmp_path):
    shutil.rmtree(small / "sql")
    (small / "sql" / "tables").mkdir(parents=True)
    (small / "sql" / "tables" / "view.sql").write_text("select 1")
    with pytest.raises(CommandError, match="lacks sql/"):
        package.write(tmp_path / "dist", small)


@pytest.mark.parametrize("file", ["functions/score_checkout.py", "shared/store.py"])
def test_the_error_about_a_module_that_does_not_compile_names_it(small, tmp_path, file):
    (small / file).write_text("import\n")
    module = file.removesuffix(".py").replace("/", ".")
    with pytest.raises(CommandError, match=f"lacks a module {module} that compiles"):
        package.write(tmp_path / "dist", small)


@pytest.mark.parametrize("below", ["", "folder"])
def test_bundles_cannot_be_written_to_a_path_at_or_below_a_file(tmp_path, below):
    (tmp_path / "README.md").touch()
    with pytest.raises(UsageError, match=r"README.md is a file: name a folder to write to, e.g. dist"):
        package.write(tmp_path / "README.md" / below)


def test_the_bundles_are_where_terraform_looks_for_them_from_any_folder(tree, tmp_path, monkeypatch):
    looked_for = terraform.module().variables["bundles"]["default"]
    assert (package.ROOT / "infra" / looked_for).resolve() == package.OUTPUT
    monkeypatch.setattr(package, "OUTPUT", tree / "dist")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    printed = CliRunner().invoke(app, ["package"]).output
    assert [line.partition(": ")[0] for line in printed.splitlines()] == [f"../tree/dist/{name}.zip" for name in NAMES]
    assert all((tree / "dist" / f"{name}.zip").is_file() for name in NAMES)


DATA = {("shared", ".html"), ("shared", ".css"), ("shared", ".jinja"), ("shared", ".json")}


def test_a_bundle_holds_only_the_files_that_functions_use(bundle):
    names = [PurePosixPath(name) for name in bundle.namelist()]
    assert {name.parts[0] for name in names} == {"main.py", "requirements.txt", "functions", "shared", "sql"}
    kinds = {(name.parts[0], name.suffix) for name in names if name.parent.name}
    assert kinds - DATA == {("functions", ".py"), ("shared", ".py"), ("sql", ".sql")}
    assert not [name for name in names if "__pycache__" in name.parts or name.parts[:2] == ("sql", "tables")]


def test_every_module_that_reads_files_is_declared_for_the_bundles(contents):
    """A module that uses __file__ may read files beside it, so package.READ must list the module."""
    modules = {name for files in contents.values() for name in files if name.endswith(".py")}
    reading = {name for name in modules if "__file__" in names((package.ROOT / name).read_text())}
    assert reading == package.READ.keys()


def test_a_bundle_contains_or_requires_everything_that_it_imports(bundle, name):
    """Imports inside functions, and imports that are only for types, are checked too."""
    held, imported = set(bundle.namelist()), Requirements(name).imported
    provided = {str(file): one for one in imported for file in metadata.files(one)}
    used = set()
    for path in held:
        for module, or_its in imports(bundle.read(path)) if path.endswith(".py") else ():
            if module.partition(".")[0] in {"shared", "functions"}:
                assert (files_of(module) | files_of(or_its)) & held, (path, module)
            elif or_its.partition(".")[0] not in sys.stdlib_module_names:
                found = (files_of(module) & provided.keys()) or (files_of(or_its) & provided.keys())
                assert found, f"{path} imports {or_its}, which no requirement brings"
                used |= {provided[file] for file in found}
    assert used == imported.keys()


def test_a_bundle_compiles(bundle, tmp_path):
    """Google's buildpack compiles every file of a bundle. So one syntax error would break all of its functions."""
    bundle.extractall(tmp_path)
    assert compileall.compile_dir(tmp_path, quiet=2, force=True)


def test_requirements_are_complete_pinned_hashed_and_have_their_reasons(name):
    requirements = Requirements(name)
    assert len(requirements.pinned) == len([line for line in requirements.text.splitlines() if "==" in line])
    installed = closure(match["asked"] for match in requirements.imported.values())
    assert requirements.pinned.keys() == installed.keys()
    for brought, match in requirements.brought.items():
        reason = match["reason"].removeprefix("for ").removesuffix(", ...")
        assert set(reason.split(", ")) <= installed[brought], brought


def test_deployed_functions_have_the_versions_that_are_tested(name):
    tested = dict(line.split("==") for line in (package.ROOT / "constraints.txt").read_text().splitlines())
    tested = {canonicalize_name(one): version for one, version in tested.items()}
    pinned = Requirements(name).pinned
    assert {one: match["version"] for one, match in pinned.items()} == {one: tested.get(one) for one in pinned}
