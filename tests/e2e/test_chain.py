"""The whole chain runs from refreshed data to a published audience. Then operations such as a rollback are tested."""

import base64
import csv
import html
import json
import re
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from cli import replay, resetting, rollback, smoke
from cli.main import app
from fixtures import googlesql
from fixtures.chain import DEADLINE
from shared import offers
from shared.chain import intervals
from shared.chain.documents import Audience
from shared.chain.run_state import STEPS
from shared.dead_letters import Letter
from shared.errors import Permanent

EVENTS = Path(__file__).parent.parent / "events"


@pytest.fixture
def run(chain):
    return chain.first


# Tests of the first run and its results.


def test_bigquery_gets_only_statements_of_sql_with_the_parameter_types_that_were_analyzed(chain, run):
    kinds = googlesql.every_parameter_type()
    queries = [job for job in chain.sent if job.job_type == "query"]
    assert [job.query for job in queries if googlesql.named_by(job.query) is None] == []
    for job in queries:
        sent = {one.name: googlesql.sent_type(one) for one in job.query_parameters}
        assert sent == {name: kinds[name] for name in sent}, googlesql.named_by(job.query)
    assert len({googlesql.named_by(job.query) for job in queries}) > 30


def test_a_refresh_ends_in_a_published_audience(chain, run):
    assert (run.outcome, run.reason) == ("published", "")
    assert [record.step for record in run.records] == [step for step in STEPS if step != "training"]
    assert all(check.is_ok for check in run.documents.checks.values())
    assert "fail/columns" in run.documents.checks
    assert chain.dead_letters.all() == {}


def test_the_winner_is_chosen_on_evaluation_visitors_and_only_the_winner_is_tested_on_test_visitors(chain, run):
    evaluation = run.documents.evaluation
    candidates, splits = evaluation.candidates, {one.split: one for one in evaluation.splits}
    assert set(candidates) == {"baseline", "logistic", "boosted_trees"}
    assert set(evaluation.test) == {evaluation.winner}
    for split, measured in (("evaluation", candidates), ("test", evaluation.test)):
        assert {row.visitors for row in measured.values()} == {splits[split].visitors}
        assert {row.positives for row in measured.values()} == {splits[split].positives}
    assert min(candidates, key=lambda name: candidates[name].log_loss) in evaluation.choice
    assert evaluation.winner in evaluation.choice
    assert evaluation.failed == {}
    seen = chain.rows("evaluation_rows", f"run_id = '{run.run_id}' and split = 'test'")
    assert {row["candidate"] for row in seen} == {evaluation.winner}


def test_every_metric_lies_within_its_interval(run):
    evaluation = run.documents.evaluation
    for measured in (*evaluation.candidates.values(), *evaluation.test.values()):
        assert set(measured.intervals) == set(intervals.METRICS)
        for metric, (lower, upper) in measured.intervals.items():
            assert lower <= getattr(measured, metric) <= upper, metric


def test_visitors_are_split_by_time_and_each_is_in_one_split(chain, run):
    rows = chain.rows("training_rows", f"run_id = '{run.run_id}'")
    days = {split: [row["first_day"] for row in rows if row["split"] == split] for split in ("train", "evaluation")}
    days["test"] = [row["first_day"] for row in rows if row["split"] == "test"]
    assert max(days["train"]) < min(days["evaluation"]) <= max(days["evaluation"]) < min(days["test"])
    assert len({(row["visitor_id"], row["first_day"]) for row in rows}) == len(rows)


def test_everybody_active_is_scored_once_by_the_champion_and_gets_the_policys_offer(chain, run):
    scores = chain.rows("scores")
    champion, policy = chain.clients.registry.champion(), chain.clients.settings.policy
    assert {row["model_version"] for row in scores} == {champion.number}
    assert {row["visitor_id"] for row in scores} == {row["visitor_id"] for row in chain.rows("sessions", INSIDERS)}
    assert len({row["visitor_id"] for row in scores}) == len(scores)
    for row in scores:
        assert row["offer"] == offers.offer(row["probability"], offers.thresholds(policy, chain.pointer().percentiles))


# The condition leaves out each visitor who has an internal session.
INSIDERS = "visitor_id not in (select visitor_id from propensity.sessions where is_internal)"


def test_each_decile_has_a_tenth_of_the_test_visitors_and_the_first_the_most_likely(chain):
    by_decile = {decile: [] for decile in range(1, 11)}
    for row in chain.rows("scores"):
        by_decile[row["decile"]].append(row["probability"])
    sizes = {len(probabilities) for probabilities in by_decile.values()}
    assert max(sizes) - min(sizes) <= 1
    for decile in range(1, 10):
        assert min(by_decile[decile]) >= max(by_decile[decile + 1])


def test_the_audience_has_the_visitors_in_the_best_deciles_with_their_scores(chain):
    best = f"decile <= {chain.clients.settings.audience.max_decile}"
    assert chain.digest("audience", without={"next_products", "expected_value"}) == chain.digest("scores", best)


def test_the_manifest_lists_files_whose_rows_are_the_audience(chain, run):
    manifest = run.documents.audience
    rows = [row for uri in manifest.files for row in csv.DictReader(chain.text(uri).splitlines())]
    members = chain.rows("audience")
    assert manifest.files
    assert manifest.members == len(rows) == len(members)
    assert manifest.scored == len(chain.rows("scores"))
    assert [row["visitor_id"] for row in rows] == [
        row["visitor_id"] for row in sorted(members, key=lambda row: (row["decile"], row["visitor_id"]))
    ]


def test_the_runs_folder_has_its_documents_its_steps_and_its_model(chain, run):
    names = {name.removeprefix(f"runs/{run.run_id}/") for name in chain.blobs()}
    assert names >= {"run.json", "checks.json", "evaluation.json", "deployment.json", "scorer.json", "audience.json"}
    assert names >= {f"steps/{step}.json" for step in STEPS if step != "training"}
    assert {name for name in names if name.startswith("model/")}
    assert not {name for name in names if name.startswith("failures/")}
    trained = run.documents.training
    assert set(trained) == {"baseline", "logistic", "boosted_trees"}
    assert all(statistics.iterations and statistics.features for statistics in trained.values())


def test_the_winner_is_the_champion_and_takes_all_traffic(chain, run):
    champion = chain.clients.registry.champion()
    assert (champion.run_id, champion.candidate) == (run.run_id, run.documents.evaluation.winner)
    assert champion.number == run.documents.deployment.version
    assert chain.endpoint() == ([champion.number], {champion.number: 100})


def test_the_endpoint_agrees_with_ml_predict(chain):
    champion = chain.clients.registry.champion()
    statement = f"""
        select * from ml.predict(
            model propensity.{champion.model},
            (select * from propensity.session_features order by session_id limit 40))"""  # noqa: S608 - the statement contains only our own names
    rows = [dict(row) for row in chain.clients.bigquery.query_and_wait(statement)]
    label = "will_buy_on_return_visit"
    expected = [{p["label"]: p["prob"] for p in row.pop(f"predicted_{label}_probs")}[1] for row in rows]
    instances = [{name: row[name] for name in row if isinstance(row[name], int | float | str)} for row in rows]
    for probability, prediction in zip(expected, chain.predict(instances).predictions, strict=True):
        answered = dict(zip(prediction[f"{label}_values"], prediction[f"{label}_probs"], strict=True))
        assert answered["1"] == pytest.approx(probability, abs=1e-6)


def test_the_published_event_about_the_audience_contains_no_rows(chain, run):
    told = chain.heard("audience-published")
    assert told == [run.records[-1].event.to_json()]
    assert msgspec.json.decode(chain.text(told[0]["manifest"]), type=Audience) == run.documents.audience


def test_the_report_shows_the_run_and_no_visitor(chain, run):
    page = chain.text(chain.runs.uri(run.run_id, "report.html"))
    sections = re.findall(r'<section id="(\w+)"', page)
    assert sections == ["run", "data", "models", "curves", "drivers", "segments", "audience", "cost"]
    assert run.documents.evaluation.choice in html.unescape(page)
    assert not [row["visitor_id"] for row in chain.rows("sessions") if row["visitor_id"] in page]
    assert len(page) < 2_000_000
    assert not re.search(r"<script|<link|src=|url\(|https?:", page)


def test_the_report_is_the_same_when_it_is_written_again(chain, run):
    before = chain.blobs()
    chain.send("audience-published", run.records[-1].event.to_json())
    assert chain.blobs() == before


def test_recommendations_have_a_report_of_their_own(chain):
    [beside] = [run_id for run_id in chain.runs.ids() if chain.run(run_id).topic == "recommendations-due"]
    page = chain.text(chain.runs.uri(beside, "report.html"))
    assert re.findall(r'<section id="(\w+)"', page) == ["run", "recommendations", "cost"]


# The following tests change the chain's state. After each test, the data are those from before the test, and there is
# a champion.


def of_the_newest_day(chain, name):
    """Return a sample of a message that Google sends, changed so that the message names the newest day-table."""
    newest = chain.files[-1].stem
    text = (EVENTS / f"{name}.json").read_text()
    return json.loads(text.replace("events_20201101", newest).replace("20201101", newest.rpartition("_")[2]))


def test_announcing_unchanged_data_changes_nothing(chain):
    before = chain.state()
    shapes = [
        {},
        {"table": chain.files[-1].stem},
        {"date": "2017-03-24"},
        of_the_newest_day(chain, "ga4_export_complete"),
        of_the_newest_day(chain, "audit_load_done"),
        of_the_newest_day(chain, "old_audit_load_completed"),
        of_the_newest_day(chain, "transfer_run_succeeded"),
    ]
    for shape in shapes:
        chain.clients.send("data-refreshed", shape)
    chain.settle()
    assert chain.state() == before


def test_a_refresh_with_a_reason_opens_a_run_that_is_compared_with_the_champion(chain):
    before = chain.clients.registry.champion()
    run = smoke.run(chain.clients, "new campaign", DEADLINE, lambda _: chain.wait_for_a_delivery())
    chain.settle()
    assert run.outcome == "published"
    evaluation = run.documents.evaluation
    # On the same data, the same candidate wins, and the new model is as good as the former champion. So the evaluation
    # names the former champion as the best one.
    winner, former = evaluation.test[evaluation.winner], evaluation.test["champion"]
    assert (former.visitors, former.roc_auc) == (winner.visitors, pytest.approx(winner.roc_auc, abs=1e-9))
    assert (evaluation.champion, evaluation.best) == (before.number, before)
    champion = chain.clients.registry.champion()
    assert champion.run_id == run.run_id
    assert chain.endpoint() == ([before.number, champion.number], {champion.number: 100})
    assert {row["model_version"] for row in chain.rows("audience")} == {champion.number}
    page = chain.text(chain.runs.uri(run.run_id, "report.html"))
    assert f"Compared with run {chain.first.run_id}" in page
    assert '<th scope="row">champion</th>' in page


def test_a_replayed_message_has_one_effect_and_a_malformed_one_becomes_a_dead_letter_again(chain, run, monkeypatch):
    built = run.records[0].event
    for name, body in (("1", built.to_json()), ("2", {"nonsense": 1})):
        data = base64.b64encode(json.dumps(body).encode()).decode()
        about = {"function": "train_models", "reason": "mended since", "received_at": run.opened_at}
        chain.dead_letters.bury(name, Letter(**about, topic=built.topic, data=data))
    before = chain.changes(), chain.job_ids(), chain.runs.ids()
    monkeypatch.setattr(replay, "PATIENCE_SECONDS", 0)
    CliRunner().invoke(app, ["replay", "--all", "--yes"], catch_exceptions=False)
    chain.settle()
    assert (chain.changes(), chain.job_ids(), chain.runs.ids()) == before
    [letter] = chain.dead_letters.all().values()
    assert letter.function == "train_models"
    assert letter.reason.startswith("unknown fields")
    chain.dead_letters.remove_all()


def test_a_rollback_makes_the_former_champion_score_again_and_can_be_rolled_back_itself(chain):
    newest = chain.clients.registry.champion()
    before, former = rolled_back(chain)
    assert before == newest
    assert chain.clients.registry.champion() == former != newest
    assert chain.endpoint() == ([former.number, newest.number], {former.number: 100})
    assert versions_in(chain, "scores") == versions_in(chain, "audience") == {former.number}
    assert rolled_back(chain) == (former, newest)
    assert chain.clients.registry.champion() == newest
    assert chain.endpoint() == ([former.number, newest.number], {newest.number: 100})
    assert versions_in(chain, "scores") == versions_in(chain, "audience") == {newest.number}


def rolled_back(chain):
    known = set(chain.runs.ids())
    versions = rollback.roll_back(chain.clients, "complaints", "somebody")
    chain.settle()
    new = [chain.run(run_id) for run_id in set(chain.runs.ids()) - known]
    # Each published audience opens a run that resolves the customers.
    assert sorted(run.kind for run in new) == ["customers", "scoring"]
    [run] = [run for run in new if run.kind == "scoring"]
    assert [record.step for record in run.records] == ["score_visitors", "publish_audience"]
    return versions


def versions_in(chain, table):
    return {row["model_version"] for row in chain.rows(table)}


def test_a_champion_scores_each_day_once_even_if_the_schedule_fires_repeatedly(chain):
    chain.send("scoring-due", {})
    before = chain.state()
    for _ in range(3):
        chain.cloud.scheduler.trigger("scoring")
    assert chain.send("scoring-due", {}) == []
    assert chain.state() == before


def test_the_models_health_is_checked_once_a_day_even_if_the_schedule_fires_repeatedly(chain):
    [run] = chain.send("monitoring-due", {})
    assert (run.kind, run.outcome) == ("monitoring", "monitored")
    findings = {one.check: one.state for one in run.documents.health.findings}
    assert run.records[-1].event.returned == ""
    assert findings.keys() >= {"data_age", "scores_age", "champion_age", "performance", "drift"}
    assert findings["scores_age"] == "fine"
    rows = chain.rows("model_health", f"run_id = '{run.run_id}'")
    assert {row["check_name"]: row["state"] for row in rows} == findings
    assert {row["model_version"] for row in rows} == {chain.clients.registry.champion().number}
    before = chain.state()
    assert chain.send("monitoring-due", {}) == []
    assert chain.state() == before


def test_what_is_left_of_an_unknown_run_can_be_reset(chain):
    late = "20170101-deadbeef"
    rows = "select x, x > 1 as label from unnest([1, 2, 3]) as x"
    chain.clients.bigquery.query_and_wait(
        f"create model propensity.baseline_20170101_deadbeef options (model_type = 'LOGISTIC_REG') as {rows}"
    )
    chain.clients.bigquery.query_and_wait(
        "insert into propensity.audience (day, visitor_id, probability, decile, offer, model_version, run_id) "
        "values ('2017-01-01', 'v', 0.5, 1, 'none', '1', '20170101-deadbeef')"
    )
    assert late not in chain.runs.ids()
    lines = resetting.plan(chain.clients, late).lines
    assert lines == ["model baseline_20170101_deadbeef", "the run's 1 rows of table audience"]
    assert "model baseline_20170101_deadbeef" in resetting.plan(chain.clients, None).lines
    resetting.plan(chain.clients, late).carry_out()
    with pytest.raises(Permanent, match=f"there is no run {late}"):
        resetting.plan(chain.clients, late)


def test_the_champions_run_cannot_be_reset(chain):
    champion = chain.clients.registry.champion()
    with pytest.raises(Permanent, match="roll back first"):
        resetting.plan(chain.clients, champion.run_id)
