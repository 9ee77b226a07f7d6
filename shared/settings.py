"""All settings that a retailer can change, with their defaults.

The environment variable `PROPENSITY_SETTINGS` holds the settings that differ from the defaults, as one JSON document.
`GOOGLE_CLOUD_PROJECT` holds the project. Some settings are names that become SQL identifiers or object paths. This
module checks these names against Google's rules. Other modules need not check them.

    python -m shared.settings > infra/settings/schema.json

writes the same rules as JSON Schema. With this schema, `terraform plan` refuses invalid settings. Otherwise they would
be deployed, and no function would start.
"""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

from shared import jsontext
from shared.audience_settings import Audience, Campaign, Policy, Value
from shared.destination_settings import Files, GoogleAds, MetaAds, Salesforce, Topic
from shared.mail_settings import Mail
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
    Section,
    Share,
    TimeZone,
)

PURCHASE = "purchase"
CANDIDATES = tuple(sorted(path.stem for path in (Path(__file__).parent.parent / "sql" / "models").glob("*.sql")))
if TYPE_CHECKING:
    Candidate = str
else:
    # Candidates are the names of the files in sql/models.
    Candidate = Literal[CANDIDATES]
Method = Literal["similarity", "matrix_factorization"]


class SettingsError(ValueError):
    """A setting is missing or breaks its rule; the message names the setting."""


class Source(Section, frozen=True):
    """Which Google Analytics export is read, and which of its sessions are ignored."""

    kind: Literal["ga360", "ga4"] = "ga360"
    dataset: Dataset = "analytics"
    # The project of the export; None if the export lies in the project of the functions.
    project: Project | None = None
    # Time zone of the GA4 property (Admin > Property details). Hours and weekdays are computed in this zone. GA360's
    # export contains hours, so this zone is used only if an hour is missing.
    time_zone: TimeZone = "UTC"
    # Sessions from these sources are ignored, because they belong to the shop's staff.
    internal_sources: tuple[str, ...] = ("mall.googleplex.com", "sites.google.com")
    # Sessions with more hits than this count as robots, and are ignored.
    max_hits: Annotated[int, Meta(ge=1)] = 400

    @property
    def zone(self) -> tzinfo:
        """The time zone `time_zone`, looked up in the tz database.

        Raises:
            ValueError: the tz database has no zone of this name.
        """
        if self.time_zone == "UTC":
            return UTC
        import zoneinfo  # noqa: PLC0415 - not needed for the default, UTC

        try:
            return zoneinfo.ZoneInfo(self.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            from shared import settings_faults  # noqa: PLC0415 - needed only for an invalid setting

            raise ValueError(settings_faults.unknown_time_zone(self.time_zone)) from error


class Label(Section, frozen=True):
    """What the model learns: a purchase, or another event, after the first visit."""

    kind: Literal["horizon", "unbounded"] = "horizon"
    horizon_days: Days = 14
    # The event to predict: `purchase`, or any event of the export. Give the name of a GA4 event, or the category/action
    # of a GA360 event.
    event: EventName = PURCHASE
    # Minimum revenue of an order or event that counts. 0 also counts orders and events without revenue.
    min_revenue: Annotated[float, Meta(ge=0)] = 0.0


class Checks(Section, frozen=True):
    """Limits that the data must satisfy before a model learns from them."""

    # Largest age of the newest day-table, in days; 0 allows any age.
    max_age_days: Annotated[int, Meta(ge=0)] = 3
    # Smallest number of sessions of the newest day, as a share of the median number over the `trailing_days` days
    # before the newest day.
    min_rows_share: Share = 0.3
    trailing_days: Days = 14
    max_duplicates_share: Share = 0.01
    max_null_share: Share = 0.9
    # Of all reports of orders, the largest accepted share that repeats an earlier report.
    max_repeated_orders: Share = 0.1
    # Of all reports of orders, the largest accepted share that reports a refund.
    max_reversals: Share = 0.5
    # Of all reports of orders, the largest accepted share that names no visitor.
    max_orders_without_visitor: Share = 0.5


class Training(Section, frozen=True):
    """Which visitors the models learn from, and which candidates are trained."""

    window_days: Days = 90
    # Minimum hours between two trainings. A refresh within these hours rebuilds features and scores with the champion,
    # but does not train. A refresh with a `reason` always trains. Without this limit, GA4 would start several trainings
    # per day-table, because GA4 rewrites each table for three days.
    min_hours: Annotated[int, Meta(ge=0, le=8760)] = 20
    evaluation_share: Share = 0.2
    test_share: Share = 0.2
    # Approximate maximum number of training rows; 0 for no maximum. If there are more rows, the models learn from all
    # buyers and from a sample of the others, at least one for each buyer. The probabilities are corrected for the
    # sampling. Evaluation and test visitors are never left out.
    max_rows: Annotated[int, Meta(ge=0)] = 0
    candidates: Annotated[tuple[Candidate, ...], Meta(min_length=1)] = (
        "baseline",
        "logistic",
        "boosted_trees",
    )

    @property
    def train_share(self) -> float:
        """The share of the visitors that models learn from: all except evaluation and test visitors."""
        return 1 - self.evaluation_share - self.test_share


class Gate(Section, frozen=True):
    """How a candidate is chosen, and the conditions under which it may serve: see docs/judging.md."""

    # The metric by which candidates are compared with each other and with the champions.
    metric: Literal["log_loss", "brier", "roc_auc", "pr_auc"] = "log_loss"
    # A model counts as no worse than another model if the interval of the difference excludes that the model's `metric`
    # is worse by more than this share.
    margin: Annotated[float, Meta(ge=0)] = 0.01
    min_roc_auc: Share = 0.7
    # Minimum for the lower bound of the ROC AUC's 95 % interval.
    min_roc_auc_lower: Share = 0.6
    # Minimum number of buyers among the test visitors, to judge a model. Also the minimum number of buyers among the
    # evaluation visitors, to calibrate the model.
    min_positives: Annotated[int, Meta(ge=0)] = 30
    # Largest accepted ROC AUC of a single feature. A feature with a larger ROC AUC is taken to reveal the label.
    max_single_feature_roc_auc: Share = 0.95
    # Probabilities count as calibrated if two intervals lie between 1 / `calibration_tolerance` and
    # `calibration_tolerance`: the interval of the calibration slope, and the interval of observed / expected buyers.
    # The gate does not use the result.
    calibration_tolerance: Annotated[float, Meta(gt=1)] = 1.25


class Serving(Section, frozen=True):
    """The Vertex AI model and endpoint that serve the champion."""

    region: Region = "us-central1"
    # URL of Vertex AI; empty means the URL of the region.
    api_endpoint: ApiEndpoint = ""
    model_id: ModelId = "propensity"
    endpoint_id: EndpointId = "propensity"
    machine_type: MachineType = "n1-standard-2"
    max_replicas: Annotated[int, Meta(ge=1)] = 2
    canary_percent: Annotated[int, Meta(ge=1, le=99)] = 10
    # Number of test visitors for whom the endpoint's probability must agree with ML.PREDICT's. At least 2, because the
    # statement that samples the rows would choose no row for 1.
    golden_rows: Annotated[int, Meta(ge=2, le=1000)] = 50


class Monitoring(Section, frozen=True):
    """When monitoring starts a training, brings back the former champion, or warns: see docs/monitoring.md."""

    # Largest age, in days, of the champion's training data: the age of their newest day. If the data are older,
    # monitoring requests a training.
    max_champion_days: Days = 45
    # Minimum days after a training before monitoring may start the next training.
    cool_down_days: Annotated[int, Meta(ge=0, le=1000)] = 3
    # In this number of hours after a promotion, the former champion returns if the new champion gives errors or slow
    # answers at the checkout.
    early_hours: Annotated[int, Meta(ge=0, le=1000)] = 24
    # An answer at the checkout that takes more than this number of milliseconds is slow, which counts against a new
    # champion. The alert `checkout_latency` of functions/alerts.yaml has its own limit.
    slow_ms: Annotated[float, Meta(gt=0)] = 500.0
    # If BigQuery bills more than this number of GiB for a run, trainings included, monitoring warns. 0 allows any
    # amount.
    max_run_gib: Annotated[float, Meta(ge=0)] = 0.0
    # If the gate has rejected this number of models in a row, monitoring starts no further training, because the gate
    # would probably reject the next model too.
    max_rejections: Annotated[int, Meta(ge=1)] = 2


class Recommendations(Section, frozen=True):
    """How recommendations are built: rules from baskets, and products for each visitor."""

    # Number of days whose baskets and product views are used.
    window_days: Days = 90
    # Minimum number of sessions with a purchase for baskets of purchased products. If there are fewer, the baskets
    # consist of the products added to carts.
    min_baskets: Annotated[int, Meta(ge=0)] = 500
    # A set of products is frequent if at least `min_count` baskets and at least the share `min_support` of all baskets
    # contain it.
    min_count: Annotated[int, Meta(ge=1)] = 5
    min_support: Share = 0.001
    min_confidence: Share = 0.1
    min_lift: Annotated[float, Meta(ge=0)] = 1.2
    # Methods to try. The best method is used if it is better than recommending popular products to everybody. Otherwise
    # visitors get the popular products. matrix_factorization needs a reservation of BigQuery's Enterprise edition.
    # Without a reservation, each run leaves a failed job.
    methods: tuple[Method, ...] = ("similarity",)
    # The methods are evaluated on this number of visitors. The last product of each of these visitors is held out.
    evaluation_visitors: Annotated[int, Meta(ge=0)] = 2_000
    # Shrinkage of similarities: if n visitors have two products in common, the products' cosine similarity is
    # multiplied by n / (n + shrinkage).
    shrinkage: Annotated[float, Meta(ge=0)] = 10.0
    # Maximum number of products recommended to a visitor; also the k of recall@k and NDCG@k.
    per_visitor: Annotated[int, Meta(ge=1, le=50)] = 5
    # Maximum numbers of rules, of similar products per product, and of popular products that the online path loads into
    # memory.
    most_rules: Annotated[int, Meta(ge=0, le=100_000)] = 5_000
    most_similar: Annotated[int, Meta(ge=0, le=100)] = 10
    most_popular: Annotated[int, Meta(ge=0, le=1_000)] = 50


class Online(Section, frozen=True):
    """How a checkout is scored: by the endpoint or by the embedded scorer. If one fails, the other answers."""

    order: Literal["embedded_first", "endpoint_first"] = "embedded_first"
    # Time limit for the endpoint's answer to one checkout, retries included, in milliseconds.
    endpoint_deadline_ms: Annotated[int, Meta(ge=10, le=60_000)] = 300
    # Retries may be at most this share of the requests to the endpoint. 0 allows no retries.
    retry_share: Share = 0.1
    # The circuit breaker opens after this number of failures among the last 20 requests to the endpoint.
    breaker_failures: Annotated[int, Meta(ge=1, le=20)] = 10
    # Seconds for which the breaker stays open, so that no request is sent to the endpoint. Then the breaker lets single
    # requests pass, and closes after `breaker_probes` successful requests in a row.
    breaker_open_seconds: Annotated[float, Meta(gt=0, le=3600)] = 10.0
    breaker_probes: Annotated[int, Meta(ge=1, le=100)] = 3
    # Seconds between two checks for a new champion, recommendations, products out of stock and visitors without offers.
    refresh_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    # Maximum number of recommended products in the answer to a checkout.
    next_products: Annotated[int, Meta(ge=0, le=50)] = 4
    # Origins of the shop's pages that may call score_checkout from a browser. If empty, only the shop's server can call
    # it.
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
    campaign: Campaign = Campaign()
    value: Value = Value()
    serving: Serving = Serving()
    monitoring: Monitoring = Monitoring()
    recommendations: Recommendations = Recommendations()
    online: Online = Online()
    files: Files = Files()
    topic: Topic = Topic()
    google_ads: GoogleAds = GoogleAds()
    meta: MetaAds = MetaAds()
    salesforce: Salesforce = Salesforce()
    mail: Mail = Mail()
    # resume_runs continues a run that has recorded nothing for this many minutes.
    resume_after_minutes: Annotated[int, Meta(ge=0)] = 15
    # A run without activity for this number of hours no longer counts as open. While a run is open, newer data wait.
    open_hours: Annotated[int, Meta(ge=1, le=168)] = 6
    # Seconds that one delivery waits for a BigQuery job or a deployment. Must be below the function's timeout.
    wait_seconds: Annotated[int, Meta(ge=1)] = 480

    def __post_init__(self) -> None:
        for sentence, holds in TOGETHER.items():
            if not holds(self):
                raise ValueError(sentence)
        # Raises ValueError if the tz database has no such zone.
        _ = self.source.zone

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return the settings from GOOGLE_CLOUD_PROJECT and PROPENSITY_SETTINGS, with defaults for all others.

        Raises:
            SettingsError: a setting is invalid; the message names the setting, its rule and the given value.
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
        """Validate a document, a dict of sections with plain values, and return its settings.

        Raises:
            SettingsError: a setting is invalid; the message names the setting, its rule and the given value.
        """
        try:
            return msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            from shared import settings_faults  # noqa: PLC0415 - needed only for an invalid setting

            raise SettingsError(f"settings: {settings_faults.sentence(cls, document, str(error))}") from None

    @property
    def source_dataset(self) -> str:
        """`project.dataset` of the export."""
        return f"{self.source.project or self.project}.{self.source.dataset}"

    @property
    def table_prefix(self) -> str:
        """The part of a day-table's name before the date, e.g. `events_`."""
        return "ga_sessions_" if self.source.kind == "ga360" else "events_"

    @property
    def label_days(self) -> int:
        """The number of days after the first visit in which a conversion counts for the label."""
        return self.label.horizon_days if self.label.kind == "horizon" else self.training.window_days


# Rules that combine several settings. The key is the error message. infra/settings/settings.tf has the same rules.
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
    "google_ads.account and google_ads.user_list must be set, unless google_ads.mode is off": lambda all_: (
        all_.google_ads.mode == "off" or bool(all_.google_ads.account and all_.google_ads.user_list)
    ),
    "meta.audience must be set, unless meta.mode is off": lambda all_: (
        all_.meta.mode == "off" or bool(all_.meta.audience)
    ),
    "salesforce.subdomain and salesforce.data_extension must be set, unless salesforce.mode is off": lambda all_: (
        all_.salesforce.mode == "off" or bool(all_.salesforce.subdomain and all_.salesforce.data_extension)
    ),
    "mail.relay and mail.sender must be set, unless mail.mode is off": lambda all_: (
        all_.mail.mode == "off" or bool(all_.mail.relay and all_.mail.sender)
    ),
    "label.event must be purchase, a GA4 event's name, or a GA360 event's category/action": lambda all_: (
        all_.label.event == PURCHASE or ("/" in all_.label.event) == (all_.source.kind == "ga360")
    ),
}


def schema() -> bytes:
    """Return the rules and defaults as JSON Schema; the same rules give the same bytes.

    The patterns end with a dollar instead of backslash Z, because Terraform uses RE2, which has no backslash Z. In RE2,
    a dollar matches only the end of the text.
    """
    rules = jsontext.encode(msgspec.json.schema(Settings), is_sorted=True).replace(rb'\\Z"', b'$"')
    return msgspec.json.format(rules, indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(schema())
