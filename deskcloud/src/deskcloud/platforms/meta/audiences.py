"""Change the members of Custom Audiences by single requests, by sessions of several batches, and by replacements."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from deskcloud.document import AdAccount
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.meta import rules
from deskcloud.platforms.meta.errors import (
    FlaggedAudienceError,
    InvalidParameterError,
    UnknownObjectError,
    UpdateFailedError,
)
from deskcloud.platforms.meta.rules import Session, Upload
from deskcloud.platforms.state import State
from deskcloud.platforms.waiting import Waiting

# Meta's pages do not list this subcode of the error 2650. It is known from public reports of the error.
_NO_FIRST_BATCH = 1870147
# Only the code 471 is documented. There is no source (UNVERIFIED) for the other codes and for `_MIN_PEOPLE`.
_NORMAL = {"code": 200, "description": "Normal"}
_UPDATING = {"code": 300, "description": "Update in progress"}
_FLAGGED = {"code": 471, "description": "Flagged"}
_READY = {"code": 200, "description": "This audience is ready for use."}
_TOO_SMALL = {"code": 300, "description": "This audience is too small."}
_MIN_PEOPLE = 100

ADD, REMOVE, REPLACE = "add", "remove", "replace"


class Audiences:
    """The Custom Audiences of the ad account. Changes are visible once they are processed."""

    def __init__(self, state: State, clock: Clock, settings: AdAccount) -> None:
        self._state, self._clock, self._account = state, clock, settings
        self._waiting = Waiting(state, clock, settings.processing_seconds)

    def change(
        self, audience: str, action: str, found: Upload, session: Session | None, *, never_ends: bool
    ) -> dict[str, Any]:
        """Change the audience's members by one batch, and return the response.

        `action` is ADD, REMOVE, or REPLACE (the session's members replace all members of the audience). If the session
        already contains the batch, the batch has no further effect, and the response is the first one again.

        Raises:
            UnknownObjectError: there is no such audience.
            FlaggedAudienceError: the audience is flagged.
            InvalidParameterError: a replacement has no session, or the session began with another audience or action.
            UpdateFailedError: the batch violates a rule of sessions.
        """
        self.require(audience)
        if audience in self._account.flagged:
            raise FlaggedAudienceError("Invalid parameter")
        if session is None and action == REPLACE:
            raise InvalidParameterError("The parameter session is required.")
        used = session or Session(str(secrets.randbelow(2**62)), 1, is_last=True)
        with self._state.transaction():
            name = f"session:{used.id}"
            kept = self._state.get(name) or self._begun(audience, action, used)
            if (kept["audience"], kept["action"]) != (audience, action):
                raise InvalidParameterError("Param session[session_id] is used by other requests of this ad account.")
            if str(used.batch) in kept["answers"]:
                answer: dict[str, Any] = kept["answers"][str(used.batch)]
                return answer
            self._require_open(kept)
            answer = {
                "audience_id": audience,
                "session_id": used.id,
                "num_received": found.received,
                "num_invalid_entries": found.invalid,
                "invalid_entry_samples": found.samples,
            }
            kept["answers"][str(used.batch)] = answer
            kept["ended"] = self._clock.now() if used.is_last else None
            self._state.put(name, kept)
            self._keep(action, audience, used, found.identifiers, never_ends=never_ends)
            return answer

    def require(self, audience: str) -> None:
        """Check that the ad account has the audience.

        Raises:
            UnknownObjectError: there is no such audience.
        """
        if audience not in self._account.audiences:
            raise UnknownObjectError(
                f"Unsupported request. Object with ID '{audience}' does not exist, cannot be loaded due to missing "
                "permissions, or does not support this operation."
            )

    def describe(self, audience: str, fields: Iterable[str]) -> dict[str, Any]:
        """Return the audience's id and its `fields`.

        Raises:
            UnknownObjectError: there is no such audience.
            InvalidParameterError: the audience has no such field.
        """
        self.require(audience)
        self.settle()
        people = sum(one["is_member"] for one in self._state.members(audience).values())
        is_updating = any(one["audience"] == audience for one in self._waiting.works())
        is_flagged = audience in self._account.flagged
        known = {
            "id": audience,
            "account_id": self._account.id.removeprefix("act_"),
            "subtype": "CUSTOM",
            "operation_status": _FLAGGED if is_flagged else _UPDATING if is_updating else _NORMAL,
            "delivery_status": _READY if people >= _MIN_PEOPLE else _TOO_SMALL,
            "approximate_count_lower_bound": people,
            "approximate_count_upper_bound": people,
        }
        for one in fields:
            if one not in known:
                raise InvalidParameterError(f"Tried accessing nonexisting field ({one}).")
        return {one: known[one] for one in ("id", *fields)}

    def sessions(self, audience: str, wanted: str | None) -> list[dict[str, Any]]:
        """Return the upload sessions of an audience. If `wanted` is the id of a session, return only this session.

        Raises:
            UnknownObjectError: there is no such audience.
        """
        self.require(audience)
        found = [(name.partition(":")[2], one) for name, one in self._state.matching(f"session:{wanted or '*'}")]
        return [_described(name, one) for name, one in found if one["audience"] == audience]

    def settle(self) -> None:
        """Process the changes whose delay has passed."""
        self._waiting.settle(self._process)

    def _begun(self, audience: str, action: str, used: Session) -> dict[str, Any]:
        if used.batch != 1:
            raise UpdateFailedError("the first batch_seq of the session was not detected.", _NO_FIRST_BATCH)
        others = [one for _, one in self._state.matching("session:*")] if action == REPLACE else []
        if any(one["audience"] == audience and one["action"] == REPLACE and self._is_open(one) for one in others):
            raise UpdateFailedError("another session replaces its members.")
        return {"audience": audience, "action": action, "began": self._clock.now(), "ended": None, "answers": {}}

    def _is_open(self, kept: Mapping[str, Any]) -> bool:
        return kept["ended"] is None and self._clock.now() < kept["began"] + rules.REPLACEMENT_SECONDS

    def _require_open(self, kept: Mapping[str, Any]) -> None:
        if kept["ended"] is not None:
            raise UpdateFailedError("the session has ended with an earlier batch.")
        if kept["action"] == REPLACE and not self._is_open(kept):
            raise UpdateFailedError("the session began more than 90 minutes ago.")

    def _keep(self, action: str, audience: str, used: Session, identifiers: list[str], *, never_ends: bool) -> None:
        if action == REPLACE:
            self._state.put(f"batch:{used.id}:{used.batch:06}", {"identifiers": identifiers})
            if not used.is_last:
                return
            batches = [one["identifiers"] for _, one in self._state.matching(f"batch:{used.id}:*")]
            identifiers = [one for batch in batches for one in batch]
        work = {"action": action, "audience": audience, "identifiers": identifiers, "at": self._clock.now()}
        self._waiting.add(work, never_ends=never_ends)

    def _process(self, work: Mapping[str, Any]) -> None:
        audience, identifiers = work["audience"], work["identifiers"]
        if work["action"] == REMOVE:
            self._state.remove(audience, identifiers)
            return
        change = self._state.replace if work["action"] == REPLACE else self._state.add
        change(audience, {one: {} for one in identifiers}, work["at"])


def _described(name: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a session as the API describes it, with numbers as texts."""
    answers = list(kept["answers"].values())
    return {
        "session_id": name,
        "start_time": str(int(kept["began"])),
        "end_time": str(int(kept["ended"] or 0)),
        "num_received": str(sum(one["num_received"] for one in answers)),
        "num_invalid_entries": str(sum(one["num_invalid_entries"] for one in answers)),
        "num_matched": "-1",
        "progress": "0" if kept["ended"] is None else "100",
        "stage": "uploading" if kept["ended"] is None else "done",
    }
