"""Each candidate is trained once, even if a process dies. A training that failed with a temporary error is repeated."""

import datetime as dt
import itertools
import re

import pytest

from desk.bigquery import PROJECT
from deskcloud.bigquery.gateway import execution
from deskcloud.bigquery.gateway.errors import BigQueryError
from deskcloud.web import credentials as auth
from fixtures.pubsub import delivered
from functions import evaluate_models, train_models
from shared import warehouse
from shared.chain import training
from shared.chain.environment import Environment, StepContext
from shared.chain.opened_runs import ExportRun
from shared.deadline import Deadline
from shared.errors import Malformed, NotReady, Permanent
from shared.events import DataRefreshed, FeaturesBuilt, TrainingFailed, TrainingProgressed
from shared.settings import Settings

DATASET = "unit_training"
MODEL = """create or replace model `${model}` options (model_type = 'LOGISTIC_REG') as
select x, mod(x, 2) as label from unnest(generate_array(1, 50)) as x where @run_id != '' and @created_on is not null"""
STATEMENTS = {
    "features/training_rows": "select @run_id, @created_on, @from_day, @as_of, @train_share, @evaluation_share, "
    "@max_rows",
    "models/baseline": MODEL,
    "models/logistic": MODEL,
    "evaluation/splits": "select 'train' as split, @created_on as first_day, @created_on as last_day, "
    "9 as visitors, 3 as positives, @run_id as run_id",
}
days = itertools.count(1)


@pytest.fixture
def run(bigquery_client, bucket, tmp_path, monkeypatch):
    """Return a run whose features are built, and whose two candidates are not trained yet.

    The run uses the statements of this file instead of those in sql/.
    """
    account = auth.service_account_file(tmp_path, "http://127.0.0.1:9/token", PROJECT)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
    monkeypatch.setattr(warehouse, "SQL", tmp_path)
    bigquery_client.create_dataset(DATASET, exists_ok=True)
    document = {"project": PROJECT, "bucket": bucket.name, "dataset": DATASET}
    document["training"] = {"candidates": ["baseline", "logistic"]}
    clients = Environment(Settings.from_document(document))
    clients.__dict__["bigquery"] = bigquery_client
    run = Run(clients, f"201708{next(days):02}-0a1b2c3d", tmp_path)
    for name, text in STATEMENTS.items():
        run.deploy(name, text)
    yield run
    bigquery_client.delete_dataset(DATASET, delete_contents=True)


class Run:
    def __init__(self, clients, run_id, folder):
        self.clients, self.run_id, self.folder = clients, run_id, folder
        self.built = FeaturesBuilt(run_id, dt.date(2017, 8, 1))
        day = self.built.as_of
        clients.runs.open(ExportRun(opened_at=dt.datetime.now(dt.UTC), event=DataRefreshed(run_id, day), as_of=day))

    def deploy(self, name, text):
        path = self.folder / f"{name}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def train(self, event=None):
        return train_models.step(event or self.built, self.cloud("train_models"))

    def evaluate(self, attempt=1, minutes_later=0):
        event = TrainingProgressed(self.run_id, attempt)
        return evaluate_models.step(event, self.cloud("evaluate_models", minutes_later))

    def cloud(self, step, minutes_later=0):
        now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes_later)
        return StepContext(self.clients, self.run_id, step, now, Deadline(60))

    def trainings(self):
        """Wait until all CREATE MODEL jobs of the run have ended, and return (candidate, attempt) of each job."""
        found = []
        for job in self.clients.bigquery.list_jobs():
            if name := re.fullmatch(rf"{self.run_id}-train_models-models-(\w+)-[0-9a-f]{{8}}-a(\d+)", job.job_id):
                job.exception(timeout=60)
                found.append((name[1], int(name[2])))
        return sorted(found)


@pytest.fixture
def failing(monkeypatch):
    """Return a dict in which a test maps a candidate to BigQuery's reason for the failure of its training."""
    reasons, carry_out = {}, execution.run

    def run(work):
        model = re.match(r"create or replace model `(\w+?)_2017", work.configuration.get("query", {}).get("query", ""))
        if model and model[1] in reasons:
            raise BigQueryError(reasons[model[1]], "as a test wants it")
        return carry_out(work)

    monkeypatch.setattr(execution, "run", run)
    return reasons


def test_a_comment_that_is_edited_during_a_training_does_not_cause_a_second_training(run):
    first = run.train()
    run.deploy("models/logistic", f"-- another comment\n{MODEL}")
    assert run.train() == first == TrainingProgressed(run.run_id, 1)
    assert run.trainings() == [("baseline", 1), ("logistic", 1)]


@pytest.mark.slow
def test_if_a_delivery_dies_before_it_has_submitted_all_trainings_the_next_submits_the_rest(run, monkeypatch):
    start = warehouse.Warehouse.start
    with monkeypatch.context() as patch:
        patch.setattr(warehouse.Warehouse, "start", lambda *args: start(*args) if "baseline" in args[1].name else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run.train()
    assert run.trainings() == [("baseline", 1)]
    # The evaluation runs before all trainings are submitted. It must neither submit trainings nor choose a winner.
    assert run.evaluate() is None
    run.train()
    assert run.trainings() == [("baseline", 1), ("logistic", 1)]


def test_the_candidates_are_those_of_the_first_delivery_even_if_the_settings_change(run, monkeypatch):
    run.train()
    document = {"project": PROJECT, "bucket": run.clients.settings.bucket, "dataset": DATASET}
    run.clients.settings = Settings.from_document(document)
    run.train()
    assert run.trainings() == [("baseline", 1), ("logistic", 1)]


def test_only_a_training_that_failed_temporarily_is_repeated(run, failing):
    failing["logistic"] = "backendError"
    run.train()
    assert run.trainings() == [("baseline", 1), ("logistic", 1)]
    failed = run.evaluate()
    assert failed == run.evaluate() == TrainingFailed(run.run_id, 1, ["logistic"])
    assert run.trainings() == [("baseline", 1), ("logistic", 1)]
    failing.clear()
    for _ in range(2):
        assert run.train(failed) == TrainingProgressed(run.run_id, 2)
    assert run.trainings() == [("baseline", 1), ("logistic", 1), ("logistic", 2)]
    # A late delivery of the first attempt's event evaluates only the trainings of the first attempt.
    assert run.evaluate() == failed


def test_a_training_that_was_just_denied_is_repeated_only_after_a_while(run, failing):
    failing["logistic"] = "accessDenied"
    run.train()
    run.trainings()
    with pytest.raises(NotReady, match=r"as a test wants it .*takes minutes"):
        run.evaluate()
    assert run.evaluate(minutes_later=11) == TrainingFailed(run.run_id, 1, ["logistic"])


def test_a_failure_is_final_after_three_attempts_or_at_once_if_it_is_permanent(run, failing):
    failing |= {"baseline": "invalidQuery", "logistic": "rateLimitExceeded"}
    run.train()
    run.trainings()
    for attempt in (1, 2):
        failed = run.evaluate(attempt)
        assert failed == TrainingFailed(run.run_id, attempt, ["logistic"])
        run.train(failed)
        run.trainings()
    with pytest.raises(Permanent, match=r"no candidate could be trained: baseline: .*-a1.*logistic: .*-a3"):
        run.evaluate(3)
    assert run.trainings() == [("baseline", 1), ("logistic", 1), ("logistic", 2), ("logistic", 3)]


def test_a_run_whose_rows_would_expire_at_once_fails_for_good_with_a_remedy(run):
    training.rows_of_run(run.cloud("train_models", minutes_later=6 * 24 * 60 - 1))
    with pytest.raises(Permanent, match=rf"its rows expire after 7 days: .*`propensity reset {run.run_id}`"):
        training.rows_of_run(run.cloud("train_models", minutes_later=6 * 24 * 60 + 1))


def log_entry(**labels):
    job = {"jobConfig": {"labels": labels}}
    body = {"protoPayload": {"metadata": {"jobChange": {"after": "DONE", "job": job}}}}
    return delivered(body, "training-progressed")


def test_the_log_entry_of_a_training_contains_its_run_and_attempt():
    told = log_entry(run_id="20170801-0a1b2c3d", attempt="2")
    assert evaluate_models.decode(told) == TrainingProgressed("20170801-0a1b2c3d", 2)


@pytest.mark.parametrize("labels", [{"run_id": "20170801-0a1b2c3d"}, {"run_id": "20170801-0a1b2c3d", "attempt": "x"}])
def test_the_log_entry_of_a_job_without_an_attempt_is_no_event(labels):
    with pytest.raises(Malformed, match="of no job labelled with a run_id and an attempt"):
        evaluate_models.decode(log_entry(**labels))
