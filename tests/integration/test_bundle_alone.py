"""The bundle as Google builds and starts it: alone with its requirements in a fresh environment, a process a function.

What its buildpack does: pip installs requirements.txt, and `functions-framework` starts in the source's folder, told by
FUNCTION_TARGET which function it is.
"""

import base64
import subprocess
import sys
import zipfile

import httpx
import pytest

from cli import declarations, desk, package
from shared.online import openapi

DECLARED = declarations.read().functions
PROJECT = "shop-project"
KEY = "a key for tests that hides nobody"
IMPORT_ALL = """
import importlib, pathlib
for path in [*pathlib.Path("functions").glob("*.py"), *pathlib.Path("shared").rglob("*.py")]:
    importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    package.write(folder / "functions.zip")
    with zipfile.ZipFile(folder / "functions.zip") as bundle:
        bundle.extractall(folder / "source")
    return folder / "source"


@pytest.fixture(scope="module")
def clean(source, tmp_path_factory):
    """The programs of a virtual environment that holds requirements.txt and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [folder / "bin" / "pip", "install", "--quiet", "--requirement", "requirements.txt"]
    subprocess.run(install, cwd=source, check=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """Something for the functions to speak to; its own functions are other processes."""
    with desk.run(tmp_path_factory.mktemp("cloud"), PROJECT, {"bucket": PROJECT}) as running:
        yield running


def environment(clean, cloud, name):
    """What Google Cloud sets, and what points at the local cloud instead; nothing of this process's own."""
    secrets = dict.fromkeys(DECLARED[name].secrets, KEY)
    # Gunicorn takes a free port for 0, and says which.
    framework = {"FUNCTION_TARGET": name, "HOST": "127.0.0.1", "PORT": "0", "GUNICORN_LOG_LEVEL": "info"}
    return {"PATH": str(clean), **cloud.environment, **secrets, **framework}


def test_the_requirements_install_what_they_list_and_agree(clean, source):
    subprocess.run([clean / "pip", "check"], check=True)
    listed = subprocess.run([clean / "pip", "freeze"], capture_output=True, check=True, text=True).stdout.splitlines()
    pinned = [line.split()[0] for line in (source / "requirements.txt").read_text().splitlines() if "==" in line]
    assert len(listed) == len(pinned)


def test_every_module_of_the_bundle_can_be_imported(clean, source):
    key = {"PROPENSITY_PSEUDONYM_KEY": KEY}
    subprocess.run([clean / "python", "-c", IMPORT_ALL], cwd=source, env=key, check=True)


@pytest.mark.parametrize("name", DECLARED)
def test_every_entry_point_answers(name, clean, source, cloud):
    """A message that nobody can use goes to the dead letters, by way of Google's clients of the fresh environment."""
    command = [clean / "functions-framework"]
    with subprocess.Popen(
        command, cwd=source, env=environment(clean, cloud, name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    ) as process:  # fmt: skip
        try:
            lines = iter(process.stdout.readline, "")
            url = next(line.partition("Listening at: ")[2].split()[0] for line in lines if "Listening at: " in line)
            if DECLARED[name].http:
                answer = httpx.get(f"{url}/openapi.json", timeout=60, trust_env=False)
                assert (answer.status_code, answer.content) == (200, openapi.document())
                return
            topic = f"projects/{PROJECT}/topics/{DECLARED[name].topics[0]}"
            data = base64.b64encode(b"no JSON").decode()
            push = {"subscription": "any", "message": {"data": data, "messageId": f"to-{name}"}}
            answer = httpx.post(f"{url}/{topic}", json=push, timeout=120, trust_env=False)
            assert (answer.status_code, answer.text) == (204, "")
        finally:
            process.terminate()
            printed = process.stdout.read()
    if name not in {"resume_runs", "record_dead_letter"}:
        assert f"message to-{name} cannot be used" in printed
