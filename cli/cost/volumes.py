"""Estimate the numbers of rows and bytes, from the traffic, the settings, and the declared columns of the tables."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from cli.cost.prices import assumptions
from deskcloud.document import Column, Table
from shared.chain.recommending import MOST_ALIKE
from shared.customers.resolving import WINDOW_DAYS
from shared.settings import Settings

# BigQuery's logical bytes per value. A string has 2 bytes plus its characters.
BYTES = {"INT64": 8, "FLOAT64": 8, "DATE": 8, "TIMESTAMP": 8, "BOOL": 1}
TEXT_BYTES = 2
# Bytes per row of a listing of the day-tables.
LISTED_BYTES = 100
# Number of recommendation methods that need no reservation: popularity and similarity.
METHODS_ON_DEMAND = 2
# Assumed numbers of requests to destinations per day, of erasures per day, and of ids per erased person.
REQUESTS_PER_DAY, ERASURES_PER_DAY, IDS_PER_PERSON = 10, 1, 10
# Number of methods that forecast the customers' value.
METHODS_OF_VALUE = 3


@dataclass(frozen=True)
class Inputs:
    """The traffic of an average day, and the size of the shop."""

    sessions_per_day: float
    sessions_per_visitor: float
    checkouts_per_day: float
    # Changes of the export per day; each opens a run that refreshes features and scores.
    runs_per_day: float
    # Days in the export and in this project's tables.
    history_days: int
    products: int
    # Bytes per session in the columns that are read; None means the value in assumptions.yaml for the kind of export.
    export_bytes: float | None = None

    def idle(self) -> "Inputs":
        """Return the inputs of an environment without traffic."""
        return replace(self, sessions_per_day=0, checkouts_per_day=0, runs_per_day=0)


class Volumes:
    """The numbers of rows and bytes of the export and of all declared tables. A partition is one day."""

    def __init__(self, inputs: Inputs, settings: Settings, tables: Collection[Table]) -> None:
        self.inputs = inputs
        self._settings = settings
        self._tables = {table.name: table for table in tables if not table.query}
        self._rows = self._rows_by_table()

    @property
    def tables(self) -> Collection[str]:
        """The declared tables, without views."""
        return self._tables.keys()

    @property
    def messages_of_campaigns(self) -> float:
        """Messages of campaign events per day."""
        return self._rows["campaign_events"] / assumptions().events_per_message

    @property
    def trainings_per_day(self) -> float:
        """Runs per day that train: at most one per `training.min_hours`."""
        hours = self._settings.training.min_hours
        return min(self.inputs.runs_per_day, 24 / hours) if hours else self.inputs.runs_per_day

    @property
    def recommendations_per_day(self) -> float:
        """Number of times per day that recommendations are built: after each training, and on schedule once a day."""
        return min(self.inputs.runs_per_day, self.trainings_per_day + 1)

    def visitors(self, days: int) -> float:
        """Return the number of distinct visitors within `days` days."""
        return self.inputs.sessions_per_day * self.within(days) / self.inputs.sessions_per_visitor

    @property
    def learnt_share(self) -> float:
        """The share of the training rows that CREATE MODEL reads.

        With `training.max_rows`, CREATE MODEL reads only the rows of the sample and the evaluation rows, because the
        table is clustered by split. Without `training.max_rows`, all rows count, as an upper bound.
        """
        training = self._settings.training
        rows = self._rows["training_rows"] / max(self.trainings_per_day, 1)
        if not training.max_rows or not rows:
            return 1
        return min(training.max_rows / rows, training.train_share) + training.evaluation_share

    def within(self, days: float) -> float:
        """Return `days`, limited to the length of the history."""
        return min(days, self.inputs.history_days)

    def partition_bytes(self, table: str, columns: Collection[str] | None = None) -> float:
        """Return the bytes of the columns, by default of all columns, in one daily partition.

        For a table without partitions, return the bytes in the whole table.
        """
        if table == "export":
            return self._rows[table] * self._export_bytes
        if table == "day_tables":
            return self._rows[table] * LISTED_BYTES
        declared = self._tables[table].columns
        return self._rows[table] * sum(
            _column_bytes(column) for column in declared if columns is None or column.name in columns
        )

    def stored(self, table: str) -> tuple[float, float]:
        """Return (stored bytes of partitions younger than 90 days, stored bytes of older partitions)."""
        declared = self._tables[table]
        if declared.partition is None:
            return self.partition_bytes(table), 0
        kept = self.within(declared.expiration_days or self.inputs.history_days)
        active = min(kept, 90)
        # A table that is clustered by run has partitions only for days with a run.
        a_day = self.partition_bytes(table) * (min(self.inputs.runs_per_day, 1) if "run_id" in declared.cluster else 1)
        return a_day * active, a_day * (kept - active)

    @property
    def _export_bytes(self) -> float:
        assumed = assumptions()
        if self.inputs.export_bytes is not None:
            return self.inputs.export_bytes
        return assumed.measured.export_bytes if self._settings.source.kind == "ga360" else assumed.ga4_export_bytes

    def _rows_by_table(self) -> dict[str, float]:
        inputs, settings, assumed = self.inputs, self._settings, assumptions()
        # A partition holds the rows of all runs of its day. At least one run per day is assumed.
        sessions, trainings = inputs.sessions_per_day, max(self.trainings_per_day, 1)
        built = max(self.recommendations_per_day, 1)
        recommendations = settings.recommendations
        orders = sessions * assumed.orders_per_session
        interactions = sessions * assumed.measured.interactions_per_session
        interests = interactions * self.within(recommendations.window_days)
        products = min(inputs.products, interests)
        horizon = settings.label.horizon_days if settings.label.kind == "horizon" else 0
        learnt = trainings * self.visitors(max(settings.training.window_days - horizon, 0))
        scored = self.visitors(settings.audience.window_days)
        judged = min(recommendations.evaluation_visitors, scored)
        listed = METHODS_ON_DEMAND * built * (judged + scored) * recommendations.per_visitor
        return {
            "export": sessions,
            "day_tables": inputs.history_days,
            "source_days": inputs.history_days,
            "model_health": 5,
            "champion_history": inputs.history_days,
            "order_reports": orders,
            "orders": orders,
            "conversions": orders,
            "sessions": sessions,
            "interactions": interactions,
            "visitor_features": sessions / inputs.sessions_per_visitor,
            "training_rows": learnt,
            "evaluation_rows": learnt
            * (
                settings.training.evaluation_share * len(settings.training.candidates)
                + 3 * settings.training.test_share
            ),
            "scores": scored,
            "audience": scored * settings.audience.max_decile / 10,
            "visitor_products": built * interests,
            "product_similarities": 2 * built * products * max(MOST_ALIKE, recommendations.most_similar),
            "recommended_products": listed,
            "product_itemsets": built * products * assumed.itemsets_per_product,
            "product_rules": products * assumed.rules_per_product,
            "visitor_recommendations": scored * recommendations.per_visitor,
            "run_googleapis_com_stdout": inputs.checkouts_per_day,
            **self._rows_of_customers(scored * settings.audience.max_decile / 10),
        }

    def _rows_of_customers(self, members: float) -> dict[str, float]:
        """Return the numbers of rows of the tables about customers.

        `members` is the number of visitors in the audience.
        """
        assumed = assumptions()
        customers = self.visitors(WINDOW_DAYS) * assumed.customers_per_visitor
        in_audience = members * assumed.customers_per_visitor
        return {
            "crm_customers": customers,
            "crm_visitors": customers,
            "consents": customers * assumed.statements_per_customer,
            "suppressions": customers * assumed.suppressed_share,
            "campaign_events": in_audience * assumed.events_per_member,
            "campaign_suppressions": customers * assumed.suppressed_share,
            "customers": customers,
            "refused_customers": customers * assumed.refused_share,
            "customer_visitors": customers,
            "audience_customers": in_audience,
            "exclusions": customers,
            "assignments": in_audience * assumed.new_members_in_all,
            # One campaign and the holdout have three outcomes each. The campaign also has the three outcomes in each of
            # ten deciles.
            "campaign_results": 6,
            "campaign_uplift": 30,
            "destination_members": in_audience * assumed.new_members_in_all,
            # A valuation run writes the histories of three days, the forecasts of all methods for the held-out horizon,
            # and the chosen method's forecasts for the next horizon.
            "customer_histories": 3 * customers,
            "customer_forecasts": (METHODS_OF_VALUE + 1) * customers,
            "customer_value": customers / 7,
            "customer_value_methods": METHODS_OF_VALUE / 7,
            "destination_changes": in_audience * assumed.changed_share,
            "sends": REQUESTS_PER_DAY,
            "erasures": ERASURES_PER_DAY,
            "tombstones": ERASURES_PER_DAY * self.inputs.history_days * IDS_PER_PERSON,
            "erasure_key": 1,
        }


def _column_bytes(column: Column) -> float:
    assumed = assumptions()
    items = assumed.items if column.repeated else 1
    if column.type == "RECORD":
        return items * sum(_column_bytes(field) for field in column.fields)
    if column.type == "STRING":
        return items * (TEXT_BYTES + assumed.measured.text.get(column.name, assumed.text))
    return items * BYTES[column.type]
