"""The functions' process killed in the middle of each step: what comes out is what would have come out."""

import re

import pytest
from fixtures.chain import environment

from cli.follow import STEPS

pytestmark = pytest.mark.xdist_group("chain_fault")

RECORDED = [step for step in STEPS if step != "training"]
DELICATE = {
    "features": [
        ("bigquery", r"^POST \S+/jobs\b.*-build_features-sessions-", "after"),
        ("bigquery", r"^POST \S+/jobs\b.*-build_features-source-remember_days-", "before"),
    ],
    "training and evaluation": [
        # One candidate is submitted, the other is not.
        ("bigquery", r"^POST \S+/jobs\b.*-train_models-models-logistic-", "before"),
        ("bigquery", r"^POST \S+/jobs\b.*-evaluate_models-evaluation-test_predictions-", "after"),
        ("storage", r"^POST .*/evaluation\.json", "before"),
    ],
    "deployment": [
        ("bigquery", r"^POST \S+/jobs\b.*-deploy_model-deployment-register_model-", "after"),
        # The deployment goes on and nobody has noted its operation.
        ("vertex", r"^POST \S+:deployModel", "after"),
        # Traffic has moved and the name of champion has not; then both have.
        ("vertex", r"^POST \S+:mergeVersionAliases", "before"),
        ("vertex", r"^POST \S+:mergeVersionAliases", "after"),
    ],
    "scores and audience": [
        ("bigquery", r"^POST \S+/jobs\b.*-score_visitors-scoring-scores-", "after"),
        ("bigquery", r"^POST \S+/jobs\b.*-publish_audience-audience-audience-", "after"),
        # The files are there and the manifest is not.
        ("storage", r"^POST .*/audience\.json", "before"),
    ],
}


@pytest.fixture(scope="module")
def undisturbed(breakable):
    with environment(breakable.cloud):
        return outcome(breakable, breakable.first)


def record_of(step):
    return rf"^POST .*/steps/{step}\.json"


def test_killed_after_each_steps_work_and_before_its_record(breakable_chain, undisturbed):
    with breakable_chain.wire.kills(*(("storage", record_of(step), "before") for step in RECORDED)):
        assert outcome(breakable_chain, run_on_the_same_data(breakable_chain)) == undisturbed


@pytest.mark.slow
def test_killed_after_each_steps_record_and_before_its_event(breakable_chain, undisturbed):
    with breakable_chain.wire.kills(*(("storage", record_of(step), "after") for step in RECORDED)):
        assert outcome(breakable_chain, run_on_the_same_data(breakable_chain)) == undisturbed


def test_killed_where_each_step_is_half_done(breakable_chain, undisturbed):
    with breakable_chain.wire.kills(*(place for places in DELICATE.values() for place in places)):
        assert outcome(breakable_chain, run_on_the_same_data(breakable_chain)) == undisturbed


def run_on_the_same_data(chain):
    """A run that has a day to read again, in which nothing is new."""
    chain.load(chain.files[-3])
    return chain.refresh()


def outcome(chain, run):
    """What a run has made, but for its names, numbers and times."""
    of_run = f"run_id = '{run.run_id}'"
    named = ("run_id", "created_on")
    champion = chain.clients.registry.champion()
    versions, traffic = chain.endpoint()
    jobs = [job for job in chain.job_ids() if job.startswith(run.run_id)]
    evaluation = run.documents["evaluation"]
    return {
        "outcome": (run.outcome, run.reason),
        "source_days": chain.digest("source_days", without=["last_modified"]),
        "sessions": chain.digest("sessions"),
        "visitor_features": chain.digest("visitor_features"),
        "training_rows": chain.digest("training_rows", of_run, named),
        "evaluation_rows": chain.digest("evaluation_rows", f"{of_run} and candidate != 'champion'", named),
        "scores": chain.digest("scores", without=["run_id", "model_version"]),
        "audience": chain.digest("audience", without=["run_id", "model_version"]),
        "winner": (evaluation["winner"], evaluation["candidates"][evaluation["winner"]]["roc_auc"]),
        "files": files_of(chain, run),
        "members": run.documents["audience"]["members"],
        "trainings": [statement_of(job) for job in jobs if "-train_models-models-" in job],
        "repeated jobs": [job for job in jobs if not job.endswith("-a1")],
        "champion is of the run": champion.run_id == run.run_id,
        "its versions": sum(version.run_id == run.run_id for version in chain.clients.registry.versions()),
        "traffic": [(number == champion.number, share) for number, share in traffic.items()],
        "deployed": versions.count(champion.number),
        "another to roll back to": run == chain.first or len(versions) - 1 == 1,
    }


def files_of(chain, run):
    names = [
        name.removeprefix(f"runs/{run.run_id}/") for name in chain.blobs() if name.startswith(f"runs/{run.run_id}")
    ]
    return [name for name in names if not name.startswith("failures/")]


def statement_of(job_id):
    return re.sub(r"^.*-train_models-(.*)-[0-9a-f]{8}-a(\d+)$", r"\1 attempt \2", job_id)
