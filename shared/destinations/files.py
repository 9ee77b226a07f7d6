"""CSV files in the bucket: one file per request, for systems that read files."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from shared.destinations.contract import Answer, Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.clients import Clients
    from shared.destination_settings import Files
    from shared.destinations.contract import Batch, Member

FOLDER = "deliveries"
COLUMNS = (
    "operation",
    "customer_id",
    "email",
    "phone",
    "first_name",
    "last_name",
    "country",
    "postal_code",
    "probability",
    "decile",
    "offer",
    "next_products",
    "expected_value",
)


class FileDestination:
    """The folder `deliveries/RUN_ID/` of the bucket. A batch that is sent again overwrites its file."""

    name: ClassVar[str] = "files"
    form: ClassVar[str] = "customers"
    # A function with 512 MB of memory must hold a batch, and 25,000 members take 100 MB (benchmarks/deliveries.py).
    batch_size: ClassVar[int] = 25_000
    takes_scores: ClassVar[bool] = True
    is_keyed_by_address: ClassVar[bool] = False
    waits_for_earlier: ClassVar[bool] = False
    first_look: ClassVar[timedelta] = timedelta(0)
    last_look: ClassVar[timedelta] = timedelta(0)

    def __init__(self, settings: Files, clients: Clients) -> None:
        self.channel: Channel = settings.channel
        self.mode = settings.mode
        self._bucket = clients.bucket

    def validate(self, _: Member) -> str | None:
        """Return None, since a file accepts every customer."""
        return None

    def apply(self, batch: Batch) -> Answer:
        """Write the batch as one CSV file of the bucket."""
        path = f"{FOLDER}/{batch.run_id}/{batch.kind}-{batch.number:06}.csv"
        self._bucket.blob(path).upload_from_string(content(batch), content_type="text/csv")
        return Answer(f"gs://{self._bucket.name}/{path}", "confirmed")

    def status(self, request: str, _: Callable[[], list[Member]]) -> Answer:
        """Return `confirmed`, since `apply` has written the file."""
        return Answer(request, "confirmed")


def content(batch: Batch) -> str:
    """Return a batch as CSV. Column `operation` is `put` or `take`; spaces separate the products in a cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    operation = "put" if batch.puts else "take"
    for one in batch.members:
        values = (getattr(one, column) for column in COLUMNS[1:-2])
        writer.writerow([operation, *values, " ".join(one.next_products), one.expected_value])
    return text.getvalue()
