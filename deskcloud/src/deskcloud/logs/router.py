"""Route log entries to the log, which clients can list, and to the sinks whose filters match the entries."""

import itertools
import json
import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.api_core import exceptions
from google.pubsub_v1.types import PubsubMessage

from deskcloud import jsontext
from deskcloud.filters import FilterError
from deskcloud.logs import wire as entries
from deskcloud.logs.filter import Predicate, parse
from deskcloud.logs.tables import Tables
from deskcloud.pubsub.client import Publish

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sink:
    """A sink sends entries that match `filter` to a `topic` (projects/P/topics/T) or a `dataset` (PROJECT.DATASET)."""

    name: str
    filter: str
    topic: str = ""
    dataset: str = ""


class SinkError(ValueError):
    """A sink's declaration is invalid."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry of the log. Entries are sorted by `key`, which is the entry's time and the number of its arrival."""

    key: tuple[datetime, int]
    entry: dict[str, Any]


class Router:
    """Keeps the newest `keep` entries and forwards all entries to sinks. Threads can share a router."""

    def __init__(
        self, state: Path, sinks: Iterable[Sink], publish: Publish, keep: int = 10_000, tables: Tables | None = None
    ) -> None:
        self._routes = [(sink, _predicate(sink)) for sink in sinks]
        self._publish = publish
        self._tables = tables or Tables()
        self._lock = threading.Lock()
        self._arrivals = itertools.count()
        self._keep = keep
        self._kept: deque[Kept] = deque(maxlen=keep)
        state.mkdir(parents=True, exist_ok=True)
        self._file = state / "entries.ndjson"
        self._lines = 0
        for entry in self._stored():
            self._remember(entry)
        self._compact()

    def write(self, new: Iterable[dict[str, Any]]) -> None:
        """Store the entries and forward them to the sinks.

        The method returns when Pub/Sub has accepted the entries for topics. Another thread writes the tables later. As
        on Google Cloud, a sink whose topic does not exist is skipped with a warning.

        Raises:
            google.api_core.exceptions.GoogleAPICallError: Pub/Sub does not answer. The entries are already stored.
        """
        whole = [entries.completed(entry) for entry in new]
        with self._lock:
            with self._file.open("a", encoding="utf-8") as file:
                file.writelines(f"{jsontext.text(entry)}\n" for entry in whole)
            for entry in whole:
                self._remember(entry)
            if self._lines > 2 * self._keep:
                self._compact()
        for sink, matches in self._routes:
            wanted = [entry for entry in whole if matches(entry)]
            if wanted and sink.dataset:
                self._tables.add(sink.dataset, wanted)
            elif wanted:
                self._send(sink, [_message(entry) for entry in wanted])

    def kept(self, matches: Predicate) -> list[Kept]:
        """Return the entries for which `matches` is true, oldest first."""
        with self._lock:
            snapshot = list(self._kept)
        return sorted((kept for kept in snapshot if matches(kept.entry)), key=lambda kept: kept.key)

    def _send(self, sink: Sink, messages: list[PubsubMessage]) -> None:
        try:
            self._publish(sink.topic, messages)
        except exceptions.NotFound:
            _log.warning(
                "the sink %s has lost %d entries: its topic %s does not exist; create it",
                sink.name, len(messages), sink.topic,
            )  # fmt: skip

    def _remember(self, entry: dict[str, Any]) -> None:
        written = entries.moment(entry["timestamp"]) or datetime.now(UTC)
        self._kept.append(Kept((written, next(self._arrivals)), entry))
        self._lines += 1

    def _stored(self) -> Iterator[dict[str, Any]]:
        if not self._file.exists():
            return
        with self._file.open(encoding="utf-8") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except ValueError:
                    _log.warning("a line of %s was cut off when a process ended; skipped", self._file.name)

    def _compact(self) -> None:
        """Rewrite the file, so that it contains only the entries in `_kept`."""
        rewritten = self._file.with_suffix(".new")
        with rewritten.open("w", encoding="utf-8") as file:
            file.writelines(f"{jsontext.text(kept.entry)}\n" for kept in self._kept)
        rewritten.replace(self._file)
        self._lines = len(self._kept)


def _predicate(sink: Sink) -> Predicate:
    try:
        return parse(sink.filter)
    except FilterError as error:
        raise SinkError(f"the filter of the sink {sink.name} is invalid: {error}") from error


def _message(entry: dict[str, Any]) -> PubsubMessage:
    return PubsubMessage(
        data=jsontext.encode(entry),
        attributes={"logging.googleapis.com/timestamp": entry["timestamp"]},
    )
