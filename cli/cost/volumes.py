"""How many rows and bytes there are: from what comes in, the settings, and the tables' declared columns."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from cli.cost.prices import assumptions
from deskcloud.document import Column, Table
from shared.chain.recommending import MOST_ALIKE
from shared.settings import Settings

# BigQuery's logical bytes of a value; a text has 2 more than its characters.
BYTES = {"INT64": 8, "FLOAT64": 8, "DATE": 8, "TIMESTAMP": 8, "BOOL": 1}
TEXT_BYTES = 2
# A listing of the export's day-tables is read as a table of a few columns.
LISTED_BYTES = 100
METHODS_ON_DEMAND = 2


@dataclass(frozen=True)
class Inputs:
    """What comes in, on an average day."""

    sessions_per_day: float
    sessions_per_visitor: float
    checkouts_per_day: float
    # How often the export changes, and a run refreshes features and scores, a day.
    runs_per_day: float
    # Days kept in the export and in our own tables.
    history_days: int
    products: int
    # Bytes of a session in the columns that are read; None takes the assumption of the kind of export.
    export_bytes: float | None = None

    def idle(self) -> "Inputs":
        """Return the same environment on a day on which nothing comes in."""
        return replace(self, sessions_per_day=0, checkouts_per_day=0, runs_per_day=0)


class Volumes:
    """Rows and bytes of the export and of every declared table; a partition is a day."""

    def __init__(self, inputs: Inputs, settings: Settings, tables: Collection[Table]) -> None:
        self.inputs = inputs
        self._settings = settings
        self._tables = {table.name: table for table in tables if not table.query}
        self._rows = self._rows_by_table()

    @property
    def tables(self) -> Collection[str]:
        """The tables that hold rows; views hold none."""
        return self._tables.keys()

    @property
    def trainings_per_day(self) -> float:
        """How many of the runs train: the others come within `training.min_hours` of the last training."""
        hours = self._settings.training.min_hours
        return min(self.inputs.runs_per_day, 24 / hours) if hours else self.inputs.runs_per_day

    @property
    def recommendations_per_day(self) -> float:
        """How often recommendations are built: by each run that trains, and by the daily tick on other runs' data."""
        return min(self.inputs.runs_per_day, self.trainings_per_day + 1)

    def visitors(self, days: int) -> float:
        """Return how many visitors came within so many days, each counted once."""
        return self.inputs.sessions_per_day * self.within(days) / self.inputs.sessions_per_visitor

    def within(self, days: float) -> float:
        """Return as many of the days as there are."""
        return min(days, self.inputs.history_days)

    def partition_bytes(self, table: str, columns: Collection[str] | None = None) -> float:
        """Return the bytes of the columns, of all without any, in one day's partition or in a table that has none."""
        if table == "export":
            return self._rows[table] * self._export_bytes
        if table == "day_tables":
            return self._rows[table] * LISTED_BYTES
        declared = self._tables[table].columns
        return self._rows[table] * sum(
            _column_bytes(column) for column in declared if columns is None or column.name in columns
        )

    def stored(self, table: str) -> tuple[float, float]:
        """Return the bytes that BigQuery keeps: changed within the last 90 days, and older."""
        declared = self._tables[table]
        if declared.partition is None:
            return self.partition_bytes(table), 0
        kept = self.within(declared.expiration_days or self.inputs.history_days)
        active = min(kept, 90)
        # What is clustered by run has a partition on days with a run alone.
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
        # A run's partition holds the rows of all runs of its day, and at least its own.
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
        }


def _column_bytes(column: Column) -> float:
    assumed = assumptions()
    items = assumed.items if column.repeated else 1
    if column.type == "RECORD":
        return items * sum(_column_bytes(field) for field in column.fields)
    if column.type == "STRING":
        return items * (TEXT_BYTES + assumed.measured.text.get(column.name, assumed.text))
    return items * BYTES[column.type]
