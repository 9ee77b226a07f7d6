"""Build and start each bundle as Google Cloud does.

As with Google's buildpack, pip installs only requirements.txt in a new environment. Then `functions-framework` starts
in the bundle's folder, in one process per function. The variable FUNCTION_TARGET names the function.
"""

import base64
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pytest

from cli import declarations, local_cloud, package
from fixtures.shop import CHECKOUT
from shared.online import openapi

DECLARED = declarations.read().functions
NAMES = sorted({one.requirements for one in DECLARED.values()})
PROJECT = "shop-project"
KEY = "a key for tests that hides nobody"
# A program that imports every module of a bundle, and the modules that our code imports inside functions. It also
# imports a module that google-auth imports only on Google Cloud.
IMPORT_ALL = """
import ast, importlib, pathlib
import google.auth.compute_engine
for path in [*pathlib.Path("functions").glob("*.py"), *pathlib.Path("shared").rglob("*.py")]:
    importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in [node.module] if isinstance(node, ast.ImportFrom) else names:
            importlib.import_module(name)
"""
# The deadline is long, because a process imports modules at its first call of the endpoint, and these imports are slow.
SETTINGS = {"bucket": PROJECT, "online": {"endpoint_deadline_ms": 20_000}}

# Slow, because the first test of each bundle installs the bundle's requirements.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Built:
    """A bundle that was built: its folder, and the bin folder of an environment with exactly its requirements."""

    source: Path
    programs: Path


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    package.write(folder)
    return folder


@pytest.fixture(scope="module")
def build(bundles, tmp_path_factory):
    """Return a function that builds the bundle with a name. Each bundle is built only once."""

    @cache
    def built(name):
        source, environment = bundles / name, tmp_path_factory.mktemp(name)
        with zipfile.ZipFile(bundles / f"{name}.zip") as bundle:
            bundle.extractall(source)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        install = [environment / "bin" / "pip", "install", "--quiet", "--requirement", "requirements.txt"]
        subprocess.run(install, cwd=source, check=True)
        return Built(source, environment / "bin")

    return built


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """Start the local cloud that the bundles' functions use. The functions themselves run in other processes."""
    with local_cloud.run(tmp_path_factory.mktemp("cloud"), PROJECT, SETTINGS) as running:
        yield running


def environment(programs, cloud, name):
    """Return the environment of a function's process.

    The environment has the variables that Google Cloud sets, and the variables for the local cloud. It inherits no
    variable from this process.
    """
    secrets = dict.fromkeys(DECLARED[name].secrets, KEY)
    # With port 0, gunicorn takes a free port and logs it.
    framework = {"FUNCTION_TARGET": name, "HOST": "127.0.0.1", "PORT": "0", "GUNICORN_LOG_LEVEL": "info"}
    return {"PATH": str(programs), **cloud.environment, **secrets, **framework}


@pytest.mark.parametrize("name", NAMES)
def test_the_requirements_install_what_they_list_and_agree(name, build):
    built = build(name)
    subprocess.run([built.programs / "pip", "check"], check=True)
    freeze = subprocess.run([built.programs / "pip", "freeze"], capture_output=True, check=True, text=True)
    requirements = (built.source / "requirements.txt").read_text()
    assert len(freeze.stdout.splitlines()) == len([line for line in requirements.splitlines() if "==" in line])


@pytest.mark.parametrize("name", NAMES)
def test_every_module_of_a_bundle_can_be_imported(name, build):
    built = build(name)
    secrets = {secret: KEY for one in DECLARED.values() if one.requirements == name for secret in one.secrets}
    subprocess.run([built.programs / "python", "-c", IMPORT_ALL], cwd=built.source, env=secrets, check=True)


def ask(name, url):
    """Send a function a request that must fail, and return the text that the function must log about it."""
    if DECLARED[name].http:
        answer = httpx.get(f"{url}/openapi.json", timeout=60, trust_env=False)
        assert (answer.status_code, answer.content) == (200, openapi.document())
        # The function answers 503, because there is no champion and no model is deployed at the endpoint.
        assert httpx.post(url, json=CHECKOUT, timeout=60, trust_env=False).status_code == 503
        return "no champion is known, and the endpoint failed: HTTP 400"
    topic = f"projects/{PROJECT}/topics/{DECLARED[name].topics[0]}"
    # The message is not valid JSON, so a function that reads messages publishes this one as a dead letter.
    data = base64.b64encode(b"no JSON").decode()
    push = {"subscription": "any", "message": {"data": data, "messageId": f"to-{name}"}}
    answer = httpx.post(f"{url}/{topic}", json=push, timeout=120, trust_env=False)
    assert (answer.status_code, answer.text) == (204, "")
    # The first two functions ignore the content of a message, and record_dead_letter stores any content.
    reads_nothing = {"resume_runs", "watch_checkouts", "record_dead_letter"}
    return "" if name in reads_nothing else f"message to-{name} cannot be used"


@pytest.mark.parametrize("name", DECLARED)
def test_every_entry_point_answers_with_only_its_requirements_installed(name, build, cloud):
    built = build(DECLARED[name].requirements)
    with subprocess.Popen(
        [built.programs / "functions-framework"],
        cwd=built.source,
        env=environment(built.programs, cloud, name),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            lines = iter(process.stdout.readline, "")
            url = next(line.partition("Listening at: ")[2].split()[0] for line in lines if "Listening at: " in line)
            logged = ask(name, url)
        finally:
            process.terminate()
            printed = process.stdout.read()
    assert logged in printed
