"""What a command says before it can speak to any environment, and by which command a person goes on."""

import pytest

from cli import checkout, main, world
from cli.errors import CommandError

LOCAL = r"`propensity up --env-file env\.sh` in one terminal"
GOOGLE = r'`eval "\$\(terraform -chdir=infra output -raw env\)"`'


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """Variables that name no environment, and a home without credentials."""
    for name in ("GOOGLE_CLOUD_PROJECT", "PROPENSITY_SETTINGS", "STORAGE_EMULATOR_HOST", checkout.URL):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def told(monkeypatch, capfd):
    """What a command prints as its error."""

    def tell(*words):
        monkeypatch.setattr("sys.argv", ["propensity", *words])
        with pytest.raises(SystemExit, match="1"):
            main.main()
        return capfd.readouterr().err

    return tell


def test_without_a_project_one_learns_how_to_name_a_local_cloud_and_googles():
    with pytest.raises(CommandError, match=f"GOOGLE_CLOUD_PROJECT is not set: .*{LOCAL}.*{GOOGLE}"):
        world.connected()


@pytest.mark.parametrize("project", ["", "Shop", "shop", "1-shop-prod", "shop-prod-", "a" * 31])
def test_a_project_that_breaks_the_rule_is_told_the_rule_in_words(monkeypatch, project):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    with pytest.raises(
        CommandError, match=f"GOOGLE_CLOUD_PROJECT is '{project}', .* 6 to 30 lower-case letters, digits"
    ):
        world.connected()


def test_settings_that_cannot_be_read_are_told_how_to_be_had(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "shop-prod")
    monkeypatch.setenv("PROPENSITY_SETTINGS", "{")
    with pytest.raises(CommandError, match=f"PROPENSITY_SETTINGS is not a JSON object.*{GOOGLE}"):
        world.connected()


def test_without_credentials_one_learns_how_to_log_in(monkeypatch, told):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "shop-prod")
    assert "`gcloud auth application-default login`" in told("runs")


def test_an_error_is_one_line_however_narrow_the_terminal(monkeypatch, told):
    monkeypatch.setattr(main.err, "width", 20)
    assert told("runs").count("\n") == 1


def test_without_an_address_a_score_names_where_both_clouds_tell_it():
    with pytest.raises(CommandError, match=f"{LOCAL}.*`terraform -chdir=infra output score_checkout`"):
        checkout.ask(b"{}")


def test_a_folder_is_refused_as_a_result_before_anything_starts(told, tmp_path):
    assert "is a folder: name the file to write" in told("demo", "--json", str(tmp_path))
