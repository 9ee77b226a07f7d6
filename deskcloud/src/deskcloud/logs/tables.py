"""Insert entries in batches into BigQuery tables. As on Google Cloud, a table has the name of its log.

The tables must exist and have Google's layout (`timestamp`, `logName`, `jsonPayload`, ...). Google would create a table
from the first entry. Here, tables are declared, so that views can read them before the first entry. A field without a
column is dropped, while Google would add the column.
"""

import contextlib
import logging
import queue
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from google.api_core.exceptions import ClientError, GoogleAPICallError, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

_log = logging.getLogger(__name__)

_LINGER_SECONDS = 0.5
"""Seconds that a row waits for further rows, so that they are inserted in one batch."""

_MOST_ROWS = 500
_MOST_WAITING = 20_000
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    dataset: str
    table: str
    row: dict[str, Any]


class Tables:
    """A queue of entries. A thread inserts them into tables while the context `delivered` is open."""

    def __init__(self) -> None:
        self._queue: queue.Queue[_Waiting] = queue.Queue(_MOST_WAITING)
        self._ending = threading.Event()

    def add(self, dataset: str, entries: list[dict[str, Any]]) -> None:
        """Queue entries for tables of `dataset` (PROJECT.DATASET). If the queue is full, entries are lost."""
        for position, entry in enumerate(entries):
            try:
                self._queue.put_nowait(_Waiting(dataset, table_name(entry["logName"]), _row(entry)))
            except queue.Full:
                _log.warning("%d log entries for %s are lost: its queue is full", len(entries) - position, dataset)
                return

    @contextlib.contextmanager
    def delivered(self, url: str, project: str) -> Iterator[None]:
        """Insert queued entries with the BigQuery at `url`. At the end, try once to insert the remaining entries."""
        client = bigquery.Client(
            project,
            AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": url},
        )
        thread = threading.Thread(target=self._deliver, args=(client,), name="log tables", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()

    def _deliver(self, client: bigquery.Client) -> None:
        rows: list[_Waiting] = []
        pause = _LINGER_SECONDS
        while not self._ending.is_set():
            self._ending.wait(pause)
            rows += self._taken(_MOST_ROWS - len(rows))
            rows = self._inserted(client, rows)
            pause = min(2 * pause, _LONGEST_PAUSE) if rows else _LINGER_SECONDS
        self._inserted(client, rows + self._taken(_MOST_WAITING))

    def _taken(self, most: int) -> list[_Waiting]:
        taken: list[_Waiting] = []
        with contextlib.suppress(queue.Empty):
            while len(taken) < most:
                taken.append(self._queue.get_nowait())
        return taken

    def _inserted(self, client: bigquery.Client, rows: list[_Waiting]) -> list[_Waiting]:
        """Insert rows. Return the rows that must be inserted again later, because BigQuery was not available."""
        left: list[_Waiting] = []
        for name in dict.fromkeys((row.dataset, row.table) for row in rows):
            batch = [row for row in rows if (row.dataset, row.table) == name]
            table = ".".join(name)
            try:
                ids = [str(one.row["insertId"]) for one in batch]
                refused = client.insert_rows_json(
                    table,
                    [one.row for one in batch],
                    row_ids=ids,
                    ignore_unknown_values=True,
                    skip_invalid_rows=True,
                    retry=None,  # type: ignore[arg-type]  # None means no retry, though the signature forbids it
                    timeout=60,
                )
            except NotFound:
                _log.warning("%d log entries are lost: table %s does not exist; declare it", len(batch), table)
            except ClientError as error:
                _log.warning("%d log entries are lost: table %s refuses them: %s", len(batch), table, error)
            except (GoogleAPICallError, OSError) as error:
                _log.warning("%d log entries wait: table %s is not available: %s", len(batch), table, error)
                left += batch
            else:
                for one in refused:
                    _log.warning("a log entry is lost: table %s refuses it: %s", table, one["errors"])
        return left


def table_name(log_name: str) -> str:
    """Return the name of Cloud Logging's table for a log: the log's id, with underscores for forbidden characters."""
    return re.sub(r"\W", "_", unquote(log_name.rpartition("/")[2]), flags=re.ASCII)


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the entry with Cloud Logging's column names: lower case below jsonPayload, labels and resource."""
    own = {"jsonPayload", "labels", "resource"}
    return {name: _named(value) if name in own else value for name, value in entry.items()}


def _named(value: Any) -> Any:
    match value:
        case dict():
            return {re.sub(r"\W", "_", name, flags=re.ASCII).lower(): _named(one) for name, one in value.items()}
        case list():
            return [_named(one) for one in value]
        case _:
            return value
