"""The log events of the chain's steps; docs/logs.md lists all events."""

from shared.log import LogEvent


class ChampionReturned(LogEvent, frozen=True):
    """A new champion failed at the checkout, so the former champion became champion again."""

    event = "champion_returned"
    severity = "ERROR"
    message = "version {to_version} replaces version {from_version} again: {reason}"

    from_version: str
    to_version: str
    reason: str


class CheckFailed(LogEvent, frozen=True):
    """A check of the data failed. A check in `fail/` also ends the run."""

    event = "check_failed"
    severity = "WARNING"
    message = "check {check}: {found}"

    run_id: str
    check: str
    found: str


class ChampionUnscored(LogEvent, frozen=True):
    """The champion or the best champion so far cannot make predictions, so the winner is not compared with it."""

    event = "champion_unscored"
    severity = "ERROR"
    message = "the {champion} cannot be scored: {reason}"

    run_id: str
    champion: str
    reason: str


class DeploymentSuperseded(LogEvent, frozen=True):
    """A run's model does not become champion, because another version did. That version scores the run's data."""

    event = "deployment_superseded"
    severity = "NOTICE"
    message = "run {run_id} is superseded: {reason}"

    run_id: str
    reason: str


class FactorizationRefused(LogEvent, frozen=True):
    """BigQuery refused matrix factorization, which needs a reservation; the other methods are used."""

    event = "factorization_refused"
    severity = "WARNING"
    message = "no matrix factorization: {reason}"

    run_id: str
    reason: str


class FailureUnrecorded(LogEvent, frozen=True):
    """A step failed, and its failure could not be written to the bucket; the step's own error is a separate event."""

    event = "failure_unrecorded"
    severity = "ERROR"
    message = "the failure could not be recorded"

    run_id: str
    step: str


class GateApproved(LogEvent, frozen=True):
    """The gate approved the winner, which will be deployed."""

    event = "gate_approved"
    severity = "NOTICE"
    message = "the gate approves {candidate} ({quality})"

    run_id: str
    candidate: str
    quality: str


class GateRejected(LogEvent, frozen=True):
    """The gate rejected the winner. If there is a champion, it stays."""

    event = "gate_rejected"
    severity = "WARNING"
    message = "the gate rejects {candidate}: {reasons}"

    run_id: str
    candidate: str
    reasons: list[str]
    in_a_row: int


class HealthFound(LogEvent, frozen=True):
    """A check of the model's health. Its `state` is fine, warn, or act; act requests a training."""

    event = "health_found"
    message = "{check} is {state}: {found}"

    run_id: str
    check: str
    state: str
    found: str


class ModelNotEmbeddable(LogEvent, frozen=True):
    """The embedded scorer does not support this model type, so only the endpoint scores."""

    event = "model_not_embeddable"
    severity = "WARNING"
    message = "no scorer artefact: {candidate} is a {model_type}; supported types: {known}"

    run_id: str
    candidate: str
    model_type: str
    known: list[str]


class NewerRecommendationsServed(LogEvent, frozen=True):
    """Newer recommendations are in use already, so the run's recommendations are not used."""

    event = "newer_recommendations_served"
    severity = "NOTICE"
    message = "newer recommendations are in use already"

    run_id: str


class NoNewDayTable(LogEvent, frozen=True):
    """A message was valid, but announced no new day-table of the export, so no run was opened."""

    event = "no_new_day_table"
    severity = "NOTICE"
    message = "a message announced no new day-table"

    message_id: str


class NoScorerArtefact(LogEvent, frozen=True):
    """The scorer artefact could not be built or differs from ML.PREDICT, so only the endpoint scores."""

    event = "no_scorer_artefact"
    severity = "ERROR"
    message = "no scorer artefact: {reason}"

    run_id: str
    reason: str


class NothingChanged(LogEvent, frozen=True):
    """The export has not changed since the last run, so no run was opened."""

    event = "nothing_changed"
    message = "nothing has changed since run {run_id}"

    run_id: str


class NothingLearnt(LogEvent, frozen=True):
    """No candidate could be trained, because all or none of the training visitors bought."""

    event = "nothing_learnt"
    severity = "WARNING"
    message = "nothing could be learnt: {reason}"

    run_id: str
    reason: str


class NothingToRecommend(LogEvent, frozen=True):
    """Recommendations are due, but no day-table has been read yet."""

    event = "nothing_to_recommend"
    severity = "NOTICE"
    message = "nothing to recommend: no day-table has been read yet"


class NothingToScore(LogEvent, frozen=True):
    """Scoring is due, but there is no champion yet, or there are no sessions yet."""

    event = "nothing_to_score"
    severity = "NOTICE"
    message = "nothing to score: no champion or no sessions yet"


class NothingToValue(LogEvent, frozen=True):
    """The customers cannot be valued yet. The next scheduled message tries again."""

    event = "nothing_to_value"
    severity = "NOTICE"
    message = "the customers cannot be valued: {reason}"

    reason: str


class PointerReplaced(LogEvent, frozen=True):
    """Two processes updated the champion's pointer at the same time, so one of them reads the alias again."""

    event = "pointer_replaced"
    message = "the champion's pointer was replaced meanwhile: the alias is read again"


class RecordUnreadable(LogEvent, frozen=True):
    """A step failed. Its record, which shows whether another delivery has finished the step, could not be read."""

    event = "record_unreadable"
    severity = "ERROR"
    message = "the step's record could not be read"

    run_id: str
    step: str


class ReportWritten(LogEvent, frozen=True):
    """The report of a run that has ended was written to the run's folder."""

    event = "report_written"
    severity = "INFO"
    message = "the report of run {run_id} is written: {bytes} bytes"

    run_id: str
    bytes: int


class RunResumed(LogEvent, frozen=True):
    """A run was stalled, and the event for which it waits was published again."""

    event = "run_resumed"
    severity = "WARNING"
    message = "run {run_id} is stalled: {topic} is published again"

    run_id: str
    topic: str


class RunUnreadable(LogEvent, frozen=True):
    """A run's documents could not be read from the bucket."""

    event = "run_unreadable"
    severity = "ERROR"
    message = "{step} could not read run {run_id}"

    run_id: str
    step: str


class RunWanted(LogEvent, frozen=True):
    """A refresh named a reason for a run while another run is open. One following run will read all newer data."""

    event = "run_wanted"
    severity = "NOTICE"
    message = "another run is wanted after run {run_id}: {reason}"

    run_id: str
    reason: str


class StepBegan(LogEvent, frozen=True):
    """A delivery of a message began to run a step; `attempt` is the number of the delivery."""

    event = "step_began"
    message = "{step} began"

    run_id: str
    step: str
    attempt: int | None


class StepEnded(LogEvent, frozen=True):
    """A delivery of a message finished a step; `topic` is the topic of the event that follows."""

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
    """A step failed, and a retry cannot help: the run ends."""

    event = "step_failed_for_good"
    severity = "ERROR"
    message = "{step} failed for good: {reason}"

    run_id: str
    step: str
    reason: str


class StepFinishedElsewhere(LogEvent, frozen=True):
    """A step failed, but another delivery had finished it already, so nothing is lost."""

    event = "step_finished_elsewhere"
    severity = "NOTICE"
    message = "{step} failed, and another delivery has finished it: {reason}"

    run_id: str
    step: str
    reason: str


class StepWaits(LogEvent, frozen=True):
    """A step waits for a job or an operation that is still running. A later delivery checks again."""

    event = "step_waits"
    message = "{step} waits: {reason}"

    run_id: str
    step: str
    reason: str


class TrainingRepeated(LogEvent, frozen=True):
    """Trainings failed for reasons that may be temporary, and are submitted again."""

    event = "training_repeated"
    severity = "WARNING"
    message = "attempt {attempt} failed and is repeated: {reasons}"

    run_id: str
    attempt: int
    reasons: list[str]
