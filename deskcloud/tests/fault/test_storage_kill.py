"""The local Cloud Storage keeps its data consistent if its process is killed."""

import os
import signal
import sqlite3
import subprocess
import sys
from functools import partial

import pytest

from deskcloud.storage import Store
from deskcloud.storage.preconditions import Preconditions

# A program that writes and deletes an object again and again. After each write, it prints the write's number.
_WRITER = """
import sys
from pathlib import Path
from deskcloud.storage import Store
from deskcloud.storage.preconditions import Preconditions

store, size = Store(Path(sys.argv[1])), 200_000
for number in range(10**9):
    with store.staged() as content:
        content.write_bytes(b"%09d" % number * (size // 9))
        store.put("bucket", "runs/x", content, {"metadata": {"number": str(number)}})
    print(number, flush=True)
    if number % 3 == 2:
        store.delete("bucket", "runs/x", Preconditions())
"""


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path)
    opened.create_bucket("demo", {"name": "bucket"})
    yield opened
    opened.close()


def put(store, content, name="x"):
    with store.staged() as file:
        file.write_bytes(content)
        return store.put("bucket", name, file, {})


def read(store, name="x"):
    _, file = store.open("bucket", name)
    with file:
        return file.read()


def test_a_process_killed_while_it_writes_leaves_the_old_object_or_the_new_one(tmp_path):
    for _kill in range(6):
        store = Store(tmp_path)
        if not store.buckets("demo", ""):
            store.create_bucket("demo", {"name": "bucket"})
        store.close()
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            written = [int(writer.stdout.readline()) for _line in range(10 + _kill)]
            os.kill(writer.pid, signal.SIGKILL)
            written += [int(line) for line in writer.stdout.read().split()]
        store = Store(tmp_path)
        items = store.list("bucket").items
        for item in items:
            number = int(item["metadata"]["number"])
            assert number in {written[-1], written[-1] + 1}
            assert read(store, "runs/x") == b"%09d" % number * (200_000 // 9)
            assert (store.root / "bucket/runs/x").read_bytes() == read(store, "runs/x")
        assert (store.root / "bucket/runs/x").exists() == bool(items)
        assert list((tmp_path / "staging").iterdir()) == []
        store.close()


class KilledError(BaseException):
    """Raised where the process would be killed. The tested code does not catch this exception."""


class Mortal(sqlite3.Connection):
    """A connection to SQLite that raises KilledError before or after a commit, as `death` says."""

    death = ""

    def __exit__(self, *error):
        if self.death == "before the commit":
            raise KilledError
        is_handled = super().__exit__(*error)
        if self.death == "after the commit":
            raise KilledError
        return is_handled


@pytest.mark.parametrize("death", ["before the commit", "after the commit"])
@pytest.mark.parametrize("action", ["create", "replace", "delete"])
def test_wherever_the_process_ends_a_restart_finds_the_old_object_or_the_new_one(tmp_path, monkeypatch, death, action):
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Mortal))
    store = Store(tmp_path)
    store.create_bucket("demo", {"name": "bucket"})
    if action != "create":
        put(store, b"old")
    old, new = [] if action == "create" else [b"old"], [] if action == "delete" else [b"new"]
    act = {"delete": lambda: store.delete("bucket", "x", Preconditions())}.get(action, lambda: put(store, b"new"))
    monkeypatch.setattr(Mortal, "death", death)
    with pytest.raises(KilledError):
        act()
    monkeypatch.undo()
    # When the store is closed, SQLite rolls back a transaction without commit, as it does after a crash.
    store.close()

    expected = old if death == "before the commit" else new
    again = Store(tmp_path)
    assert [read(again, item["name"]) for item in again.list("bucket").items] == expected
    assert list((tmp_path / "staging").iterdir()) == []
    again.close()


def test_a_reader_gets_the_content_of_the_generation_that_it_opened(store):
    old = put(store, b"old")
    resource, file = store.open("bucket", "x")
    put(store, b"new")
    with file:
        assert (resource["generation"], file.read()) == (old["generation"], b"old")
    assert read(store) == b"new"
