"""What the steps of the chain log, by name of the event; docs/logs.md lists all events."""

from shared.log import LogEvent


class CheckFailed(LogEvent, frozen=True):
    """A check of the data found more than its limit; `fail/` checks end the run as well."""

    event = "check_failed"
    severity = "WARNING"
    message = "check {check}: {found}"

    run_id: str
    check: str
    found: str


class ChampionUnscored(LogEvent, frozen=True):
    """The champion can no longer be scored, so the candidates are not compared with it."""

    event = "champion_unscored"
    severity = "ERROR"
    message = "the champion cannot be scored: {reason}"

    run_id: str
    reason: str


class DeploymentSuperseded(LogEvent, frozen=True):
    """A run lost the race for the endpoint; the champion that stands scores its data."""

    event = "deployment_superseded"
    severity = "NOTICE"
    message = "run {run_id} is superseded: {reason}"

    run_id: str
    reason: str


class FactorizationRefused(LogEvent, frozen=True):
    """BigQuery has no reservation for matrix factorization; the other methods recommend."""

    event = "factorization_refused"
    severity = "WARNING"
    message = "no matrix factorization: {reason}"

    run_id: str
    reason: str


class FailureUnrecorded(LogEvent, frozen=True):
    """The bucket did not take the failure of a step; the step's own error is logged beside this one."""

    event = "failure_unrecorded"
    severity = "ERROR"
    message = "the failure could not be recorded"

    run_id: str
    step: str


class GateApproved(LogEvent, frozen=True):
    """The gate lets the best candidate be deployed."""

    event = "gate_approved"
    severity = "NOTICE"
    message = "the gate approves {candidate} ({quality})"

    run_id: str
    candidate: str
    quality: str


class GateRejected(LogEvent, frozen=True):
    """The gate rejects the best candidate; the champion stays."""

    event = "gate_rejected"
    severity = "WARNING"
    message = "the gate rejects {candidate}: {reasons}"

    run_id: str
    candidate: str
    reasons: list[str]


class ModelNotEmbeddable(LogEvent, frozen=True):
    """The functions cannot score a model of this type, so it serves from the endpoint alone."""

    event = "model_not_embeddable"
    severity = "WARNING"
    message = "no scorer artefact: {candidate} is a {model_type}; known are {known}"

    run_id: str
    candidate: str
    model_type: str
    known: list[str]


class NewerRecommendationsServed(LogEvent, frozen=True):
    """Recommendations of newer data are served already, so the run's own are not."""

    event = "newer_recommendations_served"
    severity = "NOTICE"
    message = "newer recommendations are served already"

    run_id: str


class NoNewDayTable(LogEvent, frozen=True):
    """A message announced no day-table, so no run was opened."""

    event = "no_new_day_table"
    severity = "NOTICE"
    message = "a message announced no new day-table"

    message_id: str


class NoScorerArtefact(LogEvent, frozen=True):
    """The model serves from the endpoint alone: its export cannot be scored in the functions."""

    event = "no_scorer_artefact"
    severity = "ERROR"
    message = "no scorer artefact: {reason}"

    run_id: str
    reason: str


class NothingChanged(LogEvent, frozen=True):
    """The export holds what the last run has read, so no run was opened."""

    event = "nothing_changed"
    message = "nothing has changed since run {run_id}"

    run_id: str


class NothingLearnt(LogEvent, frozen=True):
    """No candidate could be trained, because too few visitors bought."""

    event = "nothing_learnt"
    severity = "WARNING"
    message = "nothing could be learnt: {reason}"

    run_id: str
    reason: str


class NothingToRecommend(LogEvent, frozen=True):
    """Recommendations are due, and no day-table was read yet."""

    event = "nothing_to_recommend"
    severity = "NOTICE"
    message = "nothing to recommend: no day-table was read yet"


class NothingToScore(LogEvent, frozen=True):
    """Scoring is due, and there is no champion, or there are no sessions yet."""

    event = "nothing_to_score"
    severity = "NOTICE"
    message = "nothing to score with: no champion or no sessions yet"


class PointerReplaced(LogEvent, frozen=True):
    """Another process wrote the champion's pointer meanwhile; the alias is read again."""

    event = "pointer_replaced"
    message = "the champion's pointer was replaced meanwhile: the alias is read again"


class RecordUnreadable(LogEvent, frozen=True):
    """The bucket did not tell whether another delivery has finished a step that failed."""

    event = "record_unreadable"
    severity = "ERROR"
    message = "the step's record could not be read"

    run_id: str
    step: str


class RunResumed(LogEvent, frozen=True):
    """A run stood still, and the event that it waits for is published again."""

    event = "run_resumed"
    severity = "WARNING"
    message = "run {run_id} stands still: {topic} is published again"

    run_id: str
    topic: str


class RunUnreadable(LogEvent, frozen=True):
    """The bucket did not tell how a run stands."""

    event = "run_unreadable"
    severity = "ERROR"
    message = "{step} could not read run {run_id}"

    run_id: str
    step: str


class RunWanted(LogEvent, frozen=True):
    """Newer data wait until the open run has ended; one following run reads them all."""

    event = "run_wanted"
    severity = "NOTICE"
    message = "a run is wanted after run {run_id}: {reason}"

    run_id: str
    reason: str


class StepBegan(LogEvent, frozen=True):
    """A delivery begins a step."""

    event = "step_began"
    message = "{step} began"

    run_id: str
    step: str
    attempt: int | None


class StepEnded(LogEvent, frozen=True):
    """A delivery has finished a step."""

    event = "step_ended"
    message = "{step} ended: {topic}"

    run_id: str
    step: str
    topic: str
    seconds: float


class StepFailed(LogEvent, frozen=True):
    """A step failed, and Pub/Sub will deliver its event again."""

    event = "step_failed"
    severity = "ERROR"
    message = "{step} failed and will be tried again: {reason}"

    run_id: str
    step: str
    reason: str


class StepFailedForGood(LogEvent, frozen=True):
    """A step failed, and no retry can help: the run ends."""

    event = "step_failed_for_good"
    severity = "ERROR"
    message = "{step} failed for good: {reason}"

    run_id: str
    step: str
    reason: str


class StepFinishedElsewhere(LogEvent, frozen=True):
    """A step failed after another delivery had finished it, so nothing is lost."""

    event = "step_finished_elsewhere"
    severity = "NOTICE"
    message = "{step} failed, and another delivery has finished it: {reason}"

    run_id: str
    step: str
    reason: str


class StepWaits(LogEvent, frozen=True):
    """What a step waits for goes on; a later delivery looks again."""

    event = "step_waits"
    message = "{step} waits: {reason}"

    run_id: str
    step: str
    reason: str


class TrainingRepeated(LogEvent, frozen=True):
    """Trainings failed for a reason that heals, and are submitted once more."""

    event = "training_repeated"
    severity = "WARNING"
    message = "attempt {attempt} is followed by another: {reasons}"

    run_id: str
    attempt: int
    reasons: list[str]
