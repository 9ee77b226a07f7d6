"""What the online scorers find in the bucket after the chain has run: the pointer, and the champion's artefact."""

import pytest
from typer.testing import CliRunner

from cli import resetting
from cli.main import app
from fixtures.online import endpoint_first, scored_sessions
from shared import offers
from shared.chain import pointer
from shared.champion import POINTER
from shared.online.scorer import OnlineScorer


def generation(chain):
    return chain.blobs()[POINTER]


def with_two_versions(chain):
    if len(chain.endpoint()[0]) < 2:
        chain.refresh(reason="something to roll back from")


def test_the_pointer_names_the_champion_its_scorer_and_its_inputs(chain):
    champion, found = chain.clients.registry.champion(), chain.pointer()
    assert (found.version, found.run_id, found.candidate) == (champion.number, champion.run_id, champion.candidate)
    assert found.scorer == f"runs/{champion.run_id}/scorer.json"
    model = chain.clients.bigquery.get_model(f"propensity.{champion.model}")
    assert list(found.inputs) == [column.name for column in model.feature_columns]
    assert found.inputs["time_on_site"] > 0
    assert found.inputs.get("source") is None


def test_a_tenth_of_the_test_visitors_falls_into_each_decile(chain):
    found = chain.pointer()
    rows = chain.rows(
        "evaluation_rows", f"run_id = '{found.run_id}' and candidate = '{found.candidate}' and split = 'test'"
    )
    assert found.percentiles == sorted(found.percentiles, reverse=True)
    for percent, lowest in enumerate(found.percentiles, start=1):
        above = sum(row["probability"] > lowest for row in rows)
        at_least = sum(row["probability"] >= lowest for row in rows)
        assert above < percent * len(rows) / 100 <= at_least
        if percent % 10 == 0:
            assert sum(found.decile(row["probability"]) <= percent // 10 for row in rows) == at_least


def test_both_online_scorers_give_every_visitor_the_probability_in_the_table_scores(chain):
    scorer, policy = OnlineScorer(chain.clients.settings), chain.clients.settings.policy
    rows = scored_sessions(chain.clients, 500)
    assert len(rows) == 500
    for row in rows:
        scored = scorer.score(row)
        assert scored.probability == pytest.approx(row["scored"], abs=1e-6)
        assert (scored.version, scored.path) == (row["scored_by"], "embedded")
        assert offers.offer(scored.probability, offers.thresholds(policy, scored.percentiles)) == row["offered"]
    by_endpoint = OnlineScorer(endpoint_first(chain.clients.settings))
    for row in rows[:20]:
        scored, other = scorer.score(row), by_endpoint.score(row)
        assert other.probability == pytest.approx(scored.probability, abs=1e-6)
        assert (other.version, other.decile, other.path) == (scored.version, scored.decile, "endpoint")


def test_the_pointer_is_not_written_while_it_is_right(chain):
    before = generation(chain)
    pointer.follow(chain.clients)
    chain.cloud.scheduler.trigger("resume")
    chain.settle()
    assert generation(chain) == before


@pytest.mark.parametrize("left", [None, b'{"version": "0"}', b"not JSON"])
def test_a_pointer_that_a_dead_process_left_wrong_is_corrected_by_the_next_scheduled_run(chain, left):
    blob, right = chain.clients.storage.bucket(chain.clients.settings.bucket).blob(POINTER), chain.pointer()
    blob.delete() if left is None else blob.upload_from_string(left)
    chain.cloud.scheduler.trigger("resume")
    chain.settle()
    assert chain.pointer() == right


def test_a_rollback_also_moves_the_pointer_and_the_scorer_notices_it(chain):
    with_two_versions(chain)
    newest = chain.pointer()
    answer = CliRunner().invoke(app, ["rollback", "--yes"], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    former = chain.pointer()
    assert former.version == chain.clients.registry.champion().number != newest.version
    assert OnlineScorer(chain.clients.settings).score({}).version == former.version
    chain.settle()
    answer = CliRunner().invoke(app, ["rollback", "--yes"], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    chain.settle()
    assert chain.pointer() == newest, answer.output


def test_without_a_champion_there_is_no_pointer(chain, monkeypatch):
    kept = chain.pointer()
    with monkeypatch.context() as patch:
        patch.setattr(type(chain.clients.registry), "champion", lambda _: None)
        pointer.follow(chain.clients)
        pointer.follow(chain.clients)
    assert POINTER not in chain.blobs()
    pointer.follow(chain.clients)
    assert chain.pointer() == kept


def test_a_reset_of_all_runs_removes_the_pointer_after_the_versions(chain):
    lines = resetting.plan(chain.clients, None).lines
    at = lines.index("the champion's pointer")
    assert all("of the registered model" in line for line in lines[:at])
    assert not any("of the registered model" in line for line in lines[at:])


def give_back(registry):
    """Move the alias `champion` to the former champion."""
    registry.make_champion(registry.champion_and()[1].number)


def test_a_process_that_read_the_alias_before_it_moved_does_not_overwrite_a_newer_pointer(chain, monkeypatch):
    """The first process reads the alias `champion` and pauses. A second process moves the alias and writes the pointer.

    Then the first process continues.
    """
    with_two_versions(chain)
    registry = chain.clients.registry
    read, begun = type(registry).champion, []

    def read_long_ago(self):
        found = read(self)
        if not begun:
            begun.append(found)
            give_back(registry)
            pointer.follow(chain.clients)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(type(registry), "champion", read_long_ago)
        pointer.follow(chain.clients)
    assert chain.pointer().version == registry.champion().number != begun[0].number
    give_back(registry)
    pointer.follow(chain.clients)
