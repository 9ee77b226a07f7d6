"""Replace parts of a dependency. Each replacement is written for one version of the dependency.

Use `change`, `replace`, `wrap` or `remove`, with a reason, for all changes to attributes of other packages. An
addition, such as a rule at the start or end of a list, needs none of these functions.
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
"""The required version of each patched package. `pyproject.toml` pins the same versions."""

_PACKAGES = {"grpc": "grpcio", "local_bigquery": "local-bigquery"}
"""Packages whose import name differs from their package name."""


class PatchError(RuntimeError):
    """A dependency differs from the version for which a patch was written."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A replacement: the full name of the replaced attribute, and the reason."""

    target: str
    reason: str


applied: list[Patch] = []
"""The replacements in this process, in the order in which they were made."""


def check_versions() -> None:
    """Check that each patched package has its required version.

    Call this function before importing the modules with patches, because these imports may fail with another version.

    Raises:
        PatchError: a package has another version.
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
    """Replace an attribute by the result of `make`.

    Args:
        holder: the module or class that has the attribute.
        name: the attribute's name.
        make: a function that gets the current value and returns the new one.
        reason: why the change is needed; the reason appears in errors and in `applied`.
        key: if given, the attribute is a mapping, and only the entry with this key is replaced.
        rules: if given, the attribute is a rule, which is replaced in this list and not in `holder`.

    Raises:
        PatchError: the package has another version, or there is no such attribute, entry or rule.
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
    """Replace an attribute by `new`. `where` holds the arguments `key` or `rules` for `change`.

    Raises:
        PatchError: as in `change`.
    """
    change(holder, name, lambda _: new, reason, **where)


def wrap(holder: ModuleType, name: str, around: Callable[..., Any], reason: str, **where: Any) -> None:
    """Wrap a function: `around` gets the original function as its first argument. `where` is as in `replace`.

    Raises:
        PatchError: as in `change`.
    """
    change(holder, name, functools.partial(functools.partial, around), reason, **where)


def remove(rules: list[Any], holder: ModuleType, name: str, reason: str) -> None:
    """Remove a rule from a list. `holder` and `name` identify the rule.

    Raises:
        PatchError: as in `change`.
    """
    rules.pop(position(rules, holder, name, reason))
    applied.append(Patch(_target(holder, name), reason))


def position(rules: list[Any], holder: ModuleType, name: str, reason: str) -> int:
    """Return the index of a rule in a list, so that the caller can insert another rule there.

    Raises:
        PatchError: as in `change`.
    """
    target = _target(holder, name)
    return _position(rules, _existing(holder, name, target, reason), target, reason)


def with_texts(function: FunctionType, replaced: dict[str, str], reason: str) -> FunctionType:
    """Return a copy of the function with other string constants. `replaced` maps old constants to new ones.

    Raises:
        PatchError: the function lacks one of the old constants.
    """
    code = function.__code__
    if missing := replaced.keys() - set(code.co_consts):
        target = f"{function.__module__}.{function.__qualname__}"
        raise _error(_package(target), target, reason, f"it no longer has the texts {sorted(missing)}")
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
        raise _error(package, target, reason, "the version differs")


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
