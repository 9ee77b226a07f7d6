"""Fold the names of a bucket's objects into a page of a listing."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from deskcloud.storage.wire import Resource


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; `token` is for the next page, None on the last."""

    items: list[Resource]
    prefixes: list[str]
    token: str | None


def folded(
    rows: Iterable[tuple[str, str]], *, prefix: str, delimiter: str, tells_folders: bool, limit: int, after: str
) -> Page:
    """Return a page of objects; names with `delimiter` after `prefix` are folded into prefixes.

    `rows` are names and resources as JSON, in order of the names, which all begin with `prefix`. `after` is the last
    entry (name or folded prefix) of the previous page. With `tells_folders`, an object whose name equals a folded
    prefix is listed too.
    """
    page = Page([], [], None)
    last = after
    for name, resource in rows:
        behind = name.find(delimiter, len(prefix)) if delimiter else -1
        entry = name if behind < 0 else name[: behind + len(delimiter)]
        if entry <= last:
            continue
        if len(page.items) + len(page.prefixes) == limit:
            return Page(page.items, page.prefixes, last)
        last = entry
        if behind < 0 or (tells_folders and name == entry):
            page.items.append(json.loads(resource))
        if behind >= 0:
            page.prefixes.append(entry)
    return page
