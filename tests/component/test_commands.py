"""What the commands of `propensity` print and do. The ledger is real, but the registry and Pub/Sub are fakes."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from importlib import metadata
from unittest.mock import patch

import msgspec
import pytest
from rich.console import Console

from cli import demonstration, machine, rollback, terminal, world
from cli.errors import CommandError
from deskcloud import standing
from deskcloud.bigquery.emulator.launch import EmulatorDiedError
from deskcloud.cloud import Ports
from fixtures.commands import FIRST, LONG, NOW, SECOND, THIRD, connected, run
from shared.chain import pointer, promotion
from shared.chain.documents import CHECKS
from shared.errors import Permanent


@pytest.fixture
def shop(bucket, monkeypatch):
    return connected(bucket, monkeypatch)


# The command `runs`.


def test_the_runs_are_listed_newest_first_with_kind_reason_and_the_champion(shop):
    listed = json.loads(run("runs", "--json").stdout)["runs"]
    assert [row["run_id"] for row in listed] == [THIRD, SECOND, FIRST]
    assert [row["state"] for row in listed] == ["failed", "running", "published"]
    assert [row["reason"] for row in listed] == ["new campaign", "", ""]
    assert [row["is_champion"] for row in listed] == [False, False, True]
    assert {row["kind"] for row in listed} == {"training"}
    assert run("runs").stdout.index(THIRD) < run("runs").stdout.index(f"{FIRST} champion")


def test_a_report_is_downloaded_and_a_run_that_has_none_yet_is_named(shop, tmp_path, monkeypatch):
    shop.runs.write_page(FIRST, "report.html", b"<h1>It ended</h1>")
    file = tmp_path / "page.html"
    assert run("report", FIRST, "--out", str(file)).exit_code == 0
    assert file.read_bytes() == b"<h1>It ended</h1>"
    assert "write_report writes it once the run has ended" in str(run("report", SECOND, "--out", str(file)).exception)
    assert "there is no run 20990101-ffffffff" in str(run("report", "20990101-ffffffff").exception)


def test_a_report_is_linked_by_its_uri_and_on_google_cloud_by_its_browser_address(shop, monkeypatch):
    shop.runs.write_page(FIRST, "report.html", b"<h1>It ended</h1>")
    path = f"{shop.settings.bucket}/runs/{FIRST}/report.html"
    for is_local, address in ((True, "gs://"), (False, "https://storage.cloud.google.com/")):
        monkeypatch.setattr(world, "is_local", lambda is_local=is_local: is_local)
        linked = {row["run_id"]: row["report"] for row in json.loads(run("runs", "--json").stdout)["runs"]}
        assert linked == {FIRST: f"{address}{path}", SECOND: None, THIRD: None}
        assert f"report       {address}{path}" in run("show", FIRST).stdout.replace("\n", "")


def test_runs_can_be_limited_or_restricted_to_failed_ones(shop):
    assert [row["run_id"] for row in json.loads(run("runs", "--json", "--limit", "2").stdout)["runs"]] == [
        THIRD,
        SECOND,
    ]
    assert [row["run_id"] for row in json.loads(run("runs", "--json", "--failed").stdout)["runs"]] == [THIRD]
    assert "2 of 3 runs" in run("runs", "--limit", "2").stdout
    assert run("runs", "--limit", "0").exit_code == 2


def test_a_run_without_its_record_is_listed_as_lost_and_counts_as_failed(shop):
    shop.runs.write("20170102-00000000", CHECKS, {})
    first = json.loads(run("runs", "--json", "--failed").stdout)["runs"][0]
    assert (first["run_id"], first["state"]) == ("20170102-00000000", "lost")


@pytest.mark.parametrize("record", ["{", '{"topic": "scoring-due"}'])
def test_a_run_with_an_unreadable_record_is_listed_as_lost_and_the_others_as_usual(shop, record):
    shop.bucket.blob(f"runs/{THIRD}/run.json").upload_from_string(record)
    first, *others = json.loads(run("runs", "--json").stdout)["runs"]
    assert (first["run_id"], first["state"]) == (THIRD, "lost")
    assert f"runs/{THIRD}/run.json cannot be read" in first["why"]
    assert [row["state"] for row in others] == ["running", "published"]


def test_nothing_is_cut_off_in_a_pipe_whatever_the_terminals_width(shop, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(terminal, "out", terminal.Output())
    printed = run("runs").stdout
    assert LONG in printed
    assert "…" not in printed


def test_in_a_narrow_terminal_long_words_are_broken_and_not_cut_off(tmp_path):
    with (tmp_path / "screen").open("w+") as screen:
        console = terminal.Output(file=screen, force_terminal=True, width=20)
        table = terminal.table("name")
        table.add_row("propensity-local.analytics.ga_sessions_20170801")
        console.print(table)
        screen.seek(0)
        assert "…" not in screen.read()


# The command `publish`.


def test_the_error_about_an_unknown_topic_names_the_known_topics():
    answer = run("publish", "data-refresh")
    assert isinstance(answer.exception, CommandError)
    told = str(answer.exception)
    assert "did you mean data-refreshed?" in told
    assert "checkout-started" in told


@pytest.mark.parametrize("body", ["{", "[]", "NaN", '{"reason": NaN}', '{"reason": 1e400}', "\udcff"])
def test_a_body_that_is_no_json_object_is_not_published(shop, body):
    assert run("publish", "data-refreshed", body).exit_code == 2
    assert shop.pubsub.sent == []


# The command `up`.


@pytest.mark.parametrize("service", list(asdict(Ports())))
def test_the_error_about_a_taken_port_names_its_flag_and_another_way(service):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, flag = taken.getsockname()[1], service.replace("_", "-")
        with pytest.raises(
            CommandError, match=rf"port {port} for {service} is taken.* --{flag}-port, or `--ports free`"
        ):
            standing.require(Ports(**{service: port}))


def test_free_ports_are_used_except_for_named_ports():
    unnamed = dict.fromkeys(asdict(Ports()))
    assert standing.ports(unnamed, are_free=False) == standing.FIXED
    assert standing.ports(unnamed, are_free=True) == Ports()
    assert standing.ports(unnamed | {"vertex": 7}, are_free=True) == Ports(vertex=7)
    with pytest.raises(CommandError, match="--storage-port and --functions-port are both 8080"):
        standing.ports(unnamed | {"storage": 8080}, are_free=False)


def test_the_option_version_prints_the_version():
    answer = run("--version")
    assert (answer.exit_code, answer.output) == (0, f"propensity {metadata.version('propensity')}\n")


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_an_impossible_port_is_a_usage_error(port):
    assert run("up", "--storage-port", port).exit_code == 2


def test_a_state_that_a_service_cannot_open_is_an_error_that_says_so(monkeypatch, tmp_path):
    def run_none(*_, **__):
        raise EmulatorDiedError("it cannot open the state")

    monkeypatch.setattr(machine.local_cloud, "run", run_none)
    with (
        pytest.raises(CommandError, match="it cannot open the state"),
        machine.started(tmp_path, {"bucket": "a-bucket"}),
    ):
        pass


@pytest.mark.slow
def test_a_cloud_starts_with_the_settings_of_its_last_start(tmp_path):
    settings = machine.local_settings({"campaign": {"name": "spring_sale"}}, [])
    ports = standing.ports({}, are_free=True)
    with patch.dict(os.environ), machine.started(tmp_path, settings, ports=ports, is_held=True):
        assert world.settings().campaign.name == "spring_sale"
    again = machine.local_settings(machine.last_settings(tmp_path), ["campaign.holdout_share=0.1"])
    assert again["campaign"] == {"name": "spring_sale", "holdout_share": 0.1}


def test_a_state_folder_without_settings_has_the_defaults(tmp_path):
    assert machine.last_settings(tmp_path) == {}


@pytest.mark.parametrize(("kept", "why"), [('{"nosuch": 1}', "there is no setting nosuch"), ("{", "truncated")])
def test_settings_of_the_last_start_that_are_not_accepted_are_refused_with_a_remedy(tmp_path, kept, why):
    (tmp_path / "settings.json").write_text(kept)
    with pytest.raises(CommandError, match=f"settings.json: .*{why}.*; remove the file"):
        machine.last_settings(tmp_path)


# The command `rollback`.


@pytest.fixture
def moved(shop, monkeypatch):
    def roll_back(clients, cause, to):
        before, now = clients.champion_and(to)
        clients.serving = now.number
        clients.causes.append(cause)
        return before, now

    monkeypatch.setattr(promotion, "roll_back", roll_back)
    monkeypatch.setattr(pointer, "follow", lambda _: None)
    return shop


def test_a_rollback_says_what_it_would_do_and_asks(moved):
    asked = run("rollback", "--to", "1", answer="n\n")
    assert "version 3 (logistic_20170801_0a1b2c3d) -> version 1" in asked.stdout
    assert (asked.exit_code, moved.serving, moved.pubsub.sent) == (1, "3", [])
    assert run("rollback", "--to", "1", "--reason", "complaints", answer="y\n").exit_code == 0
    assert [(cause.kind, cause.reason) for cause in moved.causes] == [("rolled_back", "complaints")]
    assert (moved.serving, [topic for topic, *_ in moved.pubsub.sent]) == ("1", ["scoring-due"])


def test_without_an_answer_nothing_is_rolled_back(moved):
    assert run("rollback", answer="").exit_code == 1
    assert moved.serving == "3"
    assert run("rollback", "--yes").exit_code == 0
    assert moved.serving == "2"


def test_a_rollback_to_the_champion_changes_nothing_and_asks_nothing(moved):
    answer = run("rollback", "--to", "3")
    assert (answer.exit_code, moved.pubsub.sent) == (0, [])
    assert "version 3 (logistic_20170801_0a1b2c3d) is champion" in answer.stdout


def test_the_history_shows_who_moved_the_champion_and_why(shop):
    assert run("history").stdout == "there has been no champion yet\n"
    move = promotion.Move(1, NOW, "promoted", "", "3", FIRST, "deploy_model", "the gate approved [it]")
    decision = promotion.Decision("3", NOW, [move, msgspec.structs.replace(move, number=2, from_version="3")])
    shop.bucket.blob(promotion.PATH).upload_from_string(msgspec.json.encode(decision))
    assert [move["number"] for move in json.loads(run("history", "--json").stdout)] == [2, 1]
    assert "the gate approved [it]" in run("history").stdout


def test_two_runs_are_shown_side_by_side(shop):
    shown = run("compare", FIRST, THIRD).stdout
    [state] = [line for line in shown.splitlines() if line.startswith("│ state")]
    assert [cell.strip() for cell in state.strip("│").split("│")] == ["state", "published", "failed"]


def test_the_error_about_a_version_that_is_not_deployed_names_the_deployed_ones(moved):
    with pytest.raises(Permanent, match="version 9 is not deployed; deployed are: 1, 2, 3"):
        rollback.roll_back(moved, "complaints", "somebody", "9")


# The command `demo`.


def test_loading_prints_a_line_for_each_tenth_in_a_pipe(tmp_path):
    with (tmp_path / "pipe").open("w+") as pipe, demonstration.progress("loading", 366, Console(file=pipe)) as advance:
        for _ in range(366):
            advance()
        pipe.seek(0)
        told = pipe.read().splitlines()
    assert told[0] == "loading ..."
    assert told[1:] == [f"loaded {number} of 366" for number in (37, 74, 110, 147, 183, 220, 257, 293, 330)]


HEAVY = {
    "duckdb",
    "google.api_core",
    "google.auth",
    "google.cloud.bigquery",
    "google.cloud.storage",
    "grpc",
    "pandas",
    "pyarrow",
    "sqlglot",
    "uvicorn",
}


def test_the_help_imports_neither_googles_clients_nor_the_local_cloud():
    program = "import sys; from cli import main; main.app(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert "Usage: " in done.stdout
    assert HEAVY.intersection(done.stdout.splitlines()[-1].split()) == set()
