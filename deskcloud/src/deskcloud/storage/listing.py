"""Build one page of the list of a bucket's objects. Names with a common prefix can be replaced by the prefix."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from deskcloud.storage.wire import Resource


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `token` requests the next page. On the last page, `token` is None."""

    items: list[Resource]
    prefixes: list[str]
    token: str | None


def folded(
    rows: Iterable[tuple[str, str]], *, prefix: str, delimiter: str, tells_folders: bool, limit: int, after: str
) -> Page:
    """Return a page of at most `limit` objects and folded prefixes.

    If an object's name contains `delimiter` after `prefix`, the page does not have the object. Instead, the page has
    the part of the name up to and including `delimiter`, which is called a folded prefix. If `tells_folders` is true,
    the page also has the objects whose whole name is a folded prefix.

    `rows` are pairs of an object's name and resource (JSON), sorted by name. All names begin with `prefix`. `after` is
    the last name or folded prefix of the previous page.
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
