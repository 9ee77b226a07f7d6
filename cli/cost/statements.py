"""The statements of sql/ that an environment runs, and the number of days that each statement reads of each table.

For each table, a statement is charged for the columns that it names (all columns for `*`), but at least 10 MiB. A MERGE
is also charged for the whole partitions that it replaces. Clustering is ignored: if there are several runs per day,
each run is counted as if it read the rows of all runs. So the result is an upper bound that grows with the square of
the number of runs. Only the rows that `training.max_rows` leaves out are not counted as read by CREATE MODEL.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from cli.cost.prices import assumptions
from cli.cost.volumes import Volumes
from functions import publish_audience
from shared import destination_settings
from shared.chain import monitoring as monitored
from shared.chain import served
from shared.chain.source import days_to_rebuild
from shared.customers import resolving
from shared.settings import PURCHASE, Settings
from shared.value import valuing
from shared.warehouse import SQL

# https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#on-demand-query-size-calculation
LEAST_BYTES = 10 * 2**20
# BigQuery charges a query on a view for the tables that the view reads.
VIEWS = {
    "session_features": {"sessions"},
    "crm_rows": {"crm_customers"},
    "exclusion_periods": {"customers", "consents", "suppressions", "campaign_suppressions"},
}
# The names of two prices for a CREATE MODEL: of a regression, which BigQuery trains itself, and of other models, which
# Vertex AI trains. All other statements have the price of a query.
CREATE_MODEL, CREATE_EXTERNAL_MODEL = "bigquery_create_model", "bigquery_create_external_model"
# Number of days whose first visits the drift check compares.
DRIFT_DAYS = monitored.WEEK * (1 + monitored.BASE_WEEKS)
# Statements that are free of charge, or that need a reservation, whose price is not per byte.
NOT_CHARGED = {
    "recommendations/factorization",
    "recommendations/by_matrix_factorization",
    "deployment/export_model",
    "deployment/register_model",
}


@dataclass(frozen=True)
class Reading:
    """A statement; for each table, the number of daily partitions read; and the number of partitions replaced.

    `days` has the number of partitions read, by table. A table that is not in `days` counts as one partition. `times`
    is how often the statement runs.
    """

    statement: str
    days: Mapping[str, float] = field(default_factory=dict)
    replaced: float = 1
    times: float = 1

    @property
    def price(self) -> str:
        """The name, in prices.yaml, of the price for the bytes that the statement reads."""
        created = re.search(r"model_type = '(\w+)'", text(self.statement))
        if created is None:
            return "bigquery_query"
        return CREATE_MODEL if created[1] in {"LOGISTIC_REG", "LINEAR_REG"} else CREATE_EXTERNAL_MODEL

    def bytes(self, volumes: Volumes) -> float:
        """Return the bytes that are charged for `times` executions."""
        target, words, read = parsed(self.statement)
        by_table = {table: self.days.get(table, 1) * volumes.partition_bytes(table, words) for table in read}
        if target:
            by_table[target] = by_table.get(target, 0) + self.replaced * volumes.partition_bytes(target)
        return self.times * max(sum(max(one, LEAST_BYTES) for one in by_table.values()), LEAST_BYTES)


def text(statement: str) -> str:
    """Return a statement's SQL without comments."""
    return _without_comments(SQL / f"{statement}.sql")


@cache
def _without_comments(path: Path) -> str:
    return re.sub(r"--.*", "", path.read_text())


@cache
def parsed(statement: str) -> tuple[str | None, frozenset[str] | None, frozenset[str]]:
    """Return the table that a statement changes, the words of the statement, and the tables that it reads.

    Instead of the words, return None if the statement selects all columns.
    """
    sql = text(statement)
    target = re.search(r"(?:merge into|delete from|insert into) (\w+)", sql)
    # A name that a WITH clause defines is not a table.
    inside = set(re.findall(r"(\w+) as \(", sql))
    named = set(re.findall(r"\b(?:from|join) (\w+)\b", sql))
    read = set().union(*(VIEWS.get(name, {name}) for name in named))
    read = {name for name in read - inside if (SQL / "tables" / f"{name}.yaml").exists()}
    if "_*`" in sql:
        read.add("export")
    if "__TABLES__" in sql:
        read.add("day_tables")
    selects_all = re.search(r"select\s+\*|\w\.\*|\* except", sql)
    words = re.findall(r"\w+", " ".join([sql, *(text(f"tables/{name}") for name in named & VIEWS.keys())]))
    return target and target[1], None if selects_all else frozenset(words), frozenset(read)


def refresh(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return the statements of build_features for a new day and, with GA4, for late changes of earlier days."""
    kind = settings.source.kind
    as_of = date(2000, 1, 1) + timedelta(volumes.inputs.history_days)
    existing = [as_of - timedelta(ago) for ago in range(volumes.inputs.history_days)]
    changed = existing[: assumptions().late_days[kind] + 1]
    rebuilt = days_to_rebuild(changed, existing)
    looked_at = len(days_to_rebuild(rebuilt, existing))
    labels = volumes.within(len(changed) + settings.label_days + 1)
    everything = volumes.inputs.history_days
    trailing = volumes.within(settings.checks.trailing_days + 1)
    return [
        Reading("source/day_tables"),
        Reading("source/newest_table"),
        Reading(f"orders/reports_from_{kind}", {"export": len(changed)}, replaced=len(changed)),
        Reading("orders/orders", {"order_reports": everything}, replaced=everything),
        Reading(f"sessions/from_{kind}", {"export": looked_at}, replaced=len(rebuilt)),
        Reading(
            f"interactions/from_{kind}",
            {"export": looked_at, "sessions": len(rebuilt), "orders": looked_at},
            replaced=len(rebuilt),
        ),
        Reading("orders/sessions", {"sessions": len(rebuilt), "orders": len(rebuilt) + 1}, replaced=len(rebuilt)),
        Reading("orders/interactions", {"interactions": len(rebuilt), "orders": len(rebuilt) + 1}),
        conversions(len(changed), everything, settings),
        *(
            Reading(f"checks/{check}", {"sessions": len(changed)})
            for check in (
                "fail/duplicate_sessions",
                "fail/newest_day_has_sessions",
                "fail/visitor_ids",
                "warn/missing_values",
            )
        ),
        Reading("checks/warn/orders", {"order_reports": len(changed), "orders": len(changed)}),
        Reading("checks/fail/row_count", {"sessions": trailing}),
        Reading("checks/warn/freshness"),
        Reading("features/visitor_features", {"sessions": labels, "conversions": labels}, replaced=labels),
        Reading("source/remember_days"),
    ]


def conversions(changed: int, everything: int, settings: Settings) -> Reading:
    """Return the statement that fills `conversions`: from all orders, or from the events of the changed days."""
    if settings.label.event == PURCHASE:
        return Reading("conversions/from_orders", {"orders": everything}, replaced=everything)
    return Reading(f"conversions/from_{settings.source.kind}", {"export": changed}, replaced=changed)


def training(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return the statements of a run's training, evaluation, deployment and report.

    The winner is assumed to be compared with two models: the champion and the best champion so far.
    """
    candidates = settings.training.candidates
    return [
        Reading("features/training_rows", {"visitor_features": volumes.within(settings.training.window_days)}),
        *(Reading(f"models/{candidate}", {"training_rows": volumes.learnt_share}) for candidate in candidates),
        # The candidates are scored on the evaluation visitors. The winner, the champion and the best champion so far
        # are scored on the test visitors.
        Reading("evaluation/predictions", times=len(candidates) + 3),
        Reading("evaluation/metrics", times=2),
        Reading("evaluation/comparisons", times=2),
        Reading("evaluation/resamples", times=2),
        # The winner's calibration points, on evaluation and test visitors; then its calibration on the test visitors.
        Reading("evaluation/calibration_points", times=2),
        Reading("evaluation/calibration"),
        Reading("evaluation/splits"),
        Reading("evaluation/single_features"),
        Reading("deployment/training_statistics", times=len(candidates)),
        Reading("deployment/golden_rows"),
        Reading("deployment/weights"),
        Reading("deployment/percentiles"),
        Reading("champion/record_moves"),
        Reading("report/curves", times=2),
        *(
            Reading(f"report/{name}")
            for name in (
                *("numbers", "categories", "correlations", "months", "head"),
                *("segments", "drivers", "examples"),
            )
        ),
    ]


def scoring(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return the statements that score the visitors of the window and publish the audience."""
    return [
        Reading("scoring/scores", {"sessions": volumes.within(settings.audience.window_days)}),
        Reading(
            "audience/audience",
            {
                "visitor_recommendations": volumes.within(7),
                "customer_value": volumes.within(35),
                "orders": volumes.within(publish_audience.ORDERS_DAYS),
            },
        ),
        Reading("audience/export"),
        Reading("audience/summary"),
        Reading("report/offers"),
    ]


def monitoring(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return the statements that check the model's health, as if there were a champion and a former champion."""
    return [
        Reading("monitoring/newest_scores", {"scores": volumes.within(monitored.RECENT_DAYS + 1)}),
        Reading("features/training_rows", {"visitor_features": volumes.within(settings.label_days)}),
        Reading("evaluation/predictions", times=2),
        *(Reading(f"evaluation/{name}") for name in ("metrics", "comparisons", "resamples")),
        Reading("monitoring/feature_shift", {"visitor_features": volumes.within(DRIFT_DAYS)}),
        _skew(volumes, settings),
        Reading("monitoring/answers", {"run_googleapis_com_stdout": 2}),
        *_served(volumes, settings),
        Reading("monitoring/health"),
    ]


def _skew(volumes: Volumes, settings: Settings) -> Reading:
    """Return the statement that compares the last week with the training data.

    If models learn from a sample (`training.max_rows`), the statement reads all first visits of the training days.
    """
    if not settings.training.max_rows:
        return Reading("monitoring/skew", {"visitor_features": volumes.within(monitored.WEEK)})
    return Reading("monitoring/skew_of_sample", {"visitor_features": volumes.within(settings.training.window_days)})


def _served(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return the statements that check served checkouts: inputs of the last week, and scores with known outcomes."""
    week, span = volumes.within(served.RECENT_DAYS), volumes.within(served.RIPE_DAYS)
    conversions = volumes.within(served.RIPE_DAYS + settings.label_days)
    recent = {"sessions": week, "run_googleapis_com_stdout": week}
    ripe = {"sessions": span, "run_googleapis_com_stdout": span, "conversions": conversions}
    return [
        Reading("monitoring/served_visitors", {"run_googleapis_com_stdout": week}),
        Reading("monitoring/served_visitors", {"run_googleapis_com_stdout": span}),
        Reading("monitoring/visitors_with_carts", {"sessions": week}),
        Reading("monitoring/visitors_with_carts", {"sessions": span}),
        Reading("monitoring/served_features", recent),
        Reading("monitoring/served_predictions", ripe),
        *(Reading(f"evaluation/{name}") for name in ("metrics", "comparisons", "resamples", "calibration")),
    ]


def recommendations(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return the statements that build recommendations without a reservation, so without matrix factorization."""
    baskets = {"interactions": volumes.within(settings.recommendations.window_days)}
    active = {"sessions": volumes.within(settings.audience.window_days)}
    return [
        Reading("recommendations/state"),
        Reading("recommendations/itemsets", baskets),
        Reading("recommendations/visitor_products", baskets),
        Reading("recommendations/rules"),
        Reading("recommendations/held_out"),
        Reading("recommendations/similarities", times=2),
        Reading("recommendations/by_popularity", active, times=2),
        Reading("recommendations/by_similarity", active, times=2),
        Reading("recommendations/metrics"),
        Reading("recommendations/publish"),
        *(Reading(f"recommendations/artefact_{name}") for name in ("rules", "similar", "popular")),
        Reading("recommendations/summary"),
        Reading("report/rules"),
    ]


def customers(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return the statements that find the customers of an audience.

    One page of rows (`resolving.PAGE`) is assumed to hold all changed rows of the CRM, so each statement runs once.
    """
    year = {table: volumes.within(resolving.WINDOW_DAYS) for table in ("orders", "sessions")}
    recent = {"orders": volumes.within(max(settings.campaign.recent_buyer_days, 1))}
    return [
        Reading("customers/sizes"),
        Reading("customers/forget_customers"),
        Reading("customers/forget_refusals"),
        Reading("customers/unchecked", times=2),
        Reading("customers/checked"),
        Reading("customers/refused"),
        Reading("customers/visitors", {"sessions": year["sessions"]}),
        Reading("customers/audience", {"customer_value": volumes.within(35), "orders": year["orders"]}),
        Reading("customers/exclusions", recent),
        *(Reading(f"customers/{name}") for name in ("assignments", "withheld", "matches", "arms", "excluded")),
    ]


def value(volumes: Volumes, _: Settings) -> list[Reading]:
    """Return the statements of a valuation of the customers, as if the most expensive method were chosen."""
    orders = {"orders": volumes.within(valuing.HISTORY_DAYS)}
    # A partition of customer_histories holds the histories of three days. Most statements read only the histories of
    # one day, but all three days are counted, because clustering is ignored.
    return [
        Reading("value/arms", orders),
        Reading("value/histories", orders),
        *(Reading(f"value/{name}", times=2) for name in ("cells", "order_values", "linear", "by_bgnbd")),
        Reading("value/boosted_trees", times=4),
        Reading("value/by_regression", times=3),
        *(Reading(f"value/{name}") for name in ("errors", "differences", "methods", "publish", "summary")),
    ]


def delivery(_: Volumes, settings: Settings) -> list[Reading]:
    """Return the statements that send an audience's changes to all destinations that are on."""
    count = len(destination_settings.switched_on(settings))
    names = ("plan", "want", "batches", "members_of_batch", "record_sent", "record_outcome", "record_sends", "states")
    return [Reading(f"destinations/{name}", times=count) for name in names]


def campaigns(volumes: Volumes) -> list[Reading]:
    """Return the statements that measure the campaigns, as if the first campaign were as old as the oldest orders."""
    return [
        Reading("campaign/sums", {"orders": volumes.inputs.history_days}),
        Reading("campaign/results"),
        Reading("campaign/uplift"),
    ]


def message(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return the SQL statement that finds the recipient of the e-mail after a checkout."""
    return [Reading("messages/recipient", {"orders": volumes.within(max(settings.campaign.recent_buyer_days, 1))})]


def tracking(_: Volumes, __: Settings) -> list[Reading]:
    """Return the statements that store a message of campaign events. An INSERT is charged for the data it reads."""
    return [Reading("tracking/record_events", replaced=0), Reading("tracking/record_suppressions", replaced=0)]


def ticks(volumes: Volumes) -> dict[str, list[Reading]]:
    """Return, by schedule, the statements that a function runs to find out whether there is anything to do."""
    return {
        "refresh": [Reading("source/day_tables")],
        # The statement finds the newest day only during its execution, so BigQuery cannot prune partitions.
        "scoring": [Reading("scoring/newest_day", {"sessions": volumes.inputs.history_days})],
        "recommendations": [Reading("recommendations/state")],
        "value": [Reading("value/state", {"orders": volumes.inputs.history_days})],
        # Each message of this schedule starts a run, whose statements are counted elsewhere.
        "monitoring": [],
        "campaigns": [Reading("campaign/state")],
        "resume": [],
        # The statement of this schedule reads only the times of the tables' last changes, which is free of charge.
        "customers": [],
        "members": [],
        "erasures": [Reading("erasure/due", {"erasures": volumes.inputs.history_days})],
        # These statements run only on the days after a promotion. The estimate counts them on every day.
        "checkouts": [Reading("monitoring/answers", {"run_googleapis_com_stdout": 2}, times=2)],
    }
