"""Store topics, subscriptions and all unacknowledged deliveries on disk."""

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
    """Another process uses the state folder."""


class Store:
    """An SQLite file into which only the event loop writes.

    All writes in one turn of the event loop form one transaction. After `await store.committed()`, all earlier writes
    survive the end of the process, but not a power failure.
    """

    def __init__(self, folder: Path) -> None:
        """Open the file in the folder. Create the file and the folder if they do not exist.

        Raises:
            StateInUseError: another process uses the file.
        """
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
        """Yield every topic as a protobuf message."""
        return (Topic.FromString(row[0]) for row in self._db.execute("select config from topics"))

    def subscriptions(self) -> Iterator[Any]:
        """Yield every subscription as a protobuf message."""
        return (Subscription.FromString(row[0]) for row in self._db.execute("select config from subscriptions"))

    def deliveries(self) -> Iterator[tuple[int, str, Any, int]]:
        """Yield (id, subscription, message, number of failed attempts) of all unacknowledged deliveries, in order."""
        rows = self._db.execute("select id, subscription, message, attempts from deliveries order by id")
        for delivery, subscription, message, attempts in rows:
            yield delivery, subscription, PubsubMessage.FromString(message), attempts

    def put_topic(self, topic: Any) -> None:
        """Create or replace a topic."""
        self._write("insert or replace into topics values (?, ?)", (topic.name, topic.SerializeToString()))

    def delete_topic(self, name: str) -> None:
        """Delete a topic, but not the topic's subscriptions."""
        self._write("delete from topics where name = ?", (name,))

    def put_subscription(self, subscription: Any) -> None:
        """Create or replace a subscription."""
        row = (subscription.name, subscription.SerializeToString())
        self._write("insert or replace into subscriptions values (?, ?)", row)

    def delete_subscription(self, name: str) -> None:
        """Delete a subscription and its undelivered messages."""
        self._write("delete from subscriptions where name = ?", (name,))
        self._write("delete from deliveries where subscription = ?", (name,))

    def add_deliveries(self, deliveries: Iterable[tuple[int, str, bytes]]) -> None:
        """Store deliveries as (id, subscription, serialized message)."""
        self._begin()
        self._db.executemany("insert into deliveries values (?, ?, ?, 0)", deliveries)

    def count_attempts(self, delivery: int, attempts: int) -> None:
        """Store the number of a delivery's failed attempts."""
        self._write("update deliveries set attempts = ? where id = ?", (attempts, delivery))

    def remove_delivery(self, delivery: int) -> None:
        """Remove a delivery that was acknowledged, forwarded or dropped."""
        self._write("delete from deliveries where id = ?", (delivery,))

    async def committed(self) -> None:
        """Wait until all earlier writes are committed.

        Raises:
            sqlite3.Error: the writes failed, e.g. because the disk is full.
        """
        if self._commit is not None:
            await asyncio.shield(self._commit)

    def close(self) -> None:
        """Commit and close the file."""
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
            # This call prevents that asyncio logs an exception that was never retrieved. Nobody awaits the
            # future of a push delivery. If its acknowledgement is lost, the message is only delivered again.
            commit.exception()
        else:
            commit.set_result(None)
