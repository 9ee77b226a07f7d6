"""How the chain recovers from services that fail or hang, from lost or unusable events, and from unusable data."""

import pytest
from google.cloud import pubsub_v1
from typer.testing import CliRunner

from cli import local_cloud
from cli.main import app
from deskcloud import provisioning
from deskcloud.bigquery.gateway import execution
from deskcloud.bigquery.gateway.errors import BigQueryError
from fixtures.chain import SOON
from shared.chain.run_state import STEPS

pytestmark = pytest.mark.slow


@pytest.fixture
def chain(breakable_chain):
    return breakable_chain


def begin(chain, **body):
    """Announce new data, wait until a run is open, and return the run's id."""
    known = set(chain.runs.ids())
    chain.clients.send("data-refreshed", body)
    chain.wait_until(lambda: set(chain.runs.ids()) - known, "a run is opened")
    [run_id] = set(chain.runs.ids()) - known
    return run_id


def failure_of(chain, run_id, step):
    """Wait until the ledger has a failure of this step in this run, and return the failure."""

    def found():
        return [one for one in chain.run(run_id).failures if one.step == step]

    chain.wait_until(found, f"a failure of {step} stands on the run")
    [failure] = found()
    return failure


# Failing services. While a service fails or hangs, the step is retried, and the ledger shows the failure.


PREDICTION = ("vertex", r"^POST \S+:predict")
AUDIENCE = ("bigquery", r"^POST .*-publish_audience-audience-audience-")
SCORES = ("bigquery", r"^POST .*-score_visitors-scoring-scores-")


def assert_it_is_retried(chain, run_id, step, reason):
    failure = failure_of(chain, run_id, step)
    assert not failure.is_permanent
    assert reason in failure.reason.lower().replace("timed out", "timeout")
    assert chain.run(run_id).outcome == "retrying"


def test_steps_record_failures_while_their_services_fail_and_continue_afterwards(chain):
    with chain.wire.breaks(*AUDIENCE, "hang"):
        with chain.wire.breaks(*PREDICTION, "fail"):
            run_id = begin(chain, reason="two broken services")
            assert_it_is_retried(chain, run_id, "deploy_model", "500")
        assert_it_is_retried(chain, run_id, "publish_audience", "timeout")
    chain.settle()
    run = chain.run(run_id)
    assert (run.outcome, run.reason) == ("published", "")
    assert chain.outcome(run) == chain.expected


@pytest.mark.parametrize(
    ("step", "place", "act", "reason"),
    [
        ("score_visitors", SCORES, "fail", "500"),
        ("deploy_model", PREDICTION, "hang", "timeout"),
    ],
)
def test_a_step_records_a_failure_while_its_service_fails_and_continues_afterwards(chain, step, place, act, reason):
    with chain.wire.breaks(*place, act):
        run_id = begin(chain, reason=f"{step} {act}")
        assert_it_is_retried(chain, run_id, step, reason)
    chain.settle()
    run = chain.run(run_id)
    assert (run.outcome, run.reason) == ("published", "")
    assert chain.outcome(run) == chain.expected


def test_a_training_that_fails_temporarily_is_repeated_and_the_run_continues(chain, monkeypatch):
    carry_out, failed = execution.run, []

    def run(work):
        if "create or replace model `logistic_" in work.query["query"] and not failed:
            failed.append(work.job_id)
            raise BigQueryError("backendError", "as a test wants it")
        return carry_out(work)

    monkeypatch.setattr(execution, "run", run)
    run = chain.refresh(reason="training")
    told, expected = chain.outcome(run), dict(chain.expected)
    assert told.pop("trainings") == ["baseline attempt 1", "logistic attempt 1", "logistic attempt 2"]
    assert [job.rpartition("-")[0] for job in told.pop("repeated jobs")] == [failed[0].rpartition("-")[0]]
    more = {"steps/evaluate_models.2.json", "steps/train_models.2.json", "trainings/2.json"}
    assert set(told.pop("files")) - set(expected.pop("files")) == more
    assert told == {name: expected[name] for name in told}
    assert set(run.seconds) == set(STEPS)


# The test is slow, because Google's client waits some seconds before it retries.
def test_if_the_bucket_fails_for_a_while_nothing_is_lost(chain):
    with chain.wire.breaks("storage", r"^POST .*/steps/", "fail", times=4):
        run = chain.refresh(reason="bucket")
    assert chain.outcome(run) == chain.expected


# Events that cannot be used, or that are lost.


def test_an_invalid_event_is_stored_with_the_reason_and_shown(chain):
    before = chain.state()
    unknown = {"run_id": "20990101-ffffffff", "candidate": "logistic"}
    of_another_kind = {"run_id": chain.first.run_id}
    nonsense = {"model-approved": unknown, "data-refreshed": {"tabel": "x"}, "recommendations-due": of_another_kind}
    for topic, body in nonsense.items():
        assert chain.send(topic, body) == []
    reasons = {letter.function: letter.reason for letter in chain.dead_letters.all().values()}
    assert "there is no run 20990101-ffffffff" in reasons["deploy_model"]
    assert "unknown fields: 1" in reasons["build_features"]
    assert "was opened by data-refreshed, not by recommendations-due" in reasons["build_recommendations"]
    shown = CliRunner().invoke(app, ["runs"], env={"COLUMNS": "200"}, catch_exceptions=False).output
    assert "Dead letters" in shown
    assert "unknown fields" in shown
    chain.dead_letters.remove_all()
    assert chain.state() == before


def test_a_run_whose_event_was_lost_is_resumed(chain):
    lost = f"projects/{chain.clients.settings.project}/subscriptions/score-visitors-model-deployed"
    subscriber = pubsub_v1.SubscriberClient()
    endpoint = subscriber.get_subscription(subscription=lost).push_config.push_endpoint
    subscriber.delete_subscription(subscription=lost)
    run_id = begin(chain, reason="lost")
    chain.wait_until(lambda: chain.run(run_id).records[-1:] and is_deployed(chain, run_id), "the model is deployed")
    document = local_cloud.document(chain.clients.settings.project, {"bucket": "a-bucket"}, backoff=SOON)
    functions = endpoint.partition("/score_visitors/")[0]
    provisioning.make_topics(document, chain.cloud.services["pubsub"], functions)
    chain.leave_out_what_is_beside()
    assert chain.run(run_id).outcome == "running"
    chain.cloud.scheduler.trigger("resume")
    chain.settle()
    assert chain.outcome(chain.run(run_id)) == chain.expected


def is_deployed(chain, run_id):
    return chain.run(run_id).records[-1].step == "deploy_model" and chain.cloud.pubsub.idle()


# Data that a run cannot use.


def run_sql(chain, statement):
    list(chain.clients.bigquery.query_and_wait(statement))


@pytest.fixture
def newest(chain):
    """Delete the newest day-table, and return its name. After the test, the table is restored with its rows."""
    path = chain.files[-1]
    chain.clients.bigquery.delete_table(f"analytics.{path.stem}")
    yield path.stem
    chain.load(path)


def is_left_as_it_was(chain, before):
    after = chain.state()
    return all(after[what] == before[what] for what in before if what not in {"objects", "jobs"})


UNUSABLE = {
    "it is empty": ("select * from analytics.{other} where false", "is empty"),
    "it lacks a column": (
        "select * except (channelGrouping, trafficSource) from analytics.{other}",
        "lacks the column channelGrouping, trafficSource.source, trafficSource.medium",
    ),
}


@pytest.mark.parametrize("what", [pytest.param("it is empty", marks=pytest.mark.slow), "it lacks a column"])
def test_a_day_table_that_cannot_be_used_fails_the_run_for_good_and_changes_nothing(chain, newest, what):
    before = chain.state()
    made_of, reason = UNUSABLE[what]
    run_sql(chain, f"create table analytics.{newest} as {made_of.format(other=chain.files[-2].stem)}")
    assert_it_failed_for_good(chain.refresh(table=newest), newest, reason)
    assert is_left_as_it_was(chain, before)


WHOLE = "select * from analytics.{other}"
LACKING = "select * except (channelGrouping) from analytics.{other}"


def test_if_the_newest_table_lacks_a_column_the_run_fails(chain, newest):
    before = chain.state()
    today = "ga_sessions_intraday_20991231"
    for table, made_of in ((newest, WHOLE), (today, LACKING)):
        run_sql(chain, f"create table analytics.{table} as {made_of.format(other=chain.files[-2].stem)}")
    run = chain.refresh(table=newest)
    run_sql(chain, f"drop table analytics.{today}")
    assert_it_failed_for_good(run, today, "lacks the column channelGrouping")
    assert is_left_as_it_was(chain, before)


def assert_it_failed_for_good(run, table, reason):
    [failure] = run.failures
    assert (run.outcome, failure.step, failure.is_permanent) == ("failed", "build_features", True)
    assert reason in failure.reason
    assert table in failure.reason


def test_a_missing_day_table_fails_the_run_for_good_and_once_it_exists_the_same_trigger_succeeds(chain, newest):
    before = chain.state()
    trigger = {"table": newest, "reason": "mended"}
    assert_it_failed_for_good(chain.refresh(**trigger), newest, "there is no table")
    assert is_left_as_it_was(chain, before)
    chain.load(chain.files[-1])
    assert chain.outcome(chain.refresh(**trigger)) == chain.expected


def test_without_any_buyer_no_candidate_is_trained_and_the_champion_stays(chain):
    before = chain.state()
    run_sql(chain, "create table propensity.kept as select * from propensity.visitor_features")
    run_sql(
        chain,
        "update propensity.visitor_features set will_buy_on_return_visit = 0 where will_buy_on_return_visit = 1",
    )
    run = chain.refresh(reason="nobody bought")
    run_sql(chain, "delete from propensity.visitor_features where true")
    run_sql(chain, "insert into propensity.visitor_features select * from propensity.kept")
    run_sql(chain, "drop table propensity.kept")
    assert (run.outcome, run.failures) == ("rejected", [])
    assert "0 of" in run.reason
    assert "training visitors bought on a return visit" in run.reason
    after = chain.state()
    for what in ("champion", "deployed", "traffic", "versions"):
        assert after[what] == before[what]
    for table in ("visitor_features", "scores", "audience"):
        assert after["tables"][table] == before["tables"][table]
