"""The certificate of an erasure: the deleted data, the remaining data with their last days, and the pending removals.

The certificate contains no personal data.

erasures/REQUEST_ID.json    written when the request is accepted, and replaced during the erasure
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

from msgspec import Struct

FOLDER = "erasures/"
# BigQuery keeps deleted rows for 7 days of time travel, then for 7 days of fail-safe.
# https://docs.cloud.google.com/bigquery/docs/time-travel
BIGQUERY_DAYS = 7 + 7
# infra/storage.tf keeps replaced objects for 14 days. Then Cloud Storage's soft delete keeps them for 7 days, by
# default.
BUCKET_DAYS = 14 + 7
# About a day: https://docs.cloud.google.com/bigquery/docs/cached-results
CACHED_DAYS = 1
# BigQuery's job history contains the parameters of statements.
# https://docs.cloud.google.com/bigquery/docs/managing-jobs
JOB_DAYS = 180
# Time for which Pub/Sub keeps a message that was not delivered: infra/pubsub.tf.
MESSAGE_DAYS = 7
# Retention of the folder deliveries/; then the retention of checkouts/ and backtests/: functions/functions.yaml.
DELIVERY_DAYS, CHECKOUT_DAYS = 30, 8
# Retention of Cloud Logging's bucket _Default.
LOG_DAYS = 30
ANALYTICS = (
    "Google Analytics: delete the visitor's ids and the user id with Google's User Deletion API, or in the user "
    "explorer. The BigQuery export is not ours: delete its rows with these ids too. Until then, they are left out when "
    "day-tables are read again."
)
CRM = (
    "CRM: delete the customer in the system that loads crm_customers, crm_visitors, consents and suppressions. A row "
    "that is loaded again is not used, but stays in its table until the next load without it."
)
CONSUMERS = "Destinations files and topic: the systems that read them must apply the removal."
MAIL = "Mail relay: delete the customer's address from its logs, if it keeps addresses."


class Remainder(Struct, frozen=True):
    """Data that cannot be deleted now, and the day until which the data are kept.

    The day is None if the text `what` says how long the data are kept.
    """

    what: str
    until: date | None


class Pass(Struct, frozen=True):
    """The deletions of one run: the number of rows by table, and of objects by folder.

    If a delivery of the run's event dies before it writes this document, the objects that this delivery has changed are
    not counted.
    """

    run_id: str
    at: datetime
    rows: dict[str, int]
    objects: dict[str, int]


class Certificate(Struct, frozen=True, kw_only=True):
    """The state of a request. `subject` holds the keyed hash of each id in the request.

    `destinations` maps each destination to `removed`, or to the reason why the removal is pending. `completed_at` is
    None until all data are deleted and each destination has confirmed the removal.
    """

    request_id: str
    run_id: str
    accepted_at: datetime
    subject: list[str]
    passes: list[Pass] = []
    destinations: dict[str, str] = {}
    completed_at: datetime | None = None
    remains: list[Remainder] = []
    steps: tuple[str, ...] = (ANALYTICS, CRM, CONSUMERS, MAIL)

    @property
    def path(self) -> str:
        """The path of the certificate in the bucket."""
        return path(self.request_id)

    @property
    def rows(self) -> dict[str, int]:
        """The number of deleted rows by table."""
        return dict(sum((Counter(one.rows) for one in self.passes), Counter()))

    @property
    def objects(self) -> dict[str, int]:
        """The number of objects that were deleted or rewritten, by folder."""
        return dict(sum((Counter(one.objects) for one in self.passes), Counter()))

    @property
    def pending(self) -> list[str]:
        """The destinations that have not confirmed the removal."""
        return [name for name, state in self.destinations.items() if state != REMOVED]


REMOVED = "removed"


def path(request_id: str) -> str:
    """Return the path of a request's certificate in the bucket."""
    return f"{FOLDER}{request_id}.json"


def remainders(last: date) -> list[Remainder]:
    """Return the data that cannot be deleted, with their last days. `last` is the day of the last deletion."""

    def after(days: int) -> date:
        return last + timedelta(days=days)

    return [
        Remainder(
            "deleted rows in BigQuery: 7 days of time travel, then 7 days of fail-safe, which only Google can read",
            after(BIGQUERY_DAYS),
        ),
        Remainder(
            "former versions of objects in the bucket: 14 days, then 7 days of soft delete, if it is on",
            after(BUCKET_DAYS),
        ),
        Remainder("results of queries, which BigQuery caches", after(CACHED_DAYS)),
        Remainder("messages that Pub/Sub could not deliver", after(MESSAGE_DAYS)),
        Remainder("answers to checkouts, without ids, and tables and documents of backtests", after(CHECKOUT_DAYS)),
        Remainder("files in deliveries/ that tell their reader to remove the customer", after(DELIVERY_DAYS)),
        Remainder("log entries, with keyed hashes of visitors only", after(LOG_DAYS)),
        Remainder("parameters of statements in BigQuery's job history", after(JOB_DAYS)),
        Remainder("e-mails that were sent: in the customer's mailbox, and in the logs of the mail relay", None),
        Remainder("models that were trained with the person's rows: until the next training, without ids", None),
    ]
