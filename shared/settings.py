"""Every decision a retailer can change, with its default: one JSON document in the environment, validated once.

`PROPENSITY_SETTINGS` holds what differs from the defaults, `GOOGLE_CLOUD_PROJECT` the project. Names that become
SQL identifiers or object paths are checked against Google's own rules here, so that nothing further in needs to.

    python -m shared.settings > infra/settings/schema.json

writes the same rules as JSON Schema, by which Terraform refuses at plan what no function would start with.
"""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta, Struct

from shared import jsontext
from shared.setting_types import (
    ApiEndpoint,
    Bucket,
    Dataset,
    Days,
    EndpointId,
    EventName,
    Location,
    MachineType,
    ModelId,
    Name,
    Origin,
    Project,
    Region,
    Share,
    TimeZone,
)

PURCHASE = "purchase"
CANDIDATES = tuple(sorted(path.stem for path in (Path(__file__).parent.parent / "sql" / "models").glob("*.sql")))
if TYPE_CHECKING:
    Candidate = str
else:
    # The files of sql/models.
    Candidate = Literal[CANDIDATES]
Method = Literal["similarity", "matrix_factorization"]


class SettingsError(ValueError):
    """A setting is missing or breaks its rule; the message names it."""


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group of settings."""


class Source(Section, frozen=True):
    """Where the Google Analytics export lies."""

    kind: Literal["ga360", "ga4"] = "ga360"
    dataset: Dataset = "analytics"
    # The export's own project, when it is another one.
    project: Project | None = None
    # The GA4 property's time zone (Admin > Property details). Hours and weekdays are told in it; GA360's export tells
    # hours itself, and this one counts where it does not.
    time_zone: TimeZone = "UTC"
    # Traffic from these sources is staff, whose purchases say nothing about customers.
    internal_sources: tuple[str, ...] = ("mall.googleplex.com", "sites.google.com")
    # Sessions with more hits than this are robots.
    max_hits: Annotated[int, Meta(ge=1)] = 400

    @property
    def zone(self) -> tzinfo:
        """The time zone.

        Raises:
            ValueError: the tz database does not have it.
        """
        if self.time_zone == "UTC":
            return UTC
        import zoneinfo  # noqa: PLC0415 - a function with the default starts without it

        try:
            return zoneinfo.ZoneInfo(self.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            from shared import settings_faults  # noqa: PLC0415 - only a fault needs the words for it

            raise ValueError(settings_faults.unknown_time_zone(self.time_zone)) from error


class Label(Section, frozen=True):
    """What the model learns: a purchase, or another event, after the first visit."""

    kind: Literal["horizon", "unbounded"] = "horizon"
    horizon_days: Days = 14
    # An order, or any event of the export: a GA4 event by its name, a GA360 event as category/action.
    event: EventName = PURCHASE
    # What is worth less does not count.
    min_revenue: Annotated[float, Meta(ge=0)] = 0.0


class Checks(Section, frozen=True):
    """What the data must satisfy before anyone learns from it."""

    # Days between the newest day-table and today; 0 lets any age pass.
    max_age_days: Annotated[int, Meta(ge=0)] = 3
    # A day may have this share of the median of the days before it.
    min_rows_share: Share = 0.3
    trailing_days: Days = 14
    max_duplicates_share: Share = 0.01
    max_null_share: Share = 0.9
    # Of the reports of orders: shares that repeat an order, reverse one, and name no visitor.
    max_repeated_orders: Share = 0.1
    max_reversals: Share = 0.5
    max_orders_without_visitor: Share = 0.5


class Training(Section, frozen=True):
    """Which visitors are learnt from, and by which candidates."""

    window_days: Days = 90
    # A refresh within so many hours of the last training rebuilds features and scores with the champion, and trains
    # nothing, unless it names a reason. GA4 writes each day's table for three days: each time would be a training.
    min_hours: Annotated[int, Meta(ge=0, le=8760)] = 20
    evaluation_share: Share = 0.2
    test_share: Share = 0.2
    candidates: Annotated[tuple[Candidate, ...], Meta(min_length=1)] = (
        "baseline",
        "logistic",
        "boosted_trees",
    )

    @property
    def train_share(self) -> float:
        """The share of the visitors that is neither for early stopping nor for the gate."""
        return 1 - self.evaluation_share - self.test_share


class Gate(Section, frozen=True):
    """By what a candidate is chosen, and what it must show on held-out visitors before it serves; docs/judging.md."""

    # What candidates are compared by, and challengers with champions.
    metric: Literal["log_loss", "brier", "roc_auc", "pr_auc"] = "log_loss"
    # By which share of the other's metric a model may be worse and still count as no worse.
    margin: Annotated[float, Meta(ge=0)] = 0.01
    min_roc_auc: Share = 0.7
    # What the lower bound of its 95 % interval must reach.
    min_roc_auc_lower: Share = 0.6
    # Buyers among the test visitors, to be judged, and among the evaluation visitors, to be calibrated.
    min_positives: Annotated[int, Meta(ge=0)] = 30
    # One feature alone that ranks this well knows the answer.
    max_single_feature_roc_auc: Share = 0.95
    # Probabilities are called calibrated when the intervals of slope and of observed over expected lie between one over
    # this and this. It keeps no candidate out.
    calibration_tolerance: Annotated[float, Meta(gt=1)] = 1.25


class Policy(Section, frozen=True):
    """Which offer a probability earns: the full price at the top, a coupon below that, none for the rest.

    `band` takes the thresholds from coupon_from and coupon_below, which are probabilities. `quantile` gives the most
    likely full_price_percent of visitors the full price and the next coupon_percent a coupon.
    """

    kind: Literal["band", "quantile"] = "band"
    coupon_from: Share = 0.5
    coupon_below: Share = 0.8
    # Together the audience's two tenths.
    full_price_percent: Annotated[int, Meta(ge=0, le=99)] = 5
    coupon_percent: Annotated[int, Meta(ge=1, le=100)] = 15


class Audience(Section, frozen=True):
    """Who is scored and who is published."""

    window_days: Days = 30
    # Decile 1 holds the tenth most likely to buy.
    max_decile: Annotated[int, Meta(ge=1, le=10)] = 2


class Serving(Section, frozen=True):
    """Where the champion answers online."""

    region: Region = "us-central1"
    # Vertex AI's address; empty means the region's own.
    api_endpoint: ApiEndpoint = ""
    model_id: ModelId = "propensity"
    endpoint_id: EndpointId = "propensity"
    machine_type: MachineType = "n1-standard-2"
    max_replicas: Annotated[int, Meta(ge=1)] = 2
    canary_percent: Annotated[int, Meta(ge=1, le=99)] = 10
    # Test visitors on which the endpoint must say what ML.PREDICT says; of one alone none would be chosen.
    golden_rows: Annotated[int, Meta(ge=2, le=1000)] = 50


class Monitoring(Section, frozen=True):
    """When the model's health asks for a training; docs/monitoring.md."""

    # Age of the newest day that the champion has learnt from, in days.
    max_champion_days: Days = 45
    # Days after a training in which the model's health asks for no other one.
    cool_down_days: Annotated[int, Meta(ge=0, le=1000)] = 3
    # Rejections in a row after which it asks for none: a training on the same data would be rejected again.
    max_rejections: Annotated[int, Meta(ge=1)] = 2


class Recommendations(Section, frozen=True):
    """What is recommended beside a score: rules from baskets, and products for each visitor."""

    # Baskets and interests of so many days count.
    window_days: Days = 90
    # With fewer sessions that bought, what was put into carts makes the baskets.
    min_baskets: Annotated[int, Meta(ge=0)] = 500
    # A set of products is frequent in at least so many baskets and that share of them.
    min_count: Annotated[int, Meta(ge=1)] = 5
    min_support: Share = 0.001
    min_confidence: Share = 0.1
    min_lift: Annotated[float, Meta(ge=0)] = 1.2
    # What is tried for visitors; of those that beat popularity the best is published. matrix_factorization needs a
    # reservation of BigQuery's Enterprise edition: without one, each run leaves a failed job.
    methods: tuple[Method, ...] = ("similarity",)
    # So many visitors' last products are held out to judge by.
    evaluation_visitors: Annotated[int, Meta(ge=0)] = 2_000
    # Two products that n visitors share are n / (n + this) as alike as the cosine says.
    shrinkage: Annotated[float, Meta(ge=0)] = 10.0
    # How many products a visitor is recommended; also the k of recall@k and NDCG@k.
    per_visitor: Annotated[int, Meta(ge=1, le=50)] = 5
    # What the online path holds in memory: this many rules, similar products for each one, and popular products.
    most_rules: Annotated[int, Meta(ge=0, le=100_000)] = 5_000
    most_similar: Annotated[int, Meta(ge=0, le=100)] = 10
    most_popular: Annotated[int, Meta(ge=0, le=1_000)] = 50


class Online(Section, frozen=True):
    """How a checkout is scored: by the endpoint, or embedded in the function, each standing in for the other."""

    order: Literal["embedded_first", "endpoint_first"] = "embedded_first"
    # For one checkout's whole try at the endpoint, retries included.
    endpoint_deadline_ms: Annotated[int, Meta(ge=10, le=60_000)] = 300
    # Retries may be at most this share of the requests to the endpoint.
    retry_share: Share = 0.1
    # So many failures among the last 20 requests open the breaker ...
    breaker_failures: Annotated[int, Meta(ge=1, le=20)] = 10
    # ... for so long; then so many probes in a row must succeed.
    breaker_open_seconds: Annotated[float, Meta(gt=0, le=3600)] = 10.0
    breaker_probes: Annotated[int, Meta(ge=1, le=100)] = 3
    # How often a new champion, new recommendations and what is out of stock are looked for.
    refresh_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    # How many products a checkout is told.
    next_products: Annotated[int, Meta(ge=0, le=50)] = 4
    # The shop's pages that may ask score_checkout from a browser; without any, the shop's server asks.
    origins: tuple[Origin, ...] = ()


class Settings(Section, frozen=True):
    """All settings of one environment."""

    project: Project
    bucket: Bucket
    location: Location = "US"
    dataset: Name = "propensity"
    source: Source = Source()
    label: Label = Label()
    checks: Checks = Checks()
    training: Training = Training()
    gate: Gate = Gate()
    policy: Policy = Policy()
    audience: Audience = Audience()
    serving: Serving = Serving()
    monitoring: Monitoring = Monitoring()
    recommendations: Recommendations = Recommendations()
    online: Online = Online()
    # A run without news for this long is taken up again by resume_runs.
    resume_after_minutes: Annotated[int, Meta(ge=0)] = 15
    # Newer data wait for an open run; one without news for so many hours is no longer open.
    open_hours: Annotated[int, Meta(ge=1, le=168)] = 6
    # How long one delivery waits for a BigQuery job or a deployment; below the function's timeout.
    wait_seconds: Annotated[int, Meta(ge=1)] = 480

    def __post_init__(self) -> None:
        for sentence, holds in TOGETHER.items():
            if not holds(self):
                raise ValueError(sentence)
        # Asks the tz database.
        _ = self.source.zone

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings of a deployed function.

        Raises:
            SettingsError: names the setting, its rule and what was given.
        """
        project = environment.get("GOOGLE_CLOUD_PROJECT")
        if not project:
            raise SettingsError("GOOGLE_CLOUD_PROJECT is not set: name the project that the functions run in")
        try:
            given = jsontext.decode((environment.get("PROPENSITY_SETTINGS") or "{}").encode(errors="surrogateescape"))
        except jsontext.NotJSONError as error:
            raise SettingsError(f"PROPENSITY_SETTINGS is not a JSON object: {error}") from error
        if not isinstance(given, dict):
            raise SettingsError(f"PROPENSITY_SETTINGS is not a JSON object: it is a {type(given).__name__}")
        return cls.from_document({"project": project, "bucket": f"{project}-propensity"} | given)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Validate a document of nested plain values.

        Raises:
            SettingsError: names the setting, its rule and what was given.
        """
        try:
            return msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            from shared import settings_faults  # noqa: PLC0415 - only a fault needs the words for it

            raise SettingsError(f"settings: {settings_faults.sentence(cls, document, str(error))}") from None

    @property
    def source_dataset(self) -> str:
        """`project.dataset` of the export."""
        return f"{self.source.project or self.project}.{self.source.dataset}"

    @property
    def table_prefix(self) -> str:
        """What the export's day-tables are called before the date."""
        return "ga_sessions_" if self.source.kind == "ga360" else "events_"

    @property
    def label_days(self) -> int:
        """How many days after the first visit a purchase counts."""
        return self.label.horizon_days if self.label.kind == "horizon" else self.training.window_days


# Rules over several settings, by the sentence with which they are refused; infra/settings/settings.tf has them too.
TOGETHER: dict[str, Callable[[Settings], bool]] = {
    "policy.coupon_from must not be above policy.coupon_below": lambda all_: (
        all_.policy.coupon_from <= all_.policy.coupon_below
    ),
    "policy.full_price_percent and policy.coupon_percent must not be above 100 together": lambda all_: (
        all_.policy.full_price_percent + all_.policy.coupon_percent <= 100
    ),
    "training.evaluation_share and training.test_share leave nothing to train on": lambda all_: (
        all_.training.evaluation_share + all_.training.test_share < 1
    ),
    "label.event must be purchase, a GA4 event's name, or a GA360 event's category/action": lambda all_: (
        all_.label.event == PURCHASE or ("/" in all_.label.event) == (all_.source.kind == "ga360")
    ),
}


def with_overrides(document: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    """Return `document` with assignments like `gate.min_positives=1` applied; values are JSON, else text.

    Raises:
        SettingsError: an assignment has no `=`, or names something within a single value.
    """
    merged = msgspec.json.decode(jsontext.encode(document), type=dict[str, Any])
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise SettingsError(f"--set {assignment}: write it as name=value, e.g. gate.min_positives=1")
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            value = text
        *sections, name = path.split(".")
        section = merged
        for part in sections:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise SettingsError(f"--set {assignment}: {part} is a single value, so there is no {name} in it")
        section[name] = value
    return merged


def schema() -> bytes:
    """Return the rules and defaults as JSON Schema, the same bytes for the same rules.

    Its patterns are for Terraform, in whose syntax (RE2) a dollar is the end of the text.
    """
    rules = jsontext.encode(msgspec.json.schema(Settings), is_sorted=True).replace(rb'\\Z"', b'$"')
    return msgspec.json.format(rules, indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(schema())
