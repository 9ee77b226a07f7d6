"""The store's SQLite database, which holds all data of buckets, objects and uploads except the objects' contents."""

import sqlite3
from pathlib import Path

_SCHEMA = """
create table if not exists buckets (name text primary key, project text not null, resource text not null);
create table if not exists objects (
    bucket text not null, name text not null, generation integer not null unique, path text not null,
    resource text not null, primary key (bucket, name));
create table if not exists uploads (
    id text primary key, created_at real not null, request text not null, resource text);
create table if not exists clock (generation integer not null);
insert into clock select 0 where not exists (select * from clock);
"""


def opened(state: Path) -> sqlite3.Connection:
    """Open the database in the folder `state` with an exclusive lock. Create the database if it does not exist.

    Raises:
        RuntimeError: another process uses the database.
    """
    database = sqlite3.connect(
        state / "catalogue.sqlite", timeout=0, isolation_level="IMMEDIATE", check_same_thread=False
    )
    try:
        database.executescript(
            f"pragma locking_mode=exclusive; pragma journal_mode=wal; pragma synchronous=normal; {_SCHEMA}"
        )
    except sqlite3.OperationalError as error:
        database.close()
        raise RuntimeError(f"{state} cannot be opened: is it used by another process? ({error})") from error
    return database
