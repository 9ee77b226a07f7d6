"""The events of the chain: one dataclass per topic, sent as JSON over Pub/Sub.

Events hold a run's id, dates and references; never rows, never personal data.
"""

import re
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import date
from typing import Any, ClassVar, Self

from shared.errors import Malformed

RUN_ID = re.compile(r"[0-9]{8}-[0-9a-f]{8}")


@dataclass(frozen=True)
class Event:
    """Something that happened in a run.

    `run_id` is YYYYMMDD-xxxxxxxx: the newest day, and 8 hexadecimal digits of a digest of the data that the run reads.
    """

    topic: ClassVar[str]
    is_last: ClassVar[bool] = False
    """Whether this event ends its run."""
    is_first: ClassVar[bool] = False
    """Whether this event opens its run."""

    run_id: str

    def __post_init__(self) -> None:
        if not RUN_ID.fullmatch(self.run_id):
            raise Malformed("run_id is not of the form YYYYMMDD-xxxxxxxx (8 hex digits)")

    def recorded_as(self, step: str) -> str:
        """Return the name of the ledger's record for the step's outcome.

        The name is usually the step's name, so a step has one outcome per run. Event
        classes that can make a step run again override this method: they append the attempt's number, such as `step.2`.
        """
        return step

    def to_json(self) -> dict[str, Any]:
        """Return the event as a JSON object; `from_json` is the inverse."""
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """Return the event from `body`, an object as `to_json` returns it. Fields with a default may be absent.

        Raises:
            Malformed: a field is missing or unknown, or its value has the wrong type.
        """
        known = {field.name: field.type for field in fields(cls)}
        needed = {field.name for field in fields(cls) if field.default is MISSING}
        if unknown := body.keys() - known:
            # Do not repeat the unknown names: they may contain personal data.
            raise Malformed(f"unknown fields: {len(unknown)}; {cls.topic} has {', '.join(known)}")
        if missing := sorted(needed - body.keys()):
            raise Malformed(f"{cls.topic} needs the field {', '.join(missing)}")
        return cls(**{name: _typed(cls.topic, name, known[name], value) for name, value in body.items()})


def _typed(topic: str, name: str, kind: Any, value: Any) -> Any:
    """Return `value` as the field's type: date (from ISO text), str, int or list[str].

    Raises:
        Malformed: the value is of another type.
    """
    try:
        if kind is date:
            return date.fromisoformat(value)
        if kind == list[str] and isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        if kind is str and isinstance(value, str):
            return value
        if kind is int and isinstance(value, int) and not isinstance(value, bool):
            return value
    except (TypeError, ValueError):
        pass
    raise Malformed(f"field {name} of {topic} is not of type {getattr(kind, '__name__', kind)}")


@dataclass(frozen=True)
class DataRefreshed(Event):
    """The day-tables changed. `as_of` is the newest day. With a `reason`, a run is opened even if no data changed."""

    topic = "data-refreshed"
    is_first = True

    as_of: date
    reason: str = ""


@dataclass(frozen=True)
class FeaturesBuilt(Event):
    """`sessions` and `visitor_features` hold all days up to `as_of`, and the data passed the checks."""

    topic = "features-built"

    as_of: date


@dataclass(frozen=True)
class TrainingProgressed(Event):
    """A candidate's training was submitted or has ended: check whether all trainings of the `attempt` have ended."""

    topic = "training-progressed"

    attempt: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_attempt(self)

    def recorded_as(self, step: str) -> str:
        """Return `step` for the first attempt, `step.2` for the second, and so on."""
        return _of_attempt(step, self.attempt)


@dataclass(frozen=True)
class TrainingFailed(Event):
    """The `attempt` to train these candidates failed for reasons that may be temporary: another attempt may succeed."""

    topic = "training-failed"

    attempt: int
    candidates: list[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_attempt(self)

    def recorded_as(self, step: str) -> str:
        """Return the record's name. If attempt 1 failed, the name is `step.2`, because the step starts attempt 2."""
        return _of_attempt(step, self.attempt + 1)


def _require_attempt(event: TrainingProgressed | TrainingFailed) -> None:
    if event.attempt < 1:
        raise Malformed(f"attempt of {event.topic} is {event.attempt}; the first one is 1")


def _of_attempt(step: str, attempt: int) -> str:
    return step if attempt == 1 else f"{step}.{attempt}"


@dataclass(frozen=True)
class ModelApproved(Event):
    """The gate approved this run's winner, `candidate`: it may replace the champion."""

    topic = "model-approved"

    candidate: str


@dataclass(frozen=True)
class ModelRejected(Event):
    """The gate rejected this run's winner for these reasons. The champion, if there is one, stays."""

    topic = "model-rejected"
    is_last = True

    reasons: list[str]


@dataclass(frozen=True)
class ModelDeployed(Event):
    """This run's winner was deployed: `version` of the registered model is the champion."""

    topic = "model-deployed"

    version: str


@dataclass(frozen=True)
class ScoringDue(Event):
    """The champion must score the visitors of the run's day. This run deploys no model."""

    topic = "scoring-due"


@dataclass(frozen=True)
class VisitorsScored(Event):
    """The partition `day` of `scores` holds all visitors active in the window, scored by model version `version`."""

    topic = "visitors-scored"

    day: date
    version: str


@dataclass(frozen=True)
class AudiencePublished(Event):
    """The audience of `day` was written to the bucket. `manifest` is the gs:// URI of a list of the files."""

    topic = "audience-published"
    is_last = True

    day: date
    manifest: str
    members: int


@dataclass(frozen=True)
class RunSuperseded(Event):
    """The run ended because run `by` is newer: it reads newer data, or delivers a newer audience to the destination."""

    topic = "run-superseded"
    is_last = True

    by: str


@dataclass(frozen=True)
class RunFailed(Event):
    """The run's `step` failed for good, and the ledger holds the reason.

    The run can continue once the cause is fixed.
    """

    topic = "run-failed"
    is_last = True

    step: str


@dataclass(frozen=True)
class MonitoringDue(Event):
    """The model's health must be checked. A run for the day's check was opened."""

    topic = "monitoring-due"
    is_first = True


@dataclass(frozen=True)
class ModelMonitored(Event):
    """The model's health was checked. `reasons` are the reasons for a training; if empty, no training is requested.

    `returned` is the former version that became champion again because the champion is shown to be worse. `returned` is
    empty if the champion stays.
    """

    topic = "model-monitored"
    is_last = True

    state: str
    reasons: list[str]
    returned: str = ""


@dataclass(frozen=True)
class RecommendationsDue(Event):
    """Recommendations must be built from the current data, in a separate run that does not train."""

    topic = "recommendations-due"
    is_first = True


@dataclass(frozen=True)
class RecommendationsBuilt(Event):
    """The association rules and the visitors' recommendations of day `as_of` were written, computed by `method`."""

    topic = "recommendations-built"
    is_last = True

    as_of: date
    method: str
    rules: int
    visitors: int


@dataclass(frozen=True)
class CustomersDue(Event):
    """The customers of a new audience must be resolved, with their arms and exclusions."""

    topic = "customers-due"
    is_first = True


@dataclass(frozen=True)
class CustomersResolved(Event):
    """The tables hold the customers of the audience of `day`, with their arms and exclusions."""

    topic = "customers-resolved"
    is_last = True

    day: date
    customers: int


@dataclass(frozen=True)
class MembersDue(Event):
    """A delivery run must continue: send the remaining batches, and ask how the open requests ended."""

    topic = "members-due"
    is_first = True


@dataclass(frozen=True)
class MembersDelivered(Event):
    """The outcomes of all requests of the run are known.

    `members` is the number of changes that the destination confirmed.
    """

    topic = "members-delivered"
    is_last = True

    destination: str
    members: int


@dataclass(frozen=True)
class CampaignsDue(Event):
    """The run that measures the campaigns' effects of one day was opened."""

    topic = "campaigns-due"
    is_first = True


@dataclass(frozen=True)
class ErasureDue(Event):
    """The run that deletes the data of persons was opened."""

    topic = "erasure-due"
    is_first = True


@dataclass(frozen=True)
class CampaignsMeasured(Event):
    """The effects were measured with the orders up to `day`.

    There is one result per comparison and outcome. `gains`, `losses` and `mismatches` count the results with this
    decision. A result with a mismatch must not be used, because the arms do not have the declared sizes.
    """

    topic = "campaigns-measured"
    is_last = True

    day: date
    gains: int
    losses: int
    mismatches: int


@dataclass(frozen=True)
class SubjectsErased(Event):
    """The run has deleted the data that it found. `pending` counts the erasures that are not completed yet."""

    topic = "subjects-erased"
    is_last = True

    completed: int
    pending: int


@dataclass(frozen=True)
class ValueDue(Event):
    """The customers must be valued from the current orders, in a separate run."""

    topic = "value-due"
    is_first = True


@dataclass(frozen=True)
class CustomersValued(Event):
    """The partition `day` of `customer_value` holds the values of `customers` customers, computed by `method`."""

    topic = "customers-valued"
    is_last = True

    day: date
    method: str
    customers: int


EVENTS: dict[str, type[Event]] = {event.topic: event for event in Event.__subclasses__()}
"""All events of the chain, by topic."""
