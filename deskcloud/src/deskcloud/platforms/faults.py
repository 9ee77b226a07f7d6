"""Keep the faults that are planned for a platform, and choose the fault that a request meets, if any.

A request meets a fault if the fault is applied to the request.
"""

from collections.abc import Collection, Iterable

import msgspec

from deskcloud.document import Fault
from deskcloud.errors import CommandError
from deskcloud.jsonstore import Documents

_NAME = "faults"
# These two kinds, which reset the connection, exist on every platform. Each platform has further kinds.
_COMMON = frozenset({"reset_before", "reset_after"})


class UnknownFaultError(CommandError):
    """The platform does not have faults of this kind."""


class Plan:
    """A platform's planned faults that requests can still meet. The faults are stored and remain after a restart."""

    def __init__(self, state: Documents, kinds: Collection[str], planned: tuple[Fault, ...] = ()) -> None:
        """Open the plan that is stored in `state`.

        `planned` are the faults in the cloud's document. They replace the stored plan only if the document has changed
        since the last start. `kinds` are the platform's own kinds of faults. Every platform also has `_COMMON`: resets
        of the connection.

        Raises:
            UnknownFaultError: the platform does not have the kind of a planned fault.
        """
        self._state, self._kinds = state, _COMMON | set(kinds)
        self._require(planned)
        kept, wanted = state.get(_NAME), msgspec.to_builtins(list(planned))
        if kept is None or kept["document"] != wanted:
            state.put(_NAME, {"document": wanted, "left": wanted})

    def left(self) -> list[Fault]:
        """Return the planned faults that requests can still meet."""
        return msgspec.convert(self._kept()["left"], list[Fault])

    def replace(self, faults: Iterable[Fault]) -> None:
        """Plan `faults` in place of all faults that requests can still meet.

        Raises:
            UnknownFaultError: the platform does not have the kind of one of the `faults`.
        """
        faults = list(faults)
        self._require(faults)
        self._state.put(_NAME, self._kept() | {"left": msgspec.to_builtins(faults)})

    def take(self, request: str, *, is_named: bool = False) -> Fault | None:
        """Count a request, such as `POST /v1/x`. Return the planned fault that the request meets, or None.

        If `is_named`, the request can meet only faults whose field `request` is not empty.
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
