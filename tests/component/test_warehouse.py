"""A BigQuery job of a step runs once, even if the step's event is delivered several times.

Uses the local BigQuery, and statements that this file defines.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from google.api_core.exceptions import BadRequest, Forbidden
from hypothesis import given
from hypothesis import strategies as st

from desk.bigquery import connect, forbidding
from deskcloud.bigquery.gateway import execution
from deskcloud.bigquery.gateway.errors import BigQueryError
from deskcloud.web import serving
from shared import errors
from shared import warehouse as module
from shared.deadline import Deadline
from shared.errors import NotReady, Permanent
from shared.settings import Settings
from shared.warehouse import IDENTIFIER, Statement, Warehouse

DATASET = "unit_warehouse"
RUN = "20170801-0a1b2c3d"
STATEMENTS = {
    "hits/add": "insert into hits (number) values (@number)",
    "hits/count": "select count(*) as hits from ${table}",
    "hits/share": "select 1 / count(*) as share from hits",
    "hits/broken": "selekt 1",
    "hits/train": "create or replace model m options (model_type = 'LOGISTIC_REG') as "
    "select x, mod(x, 2) as label from unnest(generate_array(1, 50)) as x",
    "values/all": "select @flag as flag, @whole as whole, @real as real, @text as text, @day as day, @moment as moment",
    "values/lists": "select array_length(@days) as days, array_length(@texts) as texts",
    "slow/count": "select count(*) as pairs from unnest(generate_array(1, 100000)) as a, "
    "unnest(generate_array(1, 100000)) as b where mod(a * b, 7919) = 1",
}


@pytest.fixture
def statements(tmp_path, monkeypatch):
    for name, text in STATEMENTS.items():
        path = tmp_path / f"{name}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(module, "SQL", tmp_path)


@pytest.fixture
def hits(bigquery_client, statements):
    """Create an empty table `hits`, and return a function that counts the rows of `hits`."""
    bigquery_client.create_dataset(DATASET, exists_ok=True)
    run(bigquery_client, f"create or replace table {DATASET}.hits (number int64)")
    yield lambda: run(bigquery_client, f"select count(*) as count from {DATASET}.hits")[0]["count"]  # noqa: S608
    bigquery_client.delete_dataset(DATASET, delete_contents=True)


def run(client, text):
    return [dict(row) for row in client.query_and_wait(text)]


incarnations = iter(range(10_000))


@pytest.fixture
def deliver(bigquery_client):
    """Return a function that returns a delivery's warehouse. Each call stands for one more delivery of one event."""
    fresh = next(incarnations)

    def deliver(step="build_features", run_id=RUN, incarnation=fresh, **settings):
        values = Settings(project=bigquery_client.project, bucket="shop", dataset=DATASET, **settings)
        return Warehouse(bigquery_client, values, run_id, step, incarnation, Deadline(values.wait_seconds))

    return deliver


def test_a_second_delivery_attaches_to_the_job_of_the_first(hits, deliver):
    for _ in range(3):
        deliver().query("hits/add", {"number": 1})
    assert hits() == 1
    assert deliver().query("hits/count", table="hits") == [{"hits": 1}]


def test_other_values_runs_steps_and_incarnations_are_other_jobs(hits, deliver):
    deliver().query("hits/add", {"number": 1})
    deliver().query("hits/add", {"number": 2})
    deliver(step="train_models").query("hits/add", {"number": 1})
    deliver(run_id="20170801-ffffffff").query("hits/add", {"number": 1})
    deliver(incarnation=10_000 + next(incarnations)).query("hits/add", {"number": 1})
    assert hits() == 5


def test_the_labels_and_the_id_of_a_job_say_what_it_does(hits, deliver):
    job = deliver().submit(Statement("hits/count", {}, {"table": "hits"}))
    about = {"run_id": RUN, "step": "build_features", "attempt": "1"}
    assert job.labels == {"pipeline": "propensity", **about}
    stem, attempt = job.job_id.rsplit("-", 1)
    assert stem.startswith(f"{RUN}-build_features-hits-count-")
    assert attempt == "a1"


def test_after_a_failed_job_the_next_delivery_uses_an_id_with_the_next_number(hits, deliver, bigquery_client):
    reasons = []
    for _ in range(2):
        with pytest.raises(Permanent, match=r"(?i)division by zero") as failed:
            deliver().query("hits/share")
        reasons.append(str(failed.value))
    assert [one.rstrip(")").rsplit("-", 1)[1] for one in reasons] == ["a1", "a2"]
    run(bigquery_client, f"insert into {DATASET}.hits (number) values (1), (2)")  # noqa: S608
    assert deliver().query("hits/share") == [{"share": 0.5}]
    assert deliver().submit(Statement("hits/share")).job_id.endswith("-a3")


def test_a_job_keeps_its_id_if_a_deployment_edits_a_comment_of_the_statement(hits, deliver, tmp_path):
    deliver().query("hits/add", {"number": 1})
    (tmp_path / "hits/add.sql").write_text(f"-- a comment\n{STATEMENTS['hits/add']}")
    deliver().query("hits/add", {"number": 1})
    assert hits() == 1


def test_a_job_that_was_started_with_an_id_is_found_by_this_id(hits, deliver):
    job_id = f"{RUN}-started-{next(incarnations)}"
    assert deliver().find(job_id) is None
    for _ in range(3):
        deliver().start(Statement("hits/add", {"number": 1}), job_id, 1)
    assert deliver(step="evaluate_models").find(job_id).result(timeout=30).num_dml_affected_rows == 1
    assert hits() == 1
    deliver().start(Statement("hits/count", {}, {"table": "hits"}), job_id, 1)
    assert deliver().find(job_id).num_dml_affected_rows == 1


def test_a_failed_job_that_was_started_with_an_id_is_not_repeated_under_this_id(hits, deliver):
    job_id = f"{RUN}-started-{next(incarnations)}"
    for _ in range(2):
        deliver().start(Statement("hits/share"), job_id, 1)
    job = deliver().find(job_id)
    with pytest.raises(BadRequest):
        job.result(timeout=30)
    assert "division by zero" in module.reason(job).lower()
    assert module.reason(job).endswith(f"(job {job_id})")
    assert not module.heals(job)


@pytest.mark.parametrize(
    ("name", "identifiers", "message"),
    [("hits/count", {"table": "absent"}, "absent"), ("hits/broken", {}, "syntax error")],
)
def test_a_statement_that_bigquery_refuses_is_permanent_and_says_why(name, identifiers, message, hits, deliver):
    with pytest.raises(Permanent, match=rf"(?i){message}"):
        deliver().query(name, **identifiers)


@pytest.mark.parametrize(("reason", "is_final"), [("accessDenied", True), ("quotaExceeded", False)])
def test_whether_a_forbidden_job_is_retried_depends_on_the_events_age(hits, deliver, monkeypatch, reason, is_final):
    """The statement is a training: the local BigQuery trains in Python, where a test can raise the error of a job."""
    carry_out = execution.run

    def run(work):
        raise BigQueryError(reason, "as a test wants it")

    monkeypatch.setattr(execution, "run", run)
    with pytest.raises(Forbidden, match="as a test wants it") as failed:
        deliver().query("hits/train")
    now = datetime.now(UTC)
    assert errors.is_final(failed.value, now - timedelta(minutes=11)) == is_final
    assert not errors.is_final(failed.value, now)
    monkeypatch.setattr(execution, "run", carry_out)
    deliver().query("hits/train")
    assert deliver().submit(Statement("hits/train")).job_id.endswith("-a2")


@pytest.mark.parametrize(("reason", "is_final"), [("accessDenied", True), ("quotaExceeded", False)])
def test_whether_a_forbidden_request_is_retried_depends_on_the_events_age(statements, reason, is_final):
    with serving.serve(forbidding(reason)) as url:
        client = connect(url)
        settings = Settings(project=client.project, bucket="shop", dataset=DATASET)
        for ask in (
            lambda: Warehouse(client, settings, RUN, "train_models", 1, Deadline(60)).query("hits/share"),
            lambda: module.query(client, settings, Statement("hits/share")),
        ):
            with pytest.raises(Forbidden, match="as a test wants it") as failed:
                ask()
            assert errors.is_final(failed.value, datetime.now(UTC) - timedelta(minutes=11)) == is_final


def test_statements_run_side_by_side_and_answer_in_order(hits, deliver):
    delivery = deliver()
    tables = ("hits", f"{DATASET}.hits")
    statements = [Statement("hits/count", {}, {"table": table}) for table in tables]
    deliver().query("hits/add", {"number": 1})
    values = {"days": [date(2017, 8, 1), date(2017, 8, 2)], "texts": []}
    answers = delivery.query_all([*statements, Statement("values/lists", values)])
    assert answers == [[{"hits": 1}], [{"hits": 1}], [{"days": 2, "texts": 0}]]
    assert delivery.seconds > 0


def test_values_of_every_type_reach_bigquery_unchanged(hits, deliver):
    moment = datetime(2017, 8, 1, 12, 30, tzinfo=UTC)
    values = {
        "flag": True,
        "whole": 2**53 + 1,
        "real": 0.1,
        "text": "a'`\n\\",
        "day": date(2017, 8, 1),
        "moment": moment,
    }
    assert deliver().query("values/all", values) == [values]


@pytest.mark.slow  # slow, because each request of Google's client waits up to ten seconds for the job
def test_a_job_that_takes_longer_than_the_delivery_continues(hits, deliver, bigquery_client):
    with pytest.raises(NotReady, match="is still running; the next delivery attaches to it"):
        deliver(wait_seconds=1).query("slow/count")
    job = deliver().submit(Statement("slow/count"))
    assert job.job_id.endswith("-a1")
    bigquery_client.cancel_job(job.job_id, location=job.location)


def test_a_statement_without_a_run_is_run_each_time(hits, bigquery_client):
    settings = Settings(project=bigquery_client.project, bucket="shop", dataset=DATASET)
    for _ in range(2):
        module.query(bigquery_client, settings, Statement("hits/add", {"number": 1}))
    assert hits() == 2
    with pytest.raises(Permanent, match="absent"):
        module.query(bigquery_client, settings, Statement("hits/count", {}, {"table": "absent"}))


@pytest.mark.parametrize("value", ["hits` where true --", "a b", "", "a;b", "a\n", "a'b", "a(b)", "${x}"])
def test_an_identifier_that_could_break_out_of_its_quotes_is_refused(value):
    with pytest.raises(ValueError, match=r"identifier table is .*: it must match"):
        Statement("reset/all_rows", {}, {"table": value}).text()


@given(st.text(max_size=20))
def test_an_identifier_is_quoted_or_refused(value):
    statement = Statement("reset/all_rows", {}, {"table": value})
    if IDENTIFIER.fullmatch(value):
        assert statement.text().endswith(f"truncate table `{value}`\n")
    else:
        with pytest.raises(ValueError, match="identifier table"):
            statement.text()


def test_the_error_about_a_missing_identifier_names_it():
    with pytest.raises(KeyError, match="table"):
        Statement("reset/all_rows").text()
