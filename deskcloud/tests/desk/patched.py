"""Start BigQuery's emulator, and end it before it serves. Print the changes to the packages that the emulator patches.

The output is one line of JSON. `changes` lists the names of each changed object. `applied` lists the target and the
reason of each patch.
"""

import json
import os
import sys
from collections.abc import Hashable, Iterator
from types import ModuleType
from typing import Any

from deskcloud.bigquery.emulator import patching, service

PACKAGES = {"duckdb", "grpc", "local_bigquery", "sqlglot", "uvicorn"}


def owners() -> dict[str, Any]:
    """Map names to objects: to all modules of the patched packages, and to the classes in these modules."""
    modules = {name: one for name, one in [*sys.modules.items()] if name.partition(".")[0] in PACKAGES}
    kinds: dict[str, type] = {}
    waiting: list[Any] = list(modules.values())
    while waiting:
        for one in vars(waiting.pop()).values():
            if isinstance(one, type) and one.__module__.partition(".")[0] in PACKAGES:
                name = f"{one.__module__}.{one.__qualname__}"
                waiting += [] if name in kinds else [one]
                kinds[name] = one
    return modules | kinds


def attributes(known: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Map the name of each attribute to (value, copy). The copy is None if the value is neither a dict nor a list."""
    every = ((f"{owner}.{name}", value) for owner, one in known.items() for name, value in [*vars(one).items()])
    return {name: (value, value.copy() if type(value) in {dict, list} else None) for name, value in every}


def changes(before: dict[str, tuple[Any, Any]], after: dict[str, tuple[Any, Any]]) -> Iterator[tuple[Hashable, str]]:
    """Yield the identity and the name of each attribute that was replaced, changed or removed.

    If several modules import the same list, its changes have one identity but several names.
    """
    for name in after.keys() - before.keys():
        # An import makes a module an attribute of its package. Such a new attribute is not a patch.
        if not isinstance(after[name][0], ModuleType):
            yield name, name
    for name, (value, content) in before.items():
        if name not in after or after[name][0] is not value:
            yield name, name
        elif isinstance(content, dict):
            gone = [key for key, one in content.items() if value.get(key) is not one]
            yield from (((id(value), repr(key)), f"{name}[{key!r}]") for key in gone)
        elif isinstance(content, list):
            gone = [one for one in content if not any(one is other for other in value)]
            yield from (((id(value), id(one)), f"{one.__module__}.{one.__qualname__}") for one in gone)


def report(_: list[str]) -> None:
    """Print the changes that the emulator has made, and end the process."""
    found: dict[Hashable, set[str]] = {}
    for one, name in changes(before, attributes(known)):
        found.setdefault(one, set()).add(name)
    applied = [[one.target, one.reason] for one in patching.applied]
    sys.stdout.write(json.dumps({"changes": [sorted(names) for names in found.values()], "applied": applied}))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    service.cli.main = report
    known = owners()
    before = attributes(known)
    service.main()
