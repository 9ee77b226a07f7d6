"""Every event that the functions log: name, severity, fields and message. Alerts and sinks select by the name.

    python -m shared.log_events > docs/logs.md

writes the page that lists them.
"""

import inspect
from typing import Any, ClassVar

import msgspec


class LogEvent(msgspec.Struct, frozen=True):
    """One line of the log. Fields never hold rows or identifiers of people."""

    event: ClassVar[str]
    """Its name, `jsonPayload.event`."""
    severity: ClassVar[str] = "INFO"
    message: ClassVar[str]
    """A template for `jsonPayload.message`, which names fields."""

    def payload(self) -> dict[str, Any]:
        """Return `jsonPayload`, the message included."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        words = {name: "; ".join(value) if isinstance(value, list) else value for name, value in fields.items()}
        return {"event": self.event, "message": self.message.format(**words), **fields}


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


class CheckoutScored(LogEvent, frozen=True):
    """A score was given; a sink brings it to the view `online_predictions`."""

    event = "checkout_scored"
    message = "checkout scored"

    prediction: dict[str, Any]


class DeadLetter(LogEvent, frozen=True):
    """A message was given up and is kept with its reason; `propensity replay` sends it again."""

    event = "dead_letter"
    severity = "ERROR"
    message = "dead letter for {function}: {reason}"

    function: str
    reason: str


class DeploymentSuperseded(LogEvent, frozen=True):
    """A run lost the race for the endpoint; the champion that stands scores its data."""

    event = "deployment_superseded"
    severity = "NOTICE"
    message = "run {run_id} is superseded: {reason}"

    run_id: str
    reason: str


class EmbeddedStoodIn(LogEvent, frozen=True):
    """The endpoint failed or was late, and the embedded champion gave the score."""

    event = "embedded_stood_in"
    severity = "WARNING"
    message = "the embedded champion stands in: {reason}"

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


class MessageRejected(LogEvent, frozen=True):
    """A function cannot use a message, and no retry can help: it goes to the dead letters."""

    event = "message_rejected"
    severity = "ERROR"
    message = "{function}: message {message_id} cannot be used: {reason}"

    function: str
    message_id: str
    reason: str


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


class NoScorer(LogEvent, frozen=True):
    """A checkout got no score: no model serves, or none can be reached."""

    event = "no_scorer"
    severity = "ERROR"
    message = "nothing can score: {reason}"

    request_id: str
    reason: str


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


class ObjectUnusable(LogEvent, frozen=True):
    """The champion's pointer, its scorer or the recommendations cannot be read; the former ones serve on."""

    event = "object_unusable"
    severity = "ERROR"
    message = "{reason}; what was read before goes on serving"

    reason: str


class PointerReplaced(LogEvent, frozen=True):
    """Another process wrote the champion's pointer meanwhile; the alias is read again."""

    event = "pointer_replaced"
    message = "the champion's pointer was replaced meanwhile: the alias is read again"


class PushRefused(LogEvent, frozen=True):
    """A request to an event function is no push of Pub/Sub's."""

    event = "push_refused"
    severity = "WARNING"
    message = "a request was refused: {reason}"

    reason: str


class RecordUnreadable(LogEvent, frozen=True):
    """The bucket did not tell whether another delivery has finished a step that failed."""

    event = "record_unreadable"
    severity = "ERROR"
    message = "the step's record could not be read"

    run_id: str
    step: str


class RequestFailed(LogEvent, frozen=True):
    """A checkout was answered 500: a failure of ours."""

    event = "request_failed"
    severity = "ERROR"
    message = "a request failed: {error}"

    request_id: str
    error: str


class RequestRefused(LogEvent, frozen=True):
    """A checkout broke the contract; names field and rule, and nothing of what was sent."""

    event = "request_refused"
    severity = "WARNING"
    message = "a request was refused: {rule}"

    request_id: str
    field: str
    rule: str
    status: int


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


FIELDS = {
    "attempt": "number of the delivery or of the training, from 1; null where Pub/Sub does not count deliveries",
    "candidate": "name of the candidate, a file of `sql/models`",
    "check": "name of the check, a file of `sql/checks`",
    "error": "class of the exception",
    "field": "JSON pointer to the field of the request",
    "found": "what the check found",
    "function": "name of the function or the subscription",
    "known": "types of model that the functions can score",
    "message_id": "Pub/Sub's id of the message",
    "model_type": "type of the model, as BigQuery names it",
    "prediction": "the score and what it was made of, as the view `online_predictions` has it",
    "quality": "the word for the candidate's ROC AUC: good, fair, decent, not great, poor",
    "reason": "why, in words",
    "reasons": "why, a list of sentences",
    "request_id": "id of the request, as the answer's `X-Request-Id`",
    "rule": "the rule of the contract that the request breaks",
    "run_id": "id of the run",
    "seconds": "from the step's begin to its record, in seconds",
    "status": "HTTP status of the answer",
    "step": "name of the function that takes the step",
    "topic": "topic of the event that follows",
}
"""What each field holds; one name means one thing in all events."""

_PAGE = """# What the functions log

Each line is one JSON object on standard output, which Cloud Logging reads as `jsonPayload`. `event` names what
happened, `message` says it in words, and the other fields are listed here. An event with a severity of ERROR may have
`stack_trace` too, by which Error Reporting groups. This page is written by `python -m shared.log_events`.

| event | severity | when | fields |
|---|---|---|---|
{events}

| field | what it holds |
|---|---|
{fields}
"""


def registered() -> list[type[LogEvent]]:
    """Return the events of this module, by name."""
    here = [one for one in globals().values() if isinstance(one, type) and issubclass(one, LogEvent)]
    return sorted((one for one in here if one is not LogEvent), key=lambda one: one.event)


def page() -> str:
    """Return docs/logs.md."""
    events = [
        f"| `{one.event}` | {one.severity} | {inspect.cleandoc(one.__doc__ or '')} | "
        f"{', '.join(f'`{name}`' for name in one.__struct_fields__)} |"
        for one in registered()
    ]
    fields = [f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()]
    return _PAGE.format(events="\n".join(events), fields="\n".join(fields))


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is what the command is for
