"""What survives a restart: topics, subscriptions, and every delivery that is not acknowledged."""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.pubsub_v1.types import pubsub

_SCHEMA = """
create table if not exists topics (name text primary key, config blob not null);
create table if not exists subscriptions (name text primary key, config blob not null);
create table if not exists deliveries (
    id integer primary key,
    subscription text not null,
    message blob not null,
    attempts integer not null
);
create index if not exists deliveries_by_subscription on deliveries (subscription);
"""

Topic = pubsub.Topic.pb()
Subscription = pubsub.Subscription.pb()
PubsubMessage = pubsub.PubsubMessage.pb()


class StateInUseError(RuntimeError):
    """Another process keeps its state in the same folder."""


class Store:
    """One sqlite file with one writer, the event loop.

    Writes are grouped: all that is written in one turn of the loop is one transaction. `await store.committed()`
    returns once everything written so far would survive the end of the process (not a power cut).
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "pubsub.sqlite3"
        self._db = sqlite3.connect(file, isolation_level=None, timeout=0.5)
        try:
            self._db.execute("pragma locking_mode = exclusive")
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            self._db.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            self._db.close()
            raise StateInUseError(
                f"{file} cannot be opened ({error}): another local Pub/Sub uses this state folder; stop it, or "
                "choose another folder"
            ) from error
        self._loop = asyncio.get_running_loop()
        self._commit: asyncio.Future[None] | None = None

    def topics(self) -> Iterator[Any]:
        """Every topic, as its protobuf message."""
        return (Topic.FromString(row[0]) for row in self._db.execute("select config from topics"))

    def subscriptions(self) -> Iterator[Any]:
        """Every subscription, as its protobuf message."""
        return (Subscription.FromString(row[0]) for row in self._db.execute("select config from subscriptions"))

    def deliveries(self) -> Iterator[tuple[int, str, Any, int]]:
        """Id, subscription, message and failed attempts of each delivery not acknowledged, oldest first."""
        rows = self._db.execute("select id, subscription, message, attempts from deliveries order by id")
        for delivery, subscription, message, attempts in rows:
            yield delivery, subscription, PubsubMessage.FromString(message), attempts

    def put_topic(self, topic: Any) -> None:
        """Create or replace."""
        self._write("insert or replace into topics values (?, ?)", (topic.name, topic.SerializeToString()))

    def delete_topic(self, name: str) -> None:
        """Forget the topic; its subscriptions stay."""
        self._write("delete from topics where name = ?", (name,))

    def put_subscription(self, subscription: Any) -> None:
        """Create or replace."""
        row = (subscription.name, subscription.SerializeToString())
        self._write("insert or replace into subscriptions values (?, ?)", row)

    def delete_subscription(self, name: str) -> None:
        """Forget the subscription and what was to be delivered to it."""
        self._write("delete from subscriptions where name = ?", (name,))
        self._write("delete from deliveries where subscription = ?", (name,))

    def add_deliveries(self, deliveries: Iterable[tuple[int, str, bytes]]) -> None:
        """Keep messages (serialized) until their delivery is removed."""
        self._begin()
        self._db.executemany("insert into deliveries values (?, ?, ?, 0)", deliveries)

    def count_attempts(self, delivery: int, attempts: int) -> None:
        """Remember how often the delivery has failed."""
        self._write("update deliveries set attempts = ? where id = ?", (attempts, delivery))

    def remove_delivery(self, delivery: int) -> None:
        """Forget a delivery: it was acknowledged, forwarded or has expired."""
        self._write("delete from deliveries where id = ?", (delivery,))

    async def committed(self) -> None:
        """Return when all writes so far are durable.

        Raises:
            sqlite3.Error: they could not be written; a full disk, for instance.
        """
        if self._commit is not None:
            await asyncio.shield(self._commit)

    def close(self) -> None:
        """Commit and release the file."""
        self._end()
        self._db.close()

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        self._begin()
        self._db.execute(statement, values)

    def _begin(self) -> None:
        if self._commit is None:
            self._db.execute("begin")
            self._commit = self._loop.create_future()
            self._loop.call_soon(self._end)

    def _end(self) -> None:
        commit, self._commit = self._commit, None
        if commit is None:
            return
        try:
            self._db.execute("commit")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("rollback")
            commit.set_exception(error)
            # Read here, as nobody may be waiting: a lost acknowledgement is only one delivery more after a restart.
            commit.exception()
        else:
            commit.set_result(None)
