"""The document run.json of each kind of run, which names the data that the run reads.

The document is written when the run is opened.
"""

from datetime import date, datetime, timedelta
from typing import Literal

from msgspec import Struct

from shared.events import (
    CampaignsDue,
    CustomersDue,
    DataRefreshed,
    ErasureDue,
    MembersDue,
    MonitoringDue,
    RecommendationsDue,
    ScoringDue,
    ValueDue,
)


class DayState(Struct, frozen=True, array_like=True):
    """The state of a day-table when the run was opened; `last_modified` is in milliseconds since 1970."""

    row_count: int
    last_modified: int
    is_changed: bool


class Reading(Struct, frozen=True):
    """The part of the export that a run reads, fixed when the run is opened.

    `as_of` is the newest day. `reason` holds the reasons for which a person or a function wanted the run. It is empty
    if only new data have caused the run. `problem` says why the export cannot be used, and is empty if the export is
    usable.
    """

    as_of: date
    reason: str = ""
    problem: str = ""
    days: dict[date, DayState] = {}
    trains: bool = False

    @property
    def changed(self) -> dict[date, DayState]:
        """The day-tables that are new or have changed since they were last read."""
        return {day: table for day, table in self.days.items() if table.is_changed}

    @property
    def first_touched(self) -> date:
        """The first day to rebuild.

        This is the first changed day or the day after the last unchanged day-table, whichever is earlier. Days without
        a day-table are rebuilt too, because labels become known as time passes. At least one day must have changed.
        """
        known = [day + timedelta(days=1) for day, table in self.days.items() if not table.is_changed]
        first_changed = min(self.changed)
        return min(first_changed, max(known, default=first_changed))

    @property
    def seen(self) -> list[tuple[date, int, int]]:
        """The state of the export: (day, row count, last modification) of each day-table."""
        return [(day, table.row_count, table.last_modified) for day, table in self.days.items()]


class ExportRun(Reading, frozen=True, kw_only=True, tag_field="topic", tag=DataRefreshed.topic):
    """A run that reads the export, and may train."""

    opened_at: datetime
    event: DataRefreshed
    # The previous run that was opened to train.
    after: str | None = None


class ScoringRun(Struct, frozen=True, tag_field="topic", tag=ScoringDue.topic):
    """A run that scores the visitors of a day with the champion."""

    opened_at: datetime
    event: ScoringDue
    as_of: date


class MonitoringRun(Struct, frozen=True, tag_field="topic", tag=MonitoringDue.topic):
    """A run that checks the model's health on the day `today`.

    `as_of` is the newest day of the export that was read. If no day was read yet, `as_of` equals `today`.
    """

    opened_at: datetime
    event: MonitoringDue
    as_of: date
    today: date


class RecommendationsRun(Struct, frozen=True, tag_field="topic", tag=RecommendationsDue.topic):
    """A run that builds recommendations; it is separate from the run that trains."""

    opened_at: datetime
    event: RecommendationsDue
    as_of: date
    out_of_stock: list[str]


class ValueRun(Struct, frozen=True, tag_field="topic", tag=ValueDue.topic):
    """A run that values the customers from their orders until day `as_of`.

    `revenue_of_order` is the mean revenue of these orders.
    """

    opened_at: datetime
    event: ValueDue
    as_of: date
    revenue_of_order: float


class CustomersRun(Struct, frozen=True, tag_field="topic", tag=CustomersDue.topic):
    """A run that finds the customers of the audience that run `audience_run` published for day `as_of`."""

    opened_at: datetime
    event: CustomersDue
    as_of: date
    audience_run: str


class DeliveryRun(Struct, frozen=True, tag_field="topic", tag=MembersDue.topic):
    """A run that sends the customers of the audience of day `as_of` to a destination.

    `mode` is the destination's mode in the settings when the run was opened.
    """

    opened_at: datetime
    event: MembersDue
    as_of: date
    destination: str
    mode: Literal["off", "replace", "add", "update"]


class CampaignsRun(Struct, frozen=True, tag_field="topic", tag=CampaignsDue.topic):
    """A run that measures all campaigns with the orders up to `as_of`.

    `first_assigned` is the day of the first assignment.
    """

    opened_at: datetime
    event: CampaignsDue
    as_of: date
    first_assigned: date


class ErasureRun(Struct, frozen=True, tag_field="topic", tag=ErasureDue.topic):
    """A run that erases the persons whose removal `destination` may have confirmed.

    If `destination` is empty, the run erases all persons who are due.
    """

    opened_at: datetime
    event: ErasureDue
    as_of: date
    destination: str = ""


type OpenedRun = (
    ExportRun
    | ScoringRun
    | MonitoringRun
    | RecommendationsRun
    | CustomersRun
    | DeliveryRun
    | CampaignsRun
    | ErasureRun
    | ValueRun
)
