"""What has happened: one frozen dataclass a topic, carried as JSON over Pub/Sub.

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
    """Something that happened in a run. `run_id` is `YYYYMMDD-<8 hex of what the run reads>`."""

    topic: ClassVar[str]
    is_last: ClassVar[bool] = False
    is_first: ClassVar[bool] = False
    """Whether a run that gets it was opened by it."""

    run_id: str

    def __post_init__(self) -> None:
        if not RUN_ID.fullmatch(self.run_id):
            raise Malformed("run_id is not of the form YYYYMMDD-xxxxxxxx (8 hex digits)")

    def recorded_as(self, step: str) -> str:
        """Return the name under which the run's ledger keeps what the step makes of this event.

        It is the step's own, so that a step has one outcome a run. Events that repeat steps tell the attempts apart.
        """
        return step

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON types; `from_json` of the same class is its inverse."""
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """Read the event that `to_json` wrote; fields that have a default may be left out.

        Raises:
            Malformed: a field is missing, unknown, or not of its type.
        """
        known = {field.name: field.type for field in fields(cls)}
        needed = {field.name for field in fields(cls) if field.default is MISSING}
        if unknown := body.keys() - known:
            # Their names may be anything, a person's too.
            raise Malformed(f"unknown fields: {len(unknown)}; {cls.topic} has {', '.join(known)}")
        if missing := sorted(needed - body.keys()):
            raise Malformed(f"{cls.topic} needs the field {', '.join(missing)}")
        return cls(**{name: _typed(cls.topic, name, known[name], value) for name, value in body.items()})


def _typed(topic: str, name: str, kind: Any, value: Any) -> Any:
    """Return `value` as the field's type, which is one of the few that JSON and events share."""
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
    raise Malformed(f"field {name} of {topic} is no {getattr(kind, '__name__', kind)}")


@dataclass(frozen=True)
class DataRefreshed(Event):
    """The source's day-tables changed; `as_of` is the newest day, `reason` why a run on unchanged data is wanted."""

    topic = "data-refreshed"
    is_first = True

    as_of: date
    reason: str = ""


@dataclass(frozen=True)
class FeaturesBuilt(Event):
    """`sessions` and `visitor_features` hold all days up to `as_of`, and the data passed its checks."""

    topic = "features-built"

    as_of: date


@dataclass(frozen=True)
class TrainingProgressed(Event):
    """A candidate's training was submitted or has ended: time to look whether all of the `attempt` have."""

    topic = "training-progressed"

    attempt: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_attempt(self)

    def recorded_as(self, step: str) -> str:
        """Return `step` for the first attempt, `step.2` for the second."""
        return _of_attempt(step, self.attempt)


@dataclass(frozen=True)
class TrainingFailed(Event):
    """The `attempt` to train these candidates has failed for reasons that heal: another one may succeed."""

    topic = "training-failed"

    attempt: int
    candidates: list[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_attempt(self)

    def recorded_as(self, step: str) -> str:
        """Return `step.2` for what follows the first attempt."""
        return _of_attempt(step, self.attempt + 1)


def _require_attempt(event: TrainingProgressed | TrainingFailed) -> None:
    if event.attempt < 1:
        raise Malformed(f"attempt of {event.topic} is {event.attempt}; the first one is 1")


def _of_attempt(step: str, attempt: int) -> str:
    return step if attempt == 1 else f"{step}.{attempt}"


@dataclass(frozen=True)
class ModelApproved(Event):
    """The gate lets this run's `candidate` replace the champion."""

    topic = "model-approved"

    candidate: str


@dataclass(frozen=True)
class ModelRejected(Event):
    """The gate keeps the champion (or nothing) serving, for these reasons."""

    topic = "model-rejected"
    is_last = True

    reasons: list[str]


@dataclass(frozen=True)
class ModelDeployed(Event):
    """This run's winner is version `version` of the registered model and serves as champion."""

    topic = "model-deployed"

    version: str


@dataclass(frozen=True)
class ScoringDue(Event):
    """The day's visitors are to be scored by the champion, with or without a new model."""

    topic = "scoring-due"


@dataclass(frozen=True)
class VisitorsScored(Event):
    """The partition `day` of `scores` holds everyone active in the window, scored by version `version`."""

    topic = "visitors-scored"

    day: date
    version: str


@dataclass(frozen=True)
class AudiencePublished(Event):
    """The audience of `day` lies in the bucket; `manifest` is the gs:// URI of its list of files."""

    topic = "audience-published"
    is_last = True

    day: date
    manifest: str
    members: int


@dataclass(frozen=True)
class RunSuperseded(Event):
    """The run has ended, because run `by` reads newer data."""

    topic = "run-superseded"
    is_last = True

    by: str


@dataclass(frozen=True)
class RecommendationsDue(Event):
    """Recommendations are to be built of the data as they stand, in a run beside the one that trains."""

    topic = "recommendations-due"
    is_first = True


@dataclass(frozen=True)
class RecommendationsBuilt(Event):
    """The partition `as_of` of the rules and of the visitors' recommendations is there, the latter by `method`."""

    topic = "recommendations-built"
    is_last = True

    as_of: date
    method: str
    rules: int
    visitors: int


EVENTS: dict[str, type[Event]] = {
    event.topic: event
    for event in (
        DataRefreshed,
        FeaturesBuilt,
        TrainingProgressed,
        TrainingFailed,
        ModelApproved,
        ModelRejected,
        ModelDeployed,
        ScoringDue,
        VisitorsScored,
        AudiencePublished,
        RunSuperseded,
        RecommendationsDue,
        RecommendationsBuilt,
    )
}
