"""Filter, sort and page the results of Vertex AI's list methods."""

import re
from collections.abc import Mapping
from typing import Any

from deskcloud.jsonstore import Document
from deskcloud.vertex.errors import InvalidArgumentError

_TERM = re.compile(r"""\s*(?P<field>[\w.]+)\s*(?P<operator>=|!=|:)\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))\s*""")
_FIELDS = {"display_name": "displayName", "displayName": "displayName"}
_ORDERS = {"create_time": "createTime", "update_time": "updateTime", "display_name": "displayName"}


def page(resources: list[Document], key: str, query: Mapping[str, str]) -> Document:
    """Return one page of the resources as {`key`: [...], "nextPageToken": ...}.

    `query` has the parameters `filter`, `orderBy`, `pageSize` and `pageToken`.

    Raises:
        InvalidArgumentError: a parameter is invalid.
    """
    found = [resource for resource in resources if _matches(resource, query.get("filter", ""))]
    found = _ordered(found, query.get("orderBy", ""))
    size, first = _number(query, "pageSize") or 100, _number(query, "pageToken")
    answer: Document = {key: found[first : first + size]}
    if first + size < len(found):
        answer["nextPageToken"] = str(first + size)
    return answer


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    if not (text.isascii() and text.isdecimal()):
        raise InvalidArgumentError(f"Invalid {name}: {text!r}.")
    return int(text)


def _matches(resource: Document, filter_: str) -> bool:
    return all(_holds(resource, term) for term in re.split(r"\sAND\s", filter_.strip()) if term)


def _holds(resource: Document, term: str) -> bool:
    match = _TERM.fullmatch(term)
    if match is None:
        raise InvalidArgumentError(
            f'filter: cannot read {term!r}. Supported: display_name="x", labels.key=value, labels.key:*, joined by AND.'
        )
    field, wanted = match["field"], match["quoted"] if match["quoted"] is not None else match["bare"]
    if field.startswith("labels."):
        value: Any = resource.get("labels", {}).get(field.removeprefix("labels."))
    elif field in _FIELDS:
        value = resource.get(_FIELDS[field])
    else:
        raise InvalidArgumentError(f"filter: field {field!r} is not supported, only display_name and labels.KEY.")
    if match["operator"] == ":":
        return value is not None and wanted in {"*", value}
    return bool((value == wanted) == (match["operator"] == "="))


def _ordered(resources: list[Document], order: str) -> list[Document]:
    # The first key has priority. Sorting is stable, so each sort keeps the former order of equal resources. Therefore,
    # sort by the last key first, and by the first key last.
    for key in reversed([part.split() for part in order.split(",") if part.strip()]):
        if key[0] not in _ORDERS or key[1:] not in ([], ["asc"], ["desc"]):
            raise InvalidArgumentError(
                f"orderBy: cannot sort by {' '.join(key)!r}, only by {', '.join(_ORDERS)} [desc]."
            )
        field = _ORDERS[key[0]]
        resources = sorted(resources, key=lambda resource: resource.get(field, ""), reverse=key[1:] == ["desc"])
    return resources
