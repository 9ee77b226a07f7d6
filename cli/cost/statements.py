"""Which statements of sql/ an environment runs, and how many days of which tables each of them reads.

Of a table a statement is charged the columns that it names (all where it selects `*`), for a MERGE the whole partitions
that it replaces besides, and at least 10 MiB a table. That counts a column in full which clustering would read in part.
So each of several runs a day counts as if it read the rows of all of them: an upper bound, growing with their square.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache

from cli.cost.prices import assumptions
from cli.cost.volumes import Volumes
from shared.chain.source import days_to_rebuild
from shared.settings import PURCHASE, Settings
from shared.warehouse import SQL

# https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#on-demand-query-size-calculation
LEAST_BYTES = 10 * 2**20
# What is read through a view is read of the table below it.
VIEWS = {"session_features": "sessions"}
# Which price bytes have from which models are made; in other statements that of a query. BigQuery trains a regression
# itself, and has Vertex AI train the others.
CREATE_MODEL, CREATE_EXTERNAL_MODEL = "bigquery_create_model", "bigquery_create_external_model"
# Needs a reservation, which has a price of its own, or is free of charge.
NOT_CHARGED = {
    "recommendations/factorization",
    "recommendations/by_matrix_factorization",
    "deployment/export_model",
    "deployment/register_model",
}


@dataclass(frozen=True)
class Reading:
    """One statement, how many days of each table it reads (1 where nothing is said), and how many it replaces."""

    statement: str
    days: Mapping[str, float] = field(default_factory=dict)
    replaced: float = 1
    times: float = 1

    @property
    def price(self) -> str:
        """The name of its price."""
        created = re.search(r"model_type = '(\w+)'", text(self.statement))
        if created is None:
            return "bigquery_query"
        return CREATE_MODEL if created[1] == "LOGISTIC_REG" else CREATE_EXTERNAL_MODEL

    def bytes(self, volumes: Volumes) -> float:
        """Return the bytes that it is charged, each time it runs."""
        target, words, read = parsed(self.statement)
        by_table = {table: self.days.get(table, 1) * volumes.partition_bytes(table, words) for table in read}
        if target:
            by_table[target] = by_table.get(target, 0) + self.replaced * volumes.partition_bytes(target)
        return self.times * max(sum(max(one, LEAST_BYTES) for one in by_table.values()), LEAST_BYTES)


def text(statement: str) -> str:
    """Return a statement's SQL without comments."""
    return re.sub(r"--.*", "", (SQL / f"{statement}.sql").read_text())


@cache
def parsed(statement: str) -> tuple[str | None, frozenset[str] | None, frozenset[str]]:
    """Return the table that a statement changes, its words (None where it selects all), and the tables it reads."""
    sql = text(statement)
    target = re.search(r"(?:merge into|delete from) (\w+)", sql)
    # What a WITH clause names is no table, whatever it is called.
    inside = set(re.findall(r"(\w+) as \(", sql))
    read = {VIEWS.get(name, name) for name in re.findall(r"\b(?:from|join) (\w+)\b", sql)}
    read = {name for name in read - inside if (SQL / "tables" / f"{name}.yaml").exists()}
    if "_*`" in sql:
        read.add("export")
    if "__TABLES__" in sql:
        read.add("day_tables")
    selects_all = re.search(r"select\s+\*|\w\.\*|\* except", sql)
    return target and target[1], None if selects_all else frozenset(re.findall(r"\w+", sql)), frozenset(read)


def refresh(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return what build_features runs when a day has come and, with GA4, the days before it have changed."""
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
    """Return what fills the table of what the label counts: all orders, or the events of the changed days."""
    if settings.label.event == PURCHASE:
        return Reading("conversions/from_orders", {"orders": everything}, replaced=everything)
    return Reading(f"conversions/from_{settings.source.kind}", {"export": changed}, replaced=changed)


def training(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return what a run's training, evaluation and deployment run; all models are looked at, the champion too."""
    candidates = settings.training.candidates
    return [
        Reading("features/training_rows", {"visitor_features": volumes.within(settings.training.window_days)}),
        *(Reading(f"models/{candidate}") for candidate in candidates),
        # The candidates on the evaluation visitors; the winner, the champion and the best one so far on the others.
        Reading("evaluation/predictions", times=len(candidates) + 3),
        Reading("evaluation/metrics", times=2),
        Reading("evaluation/comparisons", times=2),
        Reading("evaluation/resamples", times=2),
        Reading("evaluation/splits"),
        Reading("evaluation/single_features"),
        Reading("deployment/training_statistics", times=len(candidates)),
        Reading("deployment/golden_rows"),
        Reading("deployment/weights"),
        Reading("deployment/percentiles"),
    ]


def scoring(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return what scoring the visitors of the window and publishing the audience run, once."""
    return [
        Reading("scoring/scores", {"sessions": volumes.within(settings.audience.window_days)}),
        Reading("audience/audience"),
        Reading("audience/export"),
        Reading("audience/summary"),
    ]


def recommendations(volumes: Volumes, settings: Settings) -> list[Reading]:
    """Return what building recommendations runs without a reservation: judged first, then for all."""
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
    ]


def ticks(volumes: Volumes) -> dict[str, list[Reading]]:
    """Return what a schedule's tick runs to find out whether there is anything to do."""
    return {
        "refresh": [Reading("source/day_tables")],
        # It joins on a day that is only known once it runs, so that no partition is left out.
        "scoring": [Reading("scoring/newest_day", {"sessions": volumes.inputs.history_days})],
        "recommendations": [Reading("recommendations/state")],
        "resume": [],
    }
