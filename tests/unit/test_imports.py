"""Which modules of this project a module imports, directly or indirectly."""

import pytest

from cli.imports import Imports


@pytest.fixture
def root(tmp_path):
    """Return a folder with a small program. Its main.py imports shared/one.py, which a test writes."""
    (tmp_path / "shared" / "deep").mkdir(parents=True)
    for file in ("shared/__init__.py", "shared/two.py", "shared/deep/__init__.py", "shared/deep/three.py"):
        (tmp_path / file).touch()
    (tmp_path / "main.py").write_text("from shared.one import anything")
    return tmp_path


def reached(root, code):
    (root / "shared" / "one.py").write_text(code)
    files, missing = Imports(root, ["main"]).reached(["main"])
    return {file.as_posix() for file in files} - {"main.py", "shared/__init__.py", "shared/one.py"}, missing


@pytest.mark.parametrize(
    "code",
    [
        "import shared.two",
        "from shared import two",
        "from shared.two import name",
        "from . import two",
        "from .two import name",
        "def late():\n  try:\n    pass\n  except Exception:\n    import shared.two",
        "class Holder:\n  match 1:\n    case 1:\n      with open('f'):\n        from shared import two",
        "if False:\n  pass\nelse:\n  from shared import two",
    ],
)
def test_an_import_is_found_however_it_is_written(root, code):
    assert "shared/two.py" in reached(root, code)[0]


def test_a_module_brings_the_packages_that_contain_it(root):
    assert reached(root, "import shared.deep.three") == ({"shared/deep/__init__.py", "shared/deep/three.py"}, [])


def test_packages_that_are_not_ours_are_no_matter(root):
    assert reached(root, "import json, google.cloud\nfrom nowhere import nothing") == (set(), [])


def test_a_name_that_a_packages_code_defines_is_no_missing_module(root):
    (root / "shared" / "deep" / "__init__.py").write_text("NAME = 1\ndef function(): ...\nfrom json import dumps")
    code = "from shared.deep import NAME, function, dumps, absent"
    assert reached(root, code) == ({"shared/deep/__init__.py"}, ["shared.deep.absent"])


def test_only_the_outermost_missing_package_is_named(root):
    assert reached(root, "import shared.gone.deeper.module\nfrom shared.gone import other")[1] == ["shared.gone"]


@pytest.mark.parametrize("code", ["import", "return", "\0"])
def test_a_module_that_does_not_compile_is_missing(root, code):
    assert reached(root, code) == (set(), ["shared.one"])


@pytest.mark.parametrize("importing", ["import shared.bad", "from shared import bad", "from shared.bad import name"])
def test_the_imports_after_one_of_a_module_that_does_not_compile_are_found(root, importing):
    (root / "shared" / "bad.py").write_text("import")
    assert reached(root, f"{importing}\nimport shared.two") == ({"shared/two.py"}, ["shared.bad"])


def test_a_missing_module_concerns_only_those_who_reach_it(root):
    (root / "functions").mkdir()
    for name, code in (("__init__", ""), ("whole", "import shared.two"), ("broken", "import shared.gone")):
        (root / "functions" / f"{name}.py").write_text(code)
    found = Imports(root, ["functions.whole", "functions.broken"])
    assert found.reached(["functions.whole"])[1] == []
    assert found.reached(["functions.broken"])[1] == ["shared.gone"]
