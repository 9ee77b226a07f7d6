"""The stored state of a platform: JSON documents, the members of its lists, and the requests that it has received."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deskcloud import jsontext
from deskcloud.jsonstore import Documents

_TABLES = """
create table if not exists members (
    list text, member text, is_member integer, added integer, updated integer, removed integer, added_at real,
    fields text, primary key (list, member)
) without rowid;
create table if not exists received (request text, status integer, fault text);
"""
# Adding an existing member again counts as an update. Removing a non-member has no effect.
_ADD = """
insert into members values (?, ?, 1, 1, 0, 0, ?, ?) on conflict (list, member) do update set
    added = added + 1 - is_member, updated = updated + is_member, is_member = 1, added_at = excluded.added_at,
    fields = json_patch(iif(is_member, fields, '{}'), excluded.fields)
"""
_REMOVE = "update members set removed = removed + is_member, is_member = 0 where list = ?"


class State(Documents):
    """The state of one platform in the folder `state`.

    Here, a member is the identifier of a person or the key of a row. A list is a user list, an audience or a data
    extension. A removed member stays in the database, so that its counts show how often it was added and removed.
    """

    def __init__(self, state: Path) -> None:
        """Open the database in the folder `state`. Create the database if it does not exist.

        Raises:
            RuntimeError: another process uses the database.
        """
        super().__init__(state)
        self._database.executescript(_TABLES)

    def add(self, name: str, members: Mapping[str, Mapping[str, Any]], at: float) -> None:
        """Add members with their fields to the list `name`.

        If the list already has a member, fields that `members` does not name keep their values. `at` is the time of the
        addition, in seconds since 1970.
        """
        rows = [(name, member, at, jsontext.text(fields)) for member, fields in members.items()]
        with self.transaction():
            self._database.executemany(_ADD, rows)

    def remove(self, name: str, members: Iterable[str]) -> None:
        """Remove members from the list `name`."""
        with self.transaction():
            self._database.executemany(f"{_REMOVE} and member = ?", [(name, member) for member in members])

    def remove_older(self, name: str, at: float) -> None:
        """Remove the members of the list `name` that were last added before `at`, in seconds since 1970."""
        with self.transaction():
            self._database.execute(f"{_REMOVE} and added_at < ?", (name, at))

    def replace(self, name: str, members: Mapping[str, Mapping[str, Any]], at: float) -> None:
        """Add members to the list `name`, and remove its other members. The arguments are as in `add`."""
        with self.transaction():
            self.remove(
                name, [one for one, found in self.members(name).items() if found["is_member"] and one not in members]
            )
            self.add(name, members, at)

    def members(self, name: str) -> dict[str, dict[str, Any]]:
        """Return each member that the list has or had, with its counts and its fields."""
        with self._lock:
            rows = self._database.execute(
                "select member, is_member, added, updated, removed, fields from members where list = ? order by member",
                (name,),
            ).fetchall()
        return {
            member: {
                "is_member": bool(is_member),
                "added": added,
                "updated": updated,
                "removed": removed,
                "fields": json.loads(fields),
            }
            for member, is_member, added, updated, removed, fields in rows
        }

    def has_member(self, name: str, member: str) -> bool:
        """Return whether the list `name` has the member."""
        with self._lock:
            found = self._database.execute(
                "select 1 from members where list = ? and member = ? and is_member", (name, member)
            ).fetchone()
        return found is not None

    def record(self, request: str, status: int, fault: str) -> None:
        """Record a request, such as `GET /v1/x`.

        `status` is the HTTP status of the answer, or 0 if no answer was sent. `fault` is the kind of the fault that the
        request has met, or "" if the request has met no fault.
        """
        with self._lock:
            self._database.execute("insert into received values (?, ?, ?)", (request, status, fault))

    def received(self) -> list[dict[str, Any]]:
        """Return all requests in the order in which they were answered."""
        with self._lock:
            rows = self._database.execute("select request, status, fault from received order by rowid").fetchall()
        return [{"request": request, "status": status, "fault": fault} for request, status, fault in rows]
