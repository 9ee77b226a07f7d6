"""README and docs/ name only links, settings, commands, files and SQL that exist and work."""

import contextlib
import json
import re
import shlex
from datetime import date

import pytest
from typer.testing import CliRunner

from cli import sql
from cli.declarations import ROOT
from cli.main import app
from deskcloud.googlesql import analysis
from fixtures import googlesql
from shared.erasure import certificate
from shared.settings import CANDIDATES, Settings, SettingsError

README = (ROOT / "README.md").read_text()
PAGES = {path.stem: path.read_text() for path in (ROOT / "docs").glob("*.md")}
COMMAND = re.compile(r"(?m)(?:^ *|`|/|\$ )propensity (\w[\w-]*)((?: (?:'[^']*'|[^`'\s.;]+))*)")
# Files that pages name although they do not exist: a page asks its reader to write them.
MADE = {"sql/models/strict_logistic.sql"}


def page_and(pattern):
    texts = {**PAGES, "README": README, "CONTRIBUTING": (ROOT / "CONTRIBUTING.md").read_text()}
    return [(name, found) for name, text in texts.items() for found in re.findall(pattern, text)]


def links(text):
    return [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]


def test_the_readme_links_to_each_page():
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")} <= set(links(README))


@pytest.mark.parametrize("place", ["README.md", "CONTRIBUTING.md", *(f"docs/{name}.md" for name in PAGES)])
def test_the_target_of_each_link_exists(place):
    assert [link for link in links((ROOT / place).read_text()) if not ((ROOT / place).parent / link).exists()] == []


def test_each_command_is_explained_in_a_page():
    told = README + PAGES["operate"]
    commands = [one.name or one.callback.__name__.replace("_", "-") for one in app.registered_commands]
    assert [name for name in commands if f"propensity {name}" not in told] == []


@pytest.mark.parametrize(
    ("page", "file"), page_and(r"`((?:sql|shared|functions|tests|infra|docs|deskcloud)/[\w/.-]+)`")
)
def test_a_file_that_a_page_names_exists(page, file):
    assert file in MADE or (ROOT / file).exists(), page


@pytest.mark.parametrize(("page", "assignment"), page_and(r"--set ('[^']+'|[^\s`]+)"))
def test_a_setting_that_a_page_sets_exists(page, assignment):
    [text] = shlex.split(assignment.rstrip(".,"))
    name, _, value = text.partition("=")
    section, _, field = name.partition(".")
    with contextlib.suppress(ValueError):
        value = json.loads(value)
    if page == "add-a-candidate":
        assert "strict_logistic" in value
        value = [one for one in value if one in CANDIDATES]
    document = {"project": "shop-project", "bucket": "shop-bucket", section: {field: value}}
    assert getattr(getattr(Settings.from_document(document), section), field) is not None


def test_the_settings_of_an_export_are_settings():
    [text] = re.findall(r'^    (\{"source".*\})$', PAGES["use-your-own-export"], re.MULTILINE)
    settings = Settings.from_document({"project": "shop-project", "bucket": "shop-bucket", **json.loads(text)})
    assert settings.source_dataset == "my-analytics.analytics_123456789"
    with pytest.raises(SettingsError):
        Settings.from_document({"project": "shop-project", "bucket": "shop-bucket", "source": {"kinds": "ga4"}})


@pytest.mark.parametrize(("page", "command"), [(page, command) for page, (command, _) in page_and(COMMAND)])
def test_a_command_that_a_page_names_exists(page, command):
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, page


def test_the_page_about_erasures_says_how_long_a_certificate_says_that_data_remain():
    [table] = re.findall(r"\| what remains \| how long \|\n\|.*\n((?:\|.*\n)+)", PAGES["erasure"])
    told = [sum(map(int, re.findall(r"\b(\d+) days?\b", row))) for row in table.splitlines()]
    day = date(2026, 11, 2)
    assert told == [(one.until - day).days if one.until else 0 for one in certificate.remainders(day)]


def test_googles_analyzer_accepts_the_example_of_a_candidate():
    [text] = re.findall(r"```sql\n(.*?)```", PAGES["add-a-candidate"], re.DOTALL)
    named = text.replace("${model}", googlesql.IDENTIFIERS["model"])
    named = named.replace("from training_rows", f"from `{googlesql.DATASET}.training_rows`")
    analysis.analyze(named, googlesql.catalog(), {one.name: googlesql.typed(one.type) for one in sql.parameters(text)})
