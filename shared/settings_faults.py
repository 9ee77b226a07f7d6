"""Describe an invalid setting in a sentence: its name, the given value, and the allowed values.

A function imports this module only when a setting is invalid, to keep its cold start short.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from typing import TYPE_CHECKING, Any

from msgspec import inspect

from shared import jsontext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msgspec import Struct

# The field's path at the end of msgspec's message. A message about the whole document has no path.
_WHERE = re.compile(r" - at `\$(.*)`\Z", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`\Z", re.DOTALL)
_LONGEST_VALUE = 80
# Minimum similarity of two names (difflib's ratio) for a suggestion.
_NEAR = 0.75


def sentence(settings: type[Struct], document: dict[str, Any], message: str) -> str:
    """Return a sentence that says how to correct `document`. `message` is that of msgspec's error."""
    found = _WHERE.search(message)
    text = message[: found.start()] if found else message
    path = found[1].lstrip(".") if found else ""
    if unknown := _UNKNOWN.match(text):
        return _unknown(settings, path, unknown[1])
    if missing := _MISSING.match(text):
        return f"{missing[1]} is missing"
    if not path:
        return text
    # If an item of a list is invalid, show the whole list.
    name = path.partition("[")[0]
    value = jsontext.text(_value(document, name))
    shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}..."
    kind = type_of(settings, name)
    quoted = "text in quotes: " if is_text(kind) and not isinstance(_value(document, name), str) else ""
    return f"{name} is {shown}; it must be {quoted}{_rule(kind)}"


def type_of(settings: type[Struct], name: str) -> Any:
    """Return the type of the setting `name`, such as gate.min_roc_auc, or None if there is no such setting."""
    return dict(_names(inspect.type_info(settings))).get(name)


def is_text(kind: Any) -> bool:
    """Return whether the values of the type `kind` are texts."""
    return isinstance(kind.type if isinstance(kind, inspect.Metadata) else kind, inspect.StrType)


def unknown_time_zone(wrong: str) -> str:
    """Say that the tz database does not have the zone, and suggest a similar zone, e.g. Europe/Paris for "paris"."""
    known = {name.lower(): name for name in sorted(zoneinfo.available_timezones())}
    place = wrong.lower().rpartition("/")[2]
    near = [name for name in known if name.rpartition("/")[2] == place] or difflib.get_close_matches(
        wrong.lower(), list(known), 1
    )
    remedy = f"; did you mean {known[near[0]]}?" if near else ""
    return f"source.time_zone is {jsontext.text(wrong)}, which the tz database does not have{remedy}"


def _unknown(settings: type[Struct], section: str, name: str) -> str:
    names = dict(_names(inspect.type_info(settings)))
    wrong = f"{section}.{name}".lstrip(".")
    if nearest := _nearest(wrong, list(names)):
        return f"there is no setting {wrong}; did you mean {nearest}?"
    known = [one for one in names if one.rpartition(".")[0] == section]
    return f"there is no setting {wrong}; {f'{section} has' if section else 'there are'} {', '.join(known)}"


def _nearest(wrong: str, names: list[str]) -> str | None:
    """Return the setting's name that was probably meant: the same name in another section, or a similar name."""
    leaf = wrong.rpartition(".")[2]
    elsewhere = [name for name in names if name.rpartition(".")[2] == leaf]
    alike = difflib.get_close_matches(wrong, [name for name in names if "." in name or "." not in wrong], 1, _NEAR)
    if elsewhere or alike:
        return (elsewhere or alike)[0]
    leaves = {name.rpartition(".")[2]: name for name in reversed(names)}
    return next((leaves[one] for one in difflib.get_close_matches(leaf, list(leaves), 1, _NEAR)), None)


def _names(kind: Any, section: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the type of each setting of a section, nested sections included."""
    for one in kind.fields:
        name = f"{section}{one.encode_name}"
        yield name, one.type
        if isinstance(one.type, inspect.StructType):
            yield from _names(one.type, f"{name}.")


def _value(document: dict[str, Any], name: str) -> Any:
    value: Any = document
    for part in name.split("."):
        value = value[part]
    return value


def _rule(kind: Any) -> str:
    """Return the values that a type allows, in words."""
    text = "a text"
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            text = str((extra or {}).get("description") or _rule(inner))
        case inspect.LiteralType(values=values):
            text = f"one of {', '.join(map(str, values))}"
        case inspect.UnionType(types=types):
            text = " or ".join(_rule(one) for one in types)
        case inspect.NoneType():
            text = "null"
        case inspect.StructType(fields=fields):
            text = f"a section with {', '.join(one.encode_name for one in fields)}"
        case inspect.VarTupleType(item_type=item, min_length=least):
            text = f"a list{f' of at least {least}' if least else ''}, each {_rule(item)}"
        case inspect.IntType():
            text = f"a whole number{_range(kind)}"
        case inspect.FloatType():
            text = f"a number{_range(kind)}"
    return text


def _range(kind: Any) -> str:
    if kind.gt is not None:
        return f" above {kind.gt:g}" + (f" and up to {kind.le:g}" if kind.le is not None else "")
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge:g} to {kind.le:g}"
    return f" of at least {kind.ge:g}" if kind.ge is not None else ""
