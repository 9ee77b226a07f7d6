"""What a command prints if it cannot reach an environment, and which command it recommends to run next."""

import pytest
from google.api_core.exceptions import BadRequest

from cli import checkout, main, terminal, world
from cli.errors import CommandError

LOCAL = r"`propensity up --env-file env\.sh` in one terminal"
GOOGLE = r'`eval "\$\(terraform -chdir=infra output -raw env\)"`'


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """Set up an environment without settings, project or credentials."""
    for name in ("GOOGLE_CLOUD_PROJECT", "PROPENSITY_SETTINGS", "STORAGE_EMULATOR_HOST", checkout.URL):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def told(monkeypatch, capfd):
    """Return a function that runs a command which must fail, and returns the error that the command prints."""

    def tell(*words, code=1):
        monkeypatch.setattr("sys.argv", ["propensity", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert ended.value.code == code
        return capfd.readouterr().err

    return tell


def test_the_error_about_a_missing_project_says_how_to_name_a_local_cloud_or_google_cloud():
    with pytest.raises(CommandError, match=f"GOOGLE_CLOUD_PROJECT is not set: .*{LOCAL}.*{GOOGLE}"):
        world.connected()


@pytest.mark.parametrize("project", ["", "Shop", "shop", "1-shop-prod", "shop-prod-", "a" * 31])
def test_the_error_about_an_invalid_project_states_the_rule_in_words(monkeypatch, project):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    with pytest.raises(
        CommandError, match=f"GOOGLE_CLOUD_PROJECT is '{project}', .* 6 to 30 lower-case letters, digits"
    ):
        world.connected()


def test_the_error_about_unreadable_settings_says_how_to_get_them(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "shop-prod")
    monkeypatch.setenv("PROPENSITY_SETTINGS", "{")
    with pytest.raises(CommandError, match=f"PROPENSITY_SETTINGS is not a JSON object.*{GOOGLE}"):
        world.connected()


def test_the_error_about_missing_credentials_says_how_to_log_in(monkeypatch, told):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "shop-prod")
    assert "`gcloud auth application-default login`" in told("runs")


def test_an_error_is_one_line_however_narrow_the_terminal(monkeypatch, told):
    monkeypatch.setattr(terminal.err, "width", 20)
    assert told("runs").count("\n") == 1


def test_an_error_does_not_show_the_secret_of_a_url(monkeypatch, told):
    def refuse():
        raise BadRequest("POST http://local:a-secret@127.0.0.1:9050/x: no such column")

    monkeypatch.setattr(world, "connected", refuse)
    assert told("runs") == "error: POST http://127.0.0.1:9050/x: no such column\n"


def test_without_a_url_the_error_of_score_says_where_to_find_it_in_both_clouds():
    with pytest.raises(CommandError, match=f"{LOCAL}.*`terraform -chdir=infra output score_checkout`"):
        checkout.ask(b"{}")


def test_a_folder_as_the_result_file_is_refused_before_anything_starts(told, tmp_path):
    assert "is a folder: name the file to write" in told("demo", "--json", str(tmp_path), code=2)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("nosuch", "'nosuch'; see `propensity --help`"),
        ("demo --set a", "--set a: write it as name=value"),
        ("up --set foo=1", "there is no setting foo; there are project, bucket"),
        ("up --set gat.min_positives=1", "there is no setting gat; did you mean gate?"),
        ("up --set source.sort=1", "there is no setting source.sort; source has source.kind"),
        ("cost --set gate.min_positives=x", 'gate.min_positives is "x"; it must be a whole number of at least 0'),
        ("demo --sett a", "--set"),
        ("demo --seed -1", "'--seed': -1 is not a whole number from 0"),
        ("demo --days x", "'--days': x is not a whole number from 20 to 1,000; see `propensity demo --help`"),
        ("demo --state {file}/state", "{file} is a file; name a folder"),
        ("up --state {file}", "{file} is a file; name a folder"),
        ("up --env-file {file}/env.sh", "env.sh cannot be written"),
        ("up --storage-port 65536", "'--storage-port': 65536 is not a whole number from 0 to 65,535"),
        ("up --storage-port 8080", "--storage-port and --functions-port are both 8080"),
        ("up --ports some", "'--ports': 'some' is not one of 'fixed', 'free'"),
        ("publish data-refresh", "there is no topic 'data-refresh'; did you mean data-refreshed?"),
        ("publish data-refreshed {{", "not JSON: it ends too early"),
        ("publish data-refreshed []", "an event is a JSON object"),
        ("runs --limit 0", "'--limit': 0 is not a whole number from 1"),
        ("show nope", "'RUN': 'nope' is not of the form YYYYMMDD-xxxxxxxx"),
        ("reset nope", "'RUN': 'nope' is not of the form YYYYMMDD-xxxxxxxx"),
        ("rollback --to abc", "'--to': 'abc' is not a version's number"),
        ("replay", "name the dead letters"),
        ("replay x --all --yes", "give either --all or the names of dead letters, not both"),
        ("score {{", "the request is not JSON: it ends too early"),
        ("score @{file}", "{file} is not JSON"),
        ("score @{file}.json", "the file cannot be read: No such file"),
        ("erase --request r1 --yes", "name the person: give --customer, --visitor or both"),
        ("erase --customer 1 --request a@b --yes", "--request takes up to 64 letters, digits and . _ -"),
        ("smoke-test --reason r --minutes 0", "'--minutes': 0 is not a whole number from 1"),
        ("package --output {file}/zip", "{file} is a file"),
    ],
)
def test_a_wrong_call_of_a_command_exits_with_2_and_names_the_value_and_its_rule(told, tmp_path, words, named):
    file = tmp_path / "file"
    file.write_text("no JSON")
    line = told(*words.format(file=file).split(), code=2)
    assert line.startswith("error: ")
    assert line.count("\n") == 1
    assert named.format(file=file) in line


def test_a_command_group_without_arguments_shows_the_help(monkeypatch, capfd):
    monkeypatch.setattr("sys.argv", ["propensity"])
    with pytest.raises(SystemExit, match="2"):
        main.main()
    printed = capfd.readouterr()
    assert "Run the whole chain in a local cloud" in printed.out
    assert "error" not in printed.err
