"""Find the modules of the functions' code that a module imports, directly or indirectly, without executing any code."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from modulefinder import ModuleFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

OURS = {"functions", "main", "shared"}


class Imports(ModuleFinder):
    """The imports of all modules below a root that `entries` import, directly or indirectly.

    Imports inside functions count too. The modules are read once, for any number of calls of `reached`.
    """

    def __init__(self, root: Path, entries: list[str]) -> None:
        super().__init__([str(root)])
        self._root = root
        self._imported: defaultdict[str, set[str]] = defaultdict(set)
        self._importing: list[str] = []
        for entry in entries:
            with suppress(ImportError, SyntaxError):
                self.import_hook(entry)
        # The finder looks only below the root, so it also reports modules of other packages as missing. Leave these
        # out.
        self._unknown = [name for name in self.any_missing_maybe()[0] if name.partition(".")[0] in OURS]

    def reached(self, entries: list[str]) -> tuple[list[Path], list[str]]:
        """Return the files of all modules that `entries` reach, and the names of missing modules.

        The files are relative to the root. A module that does not compile counts as missing. If a package is missing,
        only the package is named, not its modules.
        """
        found, waiting = set(), list(entries)
        while waiting:
            if (name := waiting.pop()) not in found:
                found.add(name)
                waiting += self._imported[name]
        files = [
            file for name in found & self.modules.keys() if (file := getattr(self.modules[name], "__file__", None))
        ]
        missing = {name for name in entries if name not in self.modules}
        missing |= {name for name in self._unknown if self.badmodules[name].keys() & found}
        outermost = [name for name in missing if not any(name.startswith(f"{other}.") for other in missing)]
        return [Path(file).relative_to(self._root) for file in files], sorted(outermost)

    def import_hook(self, name: str, caller: Any = None, fromlist: list[str] | None = None, level: int = -1) -> Any:
        """Import a module as ModuleFinder does, and remember which module imports it."""
        self._importing.append(caller.__name__ if caller else name)
        try:
            return super().import_hook(name, caller, fromlist, level)
        finally:
            self._importing.pop()

    def import_module(self, partname: str, fqname: str, parent: Any) -> Any:
        """Import a part of a dotted name as ModuleFinder does, and record this import of the importing module."""
        self._imported[self._importing[-1]].add(fqname)
        try:
            return super().import_module(partname, fqname, parent)
        except SyntaxError:
            # ModuleFinder would stop reading the importing module here. None stands for a missing module.
            return None

    def ensure_fromlist(self, m: Any, fromlist: Iterable[str], recursive: int = 0) -> None:
        """Import the names of a `from` statement as ModuleFinder does, and record the names that are modules."""
        super().ensure_fromlist(m, fromlist, recursive)
        names = {f"{m.__name__}.{name}" for name in fromlist}
        self._imported[self._importing[-1]] |= names & self.modules.keys()
