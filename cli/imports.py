"""Find the modules of the functions' code that a module can reach by its imports. No code runs."""

import ast
import symtable
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

OURS = {"functions", "main", "shared"}


def reached(entries: list[str], root: Path) -> tuple[list[Path], list[str]]:
    """Return the files of all modules that `entries` import, directly or indirectly, and the names of missing modules.

    The files are relative to the root. Imports inside functions count too. A module that does not compile is missing.
    """
    found: dict[str, Path | None] = {}
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        package = name.rpartition(".")[0]
        if name in found:
            continue
        if package and package not in found:
            waiting += [name, package]
            continue
        found[name] = None
        file = _file(name, root) if not package or found[package] else None
        if file and _compiles(source := (root / file).read_bytes()):
            found[name] = file
            waiting += _imported(source, package if file.stem != "__init__" else name, root)
    # If a package is missing, its modules are not named too.
    missing = {name for name, file in found.items() if not file}
    outermost = sorted(name for name in missing if name.rpartition(".")[0] not in missing)
    return [file for file in found.values() if file], outermost


def _file(module: str, root: Path) -> Path | None:
    path = Path(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if (root / file).is_file()), None)


def _imported(source: bytes, package: str, root: Path) -> Iterator[str]:
    """Yield the modules of ours that code in a package imports."""
    for written, names in _imports(source):
        module = resolve_name(written, package)
        if module.partition(".")[0] in OURS:
            yield module
            yield from (f"{module}.{name}" for name in names if _is_module(module, name, root))


def _is_module(package: str, name: str, root: Path) -> bool:
    """Say whether `from package import name` imports a module: a name that the package's own code does not define."""
    file = _file(package, root)
    if not file or file.stem != "__init__":
        return False
    return bool(_file(f"{package}.{name}", root)) or name not in _defined((root / file).read_bytes())


# Bundles share most modules, so each source is read once in a process.
@cache
def _compiles(source: bytes) -> bool:
    try:
        compile(source, "a module", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


@cache
def _imports(source: bytes) -> list[tuple[str, list[str]]]:
    """Return the modules that the code imports, as written, each with the names that it imports from the module."""
    nodes = list(_statements(ast.parse(source)))
    whole: list[tuple[str, list[str]]] = [
        (alias.name, []) for node in nodes if isinstance(node, ast.Import) for alias in node.names
    ]
    return whole + [
        ("." * node.level + (node.module or ""), [alias.name for alias in node.names])
        for node in nodes
        if isinstance(node, ast.ImportFrom)
    ]


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all statements within it. Expressions, which contain no import, are most of the nodes."""
    yield node
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for one in getattr(node, part, ()):
            yield from _statements(one)


@cache
def _defined(source: bytes) -> set[str]:
    """Return the names that the code defines outside functions."""
    symbols = symtable.symtable(source.decode(), "a module", "exec").get_symbols()
    return {one.get_name() for one in symbols if one.is_assigned() or one.is_imported()}
