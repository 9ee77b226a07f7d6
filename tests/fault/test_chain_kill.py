"""A run has the same outcome if the functions' process is killed in the middle of a step, or under random faults."""

from dataclasses import replace

import pytest

from faults import schedule
from shared.chain.run_state import STEPS

pytestmark = pytest.mark.slow

RECORDED = [step for step in STEPS if step != "training"]
DELICATE = {
    "features": [
        ("bigquery", r"^POST \S+/jobs\b.*-build_features-sessions-", "after"),
        ("bigquery", r"^POST \S+/jobs\b.*-build_features-source-remember_days-", "before"),
    ],
    "training and evaluation": [
        # At the first kill, the ids of two jobs are recorded, but no job is submitted. At the second kill, one job is
        # submitted.
        ("storage", r"^POST .*/trainings/1\.json", "after"),
        ("bigquery", r"^POST \S+/jobs\b.*-train_models-models-logistic-", "before"),
        ("bigquery", r"^POST \S+/jobs\b.*-evaluate_models-evaluation-predictions-", "after"),
        ("storage", r"^POST .*/evaluation\.json", "before"),
    ],
    "deployment": [
        ("bigquery", r"^POST \S+/jobs\b.*-deploy_model-deployment-register_model-", "after"),
        # At this kill, the deployment has begun, but its operation is not recorded.
        ("vertex", r"^POST \S+:deployModel", "after"),
        # At the first kill, the traffic has moved, but not the alias `champion`. At the second kill, both have moved.
        ("vertex", r"^POST \S+:mergeVersionAliases", "before"),
        ("vertex", r"^POST \S+:mergeVersionAliases", "after"),
        ("storage", r"^POST .*serving/champion\.json", "before"),
        ("storage", r"^POST .*serving/champion\.json", "after"),
    ],
    "scores and audience": [
        ("bigquery", r"^POST \S+/jobs\b.*-score_visitors-scoring-scores-", "after"),
        ("bigquery", r"^POST \S+/jobs\b.*-publish_audience-audience-audience-", "after"),
        # At this kill, the audience's files are written, but not their manifest.
        ("storage", r"^POST .*/audience\.json", "before"),
    ],
}

# Freezes and time-outs are left out because they take long. Faults that end the cloud are left out because the other
# tests use the same cloud.
QUICK_KINDS = ("error", "refused", "lost answer", "duplicate", "kill worker")


def record_of(step):
    return rf"^POST .*/steps/{step}\.json"


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_outcome_is_the_same_if_each_step_is_killed_before_or_after_its_record(breakable_chain, when):
    with breakable_chain.wire.kills(*(("storage", record_of(step), when) for step in RECORDED)):
        run = run_on_the_same_data(breakable_chain)
    assert breakable_chain.outcome(run) == breakable_chain.expected


@pytest.mark.parametrize("part", DELICATE)
def test_the_outcome_is_the_same_if_a_step_is_killed_halfway(breakable_chain, part):
    with breakable_chain.wire.kills(*DELICATE[part]):
        run = run_on_the_same_data(breakable_chain)
    assert breakable_chain.outcome(run) == breakable_chain.expected


def run_on_the_same_data(chain):
    """Load one day-table again with the same rows, so that it counts as changed. Return the run that reads it."""
    chain.load(chain.files[-3])
    return chain.refresh()


def test_a_run_under_quick_faults_has_the_outcome_of_an_undisturbed_run(breakable_chain):
    chain = breakable_chain
    # The plan assumes about nine times the requests that this run makes, so let the faults strike earlier than planned.
    planned = schedule.plan(10, QUICK_KINDS)
    chain.proxies.arm([replace(fault, seconds=0.1, at=1 + fault.at // 9) for fault in planned])
    run = run_on_the_same_data(chain)
    assert chain.proxies.finish() == []
    chain.settle()
    assert sum(chain.proxies.struck.values()) == len(planned)
    assert chain.outcome(chain.run(run.run_id)) == chain.expected
    assert chain.dead_letters.all() == {}
