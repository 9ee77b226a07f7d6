"""The documents of a run's folder, with one structure per document.

A step writes a document; other steps and commands read it. A number may be None: None stands for BigQuery's NULL, and
for NaN and infinity, which JSON does not have.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from shared.calibration import IDENTITY, Calibrator
from shared.chain.health import Finding, State
from shared.chain.opened_runs import OpenedRun
from shared.chain.recommendation_choice import Ranking
from shared.chain.versions import Version
from shared.embedded_scorer import Artefact


@dataclass(frozen=True)
class Document[T]:
    """A document of a run's folder. Its file is `name`.json, and its structure is `kind`."""

    name: str
    kind: type[T]


# steps/STEP.json and failures/STEP.json.


class StepDone(Struct, frozen=True):
    """The record of a finished step. `event` is the JSON of the event that the step published on `topic`."""

    topic: str
    event: dict[str, Any]
    started_at: datetime
    finished_at: datetime
    bigquery_seconds: float
    message_id: str
    bytes_billed: int = 0


class StepFailure(Struct, frozen=True):
    """Why a step has failed. If `is_permanent` is True, the step is not retried."""

    reason: str
    is_permanent: bool
    failed_at: datetime


# NAME.json, the results of the steps.


class Check(Struct, frozen=True):
    """The result of one check; `found` is a text about the data."""

    is_ok: bool
    found: str


class HeldAgainst(Struct, frozen=True):
    """The champions with which the run's winner is compared.

    `version` is the champion, or None if there is none yet. `best` is the best champion so far, or None if `version` is
    the best.
    """

    version: Version | None
    best: Version | None = None


class CalibratedDecile(Struct, frozen=True):
    """The mean probability (`predicted`) of a decile's visitors, and the share of buyers among them (`observed`)."""

    decile: int
    visitors: int
    predicted: float | None
    observed: float | None


class Measured(Struct, frozen=True):
    """The metrics of one model on the visitors of a split. `word` describes the ROC AUC, e.g. "fair".

    The four counts, which start with `true_positives`, use the threshold `policy.coupon_from`. `intervals` holds the
    95 % interval of each metric from `roc_auc` to `lift_at_20_percent`.
    """

    word: str
    candidate: str
    visitors: int
    positives: int
    expected_positives: float | None
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    calibration: list[CalibratedDecile]
    roc_auc: float | None = None
    pr_auc: float | None = None
    log_loss: float | None = None
    brier: float | None = None
    lift_at_5_percent: float | None = None
    lift_at_10_percent: float | None = None
    lift_at_20_percent: float | None = None
    intervals: dict[str, tuple[float | None, float | None]] = {}


class Estimated(Struct, frozen=True):
    """A number with its 95 % interval."""

    value: float
    lower: float | None
    upper: float | None


class Calibration(Struct, frozen=True):
    """The winner's calibrator, how it was fitted, and whether its probabilities of the test visitors are calibrated.

    `slope` comes from a logistic regression of the outcome on the calibrated log odds; None if it cannot be estimated.
    """

    calibrator: Calibrator
    method: str
    judgement: str
    slope: Estimated | None
    observed_over_expected: Estimated | None


class Split(Struct, frozen=True):
    """One split of the run's rows: a row of sql/evaluation/splits.sql."""

    split: str
    first_day: date
    last_day: date
    visitors: int
    positives: int


class Evaluation(Struct, frozen=True):
    """The metrics of the candidates and the champions, the choice, and the gate's verdict on the winner.

    `candidates` holds the candidates' metrics on the evaluation visitors. `test` holds the metrics of the winner and
    the champions on the test visitors. `best` is the best champion so far that the winner is not shown to beat. It is
    None if there is no such champion, or if no champion could be scored. `failed` holds, by model, the reason why the
    model could not be trained or scored. `single_features` holds, by feature, the ROC AUC of the feature alone, or None
    if it could not be computed.
    """

    winner: str
    champion: str | None
    passes: bool
    reasons: list[str]
    candidates: dict[str, Measured]
    failed: dict[str, str]
    splits: list[Split]
    single_features: dict[str, float | None]
    # Documents that older releases wrote lack the following fields.
    choice: str = ""
    best: Version | None = None
    test: dict[str, Measured] = {}
    # Documents from before calibration was introduced lack this field.
    calibration: Calibration | None = None

    @property
    def calibrator(self) -> Calibrator:
        """The winner's calibrator, or the identity if the document has none."""
        return self.calibration.calibrator if self.calibration else IDENTITY


class Monitored(Struct, frozen=True):
    """The versions that a monitoring run compares; None for a version that does not exist."""

    champion: Version | None
    former: Version | None = None


class Health(Struct, frozen=True):
    """The findings and decisions of a monitoring run.

    `retraining` holds the reasons for a training. `held_back` says why no training follows in spite of these reasons.
    `returned` is the version that became champion again because the champion was worse.
    """

    state: State
    findings: list[Finding]
    retraining: list[str] = []
    held_back: str = ""
    returned: str | None = None


class Iteration(Struct, frozen=True):
    """One iteration of a training."""

    iteration: int
    loss: float | None
    eval_loss: float | None
    learning_rate: float | None
    duration_ms: int | None


class InputStatistics(Struct, frozen=True):
    """Statistics of one input in the training rows.

    `category_count` is None for a numeric input; `min` to `stddev` are None for a categorical one.
    """

    input: str
    min: float | None
    max: float | None
    mean: float | None
    median: float | None
    stddev: float | None
    category_count: int | None
    null_count: int | None


class OwnMetrics(Struct, frozen=True):
    """BigQuery ML's own metrics, from the rows that BigQuery ML held out for early stopping."""

    precision: float | None
    recall: float | None
    accuracy: float | None
    f1_score: float | None
    log_loss: float | None
    roc_auc: float | None


class TrainingStatistics(Struct, frozen=True):
    """Statistics of one model's training (sql/deployment/training_statistics.sql)."""

    iterations: list[Iteration]
    features: list[InputStatistics]
    evaluation: list[OwnMetrics]


class Deployment(Struct, frozen=True):
    """The version that the run deployed.

    `largest_difference` is the largest difference between the endpoint's and ML.PREDICT's probabilities of the golden
    rows. `inputs` and `percentiles` are the same as in the champion's pointer (shared/champion.py). Both are empty
    in documents that older releases wrote.
    """

    model: str
    version: str
    golden_rows: int
    largest_difference: float
    inputs: dict[str, float | None] = {}
    percentiles: list[float] = []


class DeploymentOperation(Struct, frozen=True):
    """The name of the operation in Vertex AI that deploys the run's version. None after the operation has failed."""

    name: str | None


class Superseded(Struct, frozen=True):
    """Why the run's model did not become champion, although the gate approved it."""

    reason: str


class RolledBack(Struct, frozen=True):
    """The version that became champion when the run's version was rolled back."""

    to: str
    at: datetime


class Audience(Struct, frozen=True):
    """The day's audience: its files in the bucket, and its summary (sql/audience/summary.sql)."""

    day: date
    files: list[str]
    scored: int
    model_version: str | None
    members: int
    coupons: int
    full_price: int


class Recommended(Struct, frozen=True):
    """The chosen method, each method's metrics, and a summary of the recommendations.

    The counts come from sql/recommendations/summary.sql.
    """

    as_of: date
    method: str
    better_than_popularity: list[str]
    methods: dict[str, Ranking]
    baskets: int
    baskets_of: str | None
    itemsets: int
    rules: int
    visitors: int
    # Number of products that were out of stock.
    out_of_stock: int
    is_served: bool


class Valued(Struct, frozen=True):
    """The result of a valuation: the chosen method, the reason for it, and sums over the customers.

    `lacking` holds, by method, the reason why the method could not be fitted. `incremental_shares` holds, by campaign,
    the share of the treated customers' orders that was left out. `independence` says whether a customer's number of
    orders and revenue per order are independent.
    """

    day: date
    horizon_days: int
    method: str
    reason: str
    lacking: dict[str, str]
    incremental_shares: dict[str, float]
    independence: str
    customers: int
    expected_orders: float
    expected_revenue: float


# mypy does not accept a union of types as an argument.
RUN: Document[OpenedRun] = Document("run", OpenedRun)  # type: ignore[arg-type]
CHECKS = Document("checks", dict[str, Check])
CHAMPION = Document("champion", HeldAgainst)
EVALUATION = Document("evaluation", Evaluation)
MONITORED = Document("monitored", Monitored)
HEALTH = Document("health", Health)
TRAINING = Document("training", dict[str, TrainingStatistics])
DEPLOYMENT = Document("deployment", Deployment)
DEPLOYMENT_OPERATION = Document("deployment_operation", DeploymentOperation)
SCORER: Document[Artefact] = Document("scorer", Artefact)  # type: ignore[arg-type]
SUPERSEDED = Document("superseded", Superseded)
ROLLED_BACK = Document("rolled_back", RolledBack)
AUDIENCE = Document("audience", Audience)
RECOMMENDATIONS = Document("recommendations", Recommended)
VALUE = Document("value", Valued)
# The name of the run's report, which is no JSON document.
REPORT = "report.html"
