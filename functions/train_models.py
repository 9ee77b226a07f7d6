"""Write the run's training rows and submit a CREATE MODEL job per candidate, without waiting for the jobs.

On     features-built        FeaturesBuilt(run_id, as_of)
       training-failed       TrainingFailed(run_id, attempt, candidates)
Runs   sql/features/training_rows.sql, sql/models
Emits  training-progressed   TrainingProgressed(run_id, attempt)
       run-superseded        RunSuperseded(run_id, by)
       run-failed            RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.chain import current, training
from shared.chain.steps import Step
from shared.events import FeaturesBuilt, RunSuperseded, TrainingFailed, TrainingProgressed
from shared.handler import handle

if TYPE_CHECKING:
    from shared.chain.environment import StepContext
    from shared.push import Message


@push.function
def train_models(message: Message) -> None:
    """Run the step on the message's event and publish the event that it returns."""
    handle(message, STEP)


def step(event: FeaturesBuilt | TrainingFailed, context: StepContext) -> TrainingProgressed | RunSuperseded:
    """Submit the trainings of all candidates or, after a failed attempt, of the failed candidates.

    When a training job ends, a log sink publishes BigQuery's log entry to training-progressed.
    """
    if newer := current.hold(event.run_id, context.environment, context.now):
        return RunSuperseded(event.run_id, newer)
    if isinstance(event, TrainingFailed):
        attempt, candidates = event.attempt + 1, event.candidates
    else:
        attempt, candidates = 1, list(context.settings.training.candidates)
        training.freeze_rows(context)
    training.submit(candidates, attempt, context)
    return TrainingProgressed(event.run_id, attempt)


STEP = Step("train_models", step)
