"""The state of a run, read from its folder in the bucket: its steps, its failures and its documents."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.chain.audience_documents import DELIVERY, RESOLVED
from shared.chain.campaign_documents import EFFECTS
from shared.chain.documents import (
    AUDIENCE,
    CHECKS,
    DEPLOYMENT,
    EVALUATION,
    HEALTH,
    RECOMMENDATIONS,
    SUPERSEDED,
    TRAINING,
    VALUE,
)
from shared.chain.opened_runs import ExportRun
from shared.destination_settings import DESTINATIONS
from shared.events import (
    AudiencePublished,
    CampaignsDue,
    CampaignsMeasured,
    CustomersDue,
    CustomersResolved,
    CustomersValued,
    ErasureDue,
    MembersDelivered,
    MembersDue,
    ModelMonitored,
    ModelRejected,
    MonitoringDue,
    RecommendationsBuilt,
    RecommendationsDue,
    RunSuperseded,
    ScoringDue,
    SubjectsErased,
    ValueDue,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from shared.chain.audience_documents import Delivery, Resolved
    from shared.chain.campaign_documents import Effects
    from shared.chain.documents import (
        Audience,
        Check,
        Deployment,
        Document,
        Evaluation,
        Health,
        Recommended,
        Superseded,
        TrainingStatistics,
        Valued,
    )
    from shared.chain.runs import Failure, Record, Runs

# The steps of a run, in order. `training` is not a function: it represents the time of BigQuery's training jobs.
STEPS = (
    "build_features",
    "train_models",
    "training",
    "evaluate_models",
    "deploy_model",
    "score_visitors",
    "publish_audience",
)

# The steps of runs beside the training runs. They build recommendations, check the model's health, measure campaigns,
# find and value customers, send an audience's customers to destinations, and erase persons.
BESIDE = (
    "build_recommendations",
    "monitor_model",
    "measure_campaign",
    "resolve_customers",
    "value_customers",
    *(f"send_to_{name}" for name in DESTINATIONS),
    "erase_subject",
)

# The kind of a run, by the topic of its first event. A run with another topic is a training, or a refresh without a
# training.
KINDS = {
    ScoringDue.topic: "scoring",
    MonitoringDue.topic: "monitoring",
    RecommendationsDue.topic: "recommendations",
    CustomersDue.topic: "customers",
    MembersDue.topic: "delivery",
    CampaignsDue.topic: "campaigns",
    ErasureDue.topic: "erasure",
    ValueDue.topic: "value",
}

# The outcome of a run, by the class of its last event.
ENDS: dict[type, str] = {
    ModelRejected: "rejected",
    RunSuperseded: "superseded",
    RecommendationsBuilt: "recommended",
    ModelMonitored: "monitored",
    CustomersResolved: "resolved",
    MembersDelivered: "delivered",
    CampaignsMeasured: "measured",
    SubjectsErased: "erased",
    CustomersValued: "valued",
}


@dataclass(frozen=True)
class Documents:
    """The results of a run's steps; None for a document that does not exist or was not requested."""

    checks: dict[str, Check] | None = None
    evaluation: Evaluation | None = None
    training: dict[str, TrainingStatistics] | None = None
    deployment: Deployment | None = None
    superseded: Superseded | None = None
    audience: Audience | None = None
    recommendations: Recommended | None = None
    health: Health | None = None
    customers: Resolved | None = None
    delivery: Delivery | None = None
    campaigns: Effects | None = None
    value: Valued | None = None


@dataclass(frozen=True)
class Run:
    """The state of a run, read from its folder in the bucket.

    `topic` is the topic of the run's first event. `wanted_for` holds the reasons for which the run was opened. It is
    empty if only new data have caused the run. `trains` is True if the run was opened to train.
    """

    run_id: str
    topic: str
    trains: bool
    wanted_for: str
    opened_at: datetime
    records: list[Record]
    failures: list[Failure]
    documents: Documents = Documents()

    @property
    def kind(self) -> str:
        """The kind: training, refresh (no training), or a value of KINDS."""
        return KINDS.get(self.topic, "training" if self.trains else "refresh")

    @property
    def outcome(self) -> str:
        """How the run ended: `published`, `failed`, or a value of ENDS.

        A run that has not ended is `retrying` if a step has failed and is retried, otherwise `running`.
        """
        last = self.records[-1].event if self.records else None
        if isinstance(last, AudiencePublished):
            return "superseded" if self.documents.superseded else "published"
        if ended := ENDS.get(type(last)):
            return ended
        if any(failure.is_permanent for failure in self.failures):
            return "failed"
        return "retrying" if self.failures else "running"

    @property
    def has_ended(self) -> bool:
        """Return whether the run has ended, successfully or not."""
        return self.outcome not in {"retrying", "running"}

    @property
    def reason(self) -> str:
        """The reasons why the run was rejected or superseded, why a step failed, or why a training is requested.

        Empty if there is no such reason.
        """
        last = self.records[-1].event if self.records else None
        if isinstance(last, RunSuperseded):
            return f"run {last.by} reads newer data"
        if self.documents.superseded:
            return self.documents.superseded.reason
        if isinstance(last, ModelRejected | ModelMonitored):
            return "; ".join(last.reasons)
        return "; ".join(f"{failure.step}: {failure.reason}" for failure in self.failures)

    @property
    def seconds(self) -> dict[str, float]:
        """The durations in seconds of the finished steps and of the training, by step, including all attempts."""
        times: defaultdict[str, float] = defaultdict(float)
        submitted = None
        for record in self.records:
            step = function_of(record.step)
            times[step] += (record.finished_at - record.started_at).total_seconds()
            if step == "train_models":
                submitted = record.finished_at
            elif step == "evaluate_models" and submitted:
                times["training"] += max((record.started_at - submitted).total_seconds(), 0.0)
        return {step: times[step] for step in (*STEPS, *BESIDE) if step in times}


def function_of(step: str) -> str:
    """Return the name of a step without the number of its repetition, e.g. `train_models` for `train_models.2`."""
    return step.partition(".")[0]


def read(runs: Runs, run_id: str, only: Collection[Document[Any]] | None = None) -> Run:
    """Return the run's current state with its documents, or with only the documents in `only`.

    Raises:
        Malformed: there is no such run.
    """
    opened = runs.opened(run_id).run

    def found[T](document: Document[T]) -> T | None:
        return runs.read(run_id, document) if only is None or document in only else None

    return Run(
        run_id,
        opened.event.topic,
        trains=isinstance(opened, ExportRun) and opened.trains,
        wanted_for=opened.reason if isinstance(opened, ExportRun) else "",
        opened_at=opened.opened_at,
        records=runs.records(run_id),
        failures=runs.failures(run_id),
        documents=Documents(
            found(CHECKS),
            found(EVALUATION),
            found(TRAINING),
            found(DEPLOYMENT),
            found(SUPERSEDED),
            found(AUDIENCE),
            found(RECOMMENDATIONS),
            found(HEALTH),
            found(RESOLVED),
            found(DELIVERY),
            found(EFFECTS),
            found(VALUE),
        ),
    )
