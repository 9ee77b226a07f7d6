"""Replace what belongs to a dependency, at the one version that it was written for.

Whatever changes an attribute of another package does it through `change`, `replace`, `wrap` or `remove`, and says why.
What only adds - a rule at either end of a list, a new function - needs none of them.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from types import FunctionType, ModuleType
from typing import Any

VERSIONS = {
    "duckdb": "1.5.5",
    "grpcio": "1.85.1",
    "local-bigquery": "0.3.2",
    "sqlglot": "30.30.0",
    "uvicorn": "0.54.0",
}
"""The version of each package that is patched; `pyproject.toml` pins the same."""

_PACKAGES = {"grpc": "grpcio", "local_bigquery": "local-bigquery"}
"""The packages whose modules have another name."""


class PatchError(RuntimeError):
    """A dependency is not what a patch was written for."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What was replaced, by its full name, and why."""

    target: str
    reason: str


applied: list[Patch] = []
"""What this process has replaced, in order."""


def check_versions() -> None:
    """Raise PatchError where a package that is patched has another version.

    Called before the modules with the patches are imported: at another version an import may fail.
    """
    for package in VERSIONS:
        _check(package, f"the package {package}")


def change(
    holder: ModuleType | type,
    name: str,
    make: Callable[[Any], Any],
    reason: str,
    *,
    key: Any = None,
    rules: list[Any] | None = None,
) -> None:
    """Put what `make` makes of an attribute in its place.

    Args:
        holder: the module or class that has the attribute.
        name: the attribute.
        make: gets what stands there and returns what shall.
        reason: why, for the error and for whoever reads `applied`.
        key: the attribute is a mapping, and this entry of it is replaced.
        rules: the attribute is a rule, and is replaced in this list.

    Raises:
        PatchError: the package has another version, or no such attribute, entry or rule.
    """
    target = _target(holder, name) + ("" if key is None else f"[{key!r}]")
    original = _existing(holder, name, target, reason)
    if rules is not None:
        rules[_position(rules, original, target, reason)] = make(original)
    elif key is None:
        setattr(holder, name, make(original))
    elif key in original:
        original[key] = make(original[key])
    else:
        raise _error(_package(target), target, reason, "it has no such entry")
    applied.append(Patch(target, reason))


def replace(holder: ModuleType | type, name: str, new: Any, reason: str, **where: Any) -> None:
    """Put `new` in the place of an attribute. Raises PatchError; `where` is that of `change`."""
    change(holder, name, lambda _: new, reason, **where)


def wrap(holder: ModuleType, name: str, around: Callable[..., Any], reason: str, **where: Any) -> None:
    """Put around a function one that gets it as first argument. Raises PatchError; `where` is that of `change`."""
    change(holder, name, functools.partial(functools.partial, around), reason, **where)


def remove(rules: list[Any], holder: ModuleType, name: str, reason: str) -> None:
    """Take a rule out of a list. Raises PatchError."""
    rules.pop(position(rules, holder, name, reason))
    applied.append(Patch(_target(holder, name), reason))


def position(rules: list[Any], holder: ModuleType, name: str, reason: str) -> int:
    """Return where a rule stands in a list, beside which another one is put. Raises PatchError."""
    target = _target(holder, name)
    return _position(rules, _existing(holder, name, target, reason), target, reason)


def with_texts(function: FunctionType, replaced: dict[str, str], reason: str) -> FunctionType:
    """Return the function with other texts in the places of these.

    Raises:
        PatchError: it has none of one of them.
    """
    code = function.__code__
    if missing := replaced.keys() - set(code.co_consts):
        target = f"{function.__module__}.{function.__qualname__}"
        raise _error(_package(target), target, reason, f"it has no longer the texts {sorted(missing)}")
    constants = tuple(replaced.get(one, one) if isinstance(one, str) else one for one in code.co_consts)
    return FunctionType(
        code.replace(co_consts=constants),
        function.__globals__,
        argdefs=function.__defaults__,
        closure=function.__closure__,
    )


def _existing(holder: ModuleType | type, name: str, target: str, reason: str) -> Any:
    _check(_package(target), target, reason)
    try:
        return getattr(holder, name)
    except AttributeError:
        raise _error(_package(target), target, reason, "it does not exist") from None


def _position(rules: list[Any], rule: Any, target: str, reason: str) -> int:
    if rule not in rules:
        raise _error(_package(target), target, reason, "it is not in the list of rules")
    return rules.index(rule)


def _target(holder: ModuleType | type, name: str) -> str:
    owner = f"{holder.__module__}.{holder.__qualname__}" if isinstance(holder, type) else holder.__name__
    return f"{owner}.{name}"


def _package(target: str) -> str:
    module = target.partition(".")[0]
    return _PACKAGES.get(module, module)


def _check(package: str, target: str, reason: str = "") -> None:
    if _installed(package) != VERSIONS[package]:
        raise _error(package, target, reason, "the version is another")


@functools.cache
def _installed(package: str) -> str:
    return metadata.version(package)


def _error(package: str, target: str, reason: str, problem: str) -> PatchError:
    expected = VERSIONS[package]
    because = f" ({reason})" if reason else ""
    return PatchError(
        f"cannot patch {target}{because}: {problem}; expected {package} {expected}, found {_installed(package)}. "
        f"Run pip install {package}=={expected}, or adapt the patches in {__package__}"
    )
