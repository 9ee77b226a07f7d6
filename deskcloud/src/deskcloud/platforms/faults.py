"""Choose the planned fault of a request."""

from collections.abc import Collection, Iterable

import msgspec

from deskcloud.document import Fault
from deskcloud.errors import CommandError
from deskcloud.jsonstore import Documents

_NAME = "faults"
# Every platform can reset connections; each adds the further kinds that it supports.
_COMMON = frozenset({"reset_before", "reset_after"})


class UnknownFaultError(CommandError):
    """A fault is of a kind that the platform does not have."""


class Plan:
    """The faults of a platform that are still to come; they remain after a restart."""

    def __init__(self, state: Documents, kinds: Collection[str], planned: tuple[Fault, ...] = ()) -> None:
        """Open the plan in `state`. The document's faults, `planned`, replace it only if they have changed.

        `kinds` are the kinds of faults that the platform has in addition to resets.

        Raises:
            UnknownFaultError: the platform does not have the kind of a planned fault.
        """
        self._state, self._kinds = state, _COMMON | set(kinds)
        self._require(planned)
        kept, wanted = state.get(_NAME), msgspec.to_builtins(list(planned))
        if kept is None or kept["document"] != wanted:
            state.put(_NAME, {"document": wanted, "left": wanted})

    def left(self) -> list[Fault]:
        """Return the faults that are still to come."""
        return msgspec.convert(self._kept()["left"], list[Fault])

    def replace(self, faults: Iterable[Fault]) -> None:
        """Replace all faults that are still to come.

        Raises:
            UnknownFaultError: the platform does not have one of the kinds.
        """
        faults = list(faults)
        self._require(faults)
        self._state.put(_NAME, self._kept() | {"left": msgspec.to_builtins(faults)})

    def take(self, request: str, *, is_named: bool = False) -> Fault | None:
        """Count a request, such as `POST /v1/x`; return the fault that it meets, if any.

        With `is_named`, the request meets only faults whose `request` is not empty.
        """
        with self._state.transaction():
            met, left = None, []
            for fault in self.left():
                is_met = met is None and request.startswith(fault.request) and (fault.request or not is_named)
                if not is_met:
                    left.append(fault)
                elif fault.after:
                    left.append(msgspec.structs.replace(fault, after=fault.after - 1))
                else:
                    met = fault
                    if fault.times > 1:
                        left.append(msgspec.structs.replace(fault, times=fault.times - 1))
            if left != self.left():
                self.replace(left)
            return met

    def _require(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            if fault.kind not in self._kinds:
                known = ", ".join(sorted(self._kinds))
                raise UnknownFaultError(f"this platform has no fault {fault.kind}; it has these: {known}")

    def _kept(self) -> dict[str, object]:
        return self._state.get(_NAME) or {}
