"""Accept requests that change user lists, process them after a delay, and report their status."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from deskcloud.document import DataManager
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.datamanager import rules, wire
from deskcloud.platforms.datamanager.errors import InvalidArgumentError, UnimplementedError, Violation
from deskcloud.platforms.state import State
from deskcloud.platforms.waiting import Waiting

_STATUSES = {
    "ingest": ("audienceMembersIngestionStatus", "IngestionStatus"),
    "remove": ("audienceMembersRemovalStatus", "RemovalStatus"),
}
_COUNTS = {
    "userData": "userIdentifierCount",
    "mobileData": "mobileIdCount",
    "userIdData": "userIdCount",
}
_DENIED, _INTERNAL = "PROCESSING_ERROR_REASON_DENIED_CONSENT", "PROCESSING_ERROR_REASON_INTERNAL_ERROR"
# The status of a request can be read for 50 days. Source: REQUEST_TOO_OLD in
# https://developers.google.com/data-manager/api/reference/rest/v1/ErrorReason
_KEPT_DAYS = 50

type Fails = Callable[[int], bool]


class Audiences:
    """The user lists of the accounts. A request's changes are visible once the request is processed."""

    def __init__(self, state: State, clock: Clock, settings: DataManager) -> None:
        self._state, self._clock = state, clock
        self._waiting = Waiting(state, clock, settings.processing_seconds)
        self._lists = {(account.id, one) for account in settings.accounts for one in account.user_lists}

    def change(self, action: str, body: Mapping[str, Any], fails: Fails, *, never_ends: bool) -> dict[str, Any]:
        """Accept a request to add or remove members, and return the response.

        Args:
            action: `ingest` or `remove`.
            body: the request's body.
            fails: takes the index of a member, and returns whether the processing of this member will fail.
            never_ends: if true, the request's status stays PROCESSING, and the members are not processed.

        Raises:
            InvalidArgumentError: the request violates a rule.
            UnimplementedError: the identifiers are encrypted.
        """
        if body.get("encryptionInfo"):
            raise UnimplementedError("The local Data Manager cannot decrypt identifiers.")
        encoding = body.get("encoding", "")
        reader = rules.Reader(encoding if encoding in {"HEX", "BASE64"} else "")
        self._check(body, reader, [*rules.member_problems(body)])
        if action == "ingest":
            reader.violations += rules.terms_problems(body)
        records = _records(body, reader, fails, needs_consent=action == "ingest")
        if reader.violations:
            raise InvalidArgumentError(reader.violations)
        request_id = str(uuid.uuid4())
        kind = next(kind for kind in rules.KINDS if kind in body["audienceMembers"][0])
        if not body.get("validateOnly"):
            work = {"records": records, "kind": kind}
            self._keep(request_id, action, body["destinations"], work, never_ends=never_ends)
        return {"requestId": request_id} | ({"fieldWarnings": reader.warnings} if reader.warnings else {})

    def remove_all(self, body: Mapping[str, Any], *, never_ends: bool) -> dict[str, Any]:
        """Accept a request to remove the members that were last added before `removeAsOfTime`. Return the response.

        Raises:
            InvalidArgumentError: the request violates a rule.
        """
        reader = rules.Reader()
        self._check(body, reader, [])
        now = self._clock.now()
        before = wire.seconds(body["removeAsOfTime"]) if body.get("removeAsOfTime") else now
        if before > now:
            reader.refuse("remove_as_of_time", "The time is in the future.", "INVALID_REMOVE_AS_OF_TIME")
        if reader.violations:
            raise InvalidArgumentError(reader.violations)
        request_id = str(uuid.uuid4())
        if not body.get("validateOnly"):
            self._keep(request_id, "removeAll", body["destinations"], {"before": before}, never_ends=never_ends)
        return {"requestId": request_id}

    def status(self, request_id: str) -> dict[str, Any]:
        """Return the status of a request, for each of its destinations.

        Raises:
            InvalidArgumentError: there is no such request, or the request is older than 50 days.
        """
        self.settle()
        kept = self._state.get(f"request:{request_id}")
        if kept is None:
            raise InvalidArgumentError([Violation("request_id", "There is no such request.", "INVALID_REQUEST_ID")])
        if kept["at"] < self._clock.now() - _KEPT_DAYS * 86_400:
            raise InvalidArgumentError([Violation("request_id", "The request is too old.", "REQUEST_TOO_OLD")])
        return {"requestStatusPerDestination": [_status(kept, one) for one in kept["destinations"]]}

    def settle(self) -> None:
        """Process the requests whose delay has passed."""
        self._waiting.settle(self._process)

    def _check(self, body: Mapping[str, Any], reader: rules.Reader, problems: list[Violation]) -> None:
        destinations = body.get("destinations", [])
        reader.violations += rules.destination_problems(destinations, lambda *names: names in self._lists)
        reader.violations += problems

    def _keep(
        self, request_id: str, action: str, destinations: list[Any], work: Mapping[str, Any], *, never_ends: bool
    ) -> None:
        kept = {"action": action, "at": self._clock.now(), "destinations": destinations, "is_processed": False, **work}
        with self._state.transaction():
            self._state.put(f"request:{request_id}", kept)
            self._waiting.add({"id": request_id}, never_ends=never_ends)

    def _process(self, work: Mapping[str, Any]) -> None:
        name = f"request:{work['id']}"
        kept = self._state.get(name) or {}
        for destination in kept["destinations"]:
            self._change(kept, destination)
        self._state.put(name, kept | {"is_processed": True})

    def _change(self, kept: Mapping[str, Any], destination: Mapping[str, Any]) -> None:
        name = f"{destination['operatingAccount']['accountId']}/{destination['productDestinationId']}"
        if kept["action"] == "removeAll":
            self._state.remove_older(name, kept["before"])
            return
        records = [one for one in _addressed(kept, destination) if one["reason"] is None]
        identifiers = [one for record in records for one in record["identifiers"]]
        if kept["action"] == "ingest":
            self._state.add(name, {one: {} for one in identifiers}, kept["at"])
        else:
            self._state.remove(name, identifiers)


def _records(
    body: Mapping[str, Any], reader: rules.Reader, fails: Fails, *, needs_consent: bool
) -> list[dict[str, Any]]:
    """Return a record for each member of the request. Leave out members without data of a supported kind.

    A record has the member's identifiers and the member's references to destinations. `reason` says why the processing
    of the member will fail, or is None.
    """
    records = []
    for index, one in enumerate(body.get("audienceMembers", [])):
        if any(kind in one for kind in rules.KINDS):
            is_denied = needs_consent and rules.is_denied(one, body)
            reason = _DENIED if is_denied else _INTERNAL if fails(index) else None
            identifiers = reader.identifiers(one, f"audience_members[{index}]")
            references = one.get("destinationReferences", [])
            records.append({"identifiers": identifiers, "references": references, "reason": reason})
    return records


def _addressed(kept: Mapping[str, Any], destination: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the records that refer to the destination, and the records that refer to no destination."""
    reference = destination.get("reference")
    return [one for one in kept["records"] if not one["references"] or reference in one["references"]]


def _status(kept: Mapping[str, Any], destination: Mapping[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = {"destination": destination}
    if not kept["is_processed"]:
        return status | {"requestStatus": "PROCESSING"}
    if kept["action"] == "removeAll":
        return status | {"requestStatus": "SUCCESS", "removeAllAudienceMembersStatus": {}}
    records = _addressed(kept, destination)
    failed: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        if record["reason"]:
            failed.setdefault(record["reason"], []).append(index)
    count = sum(map(len, failed.values()))
    status["requestStatus"] = "SUCCESS" if not count else "FAILED" if count == len(records) else "PARTIAL_SUCCESS"
    if failed:
        counts = [
            {"reason": reason, "recordCount": str(len(indices)), "recordIndices": indices}
            for reason, indices in failed.items()
        ]
        status["errorInfo"] = {"errorCounts": counts}
    outer, suffix = _STATUSES[kept["action"]]
    return status | {outer: {f"{kept['kind']}{suffix}": _counts(kept["kind"], records, kept["action"])}}


def _counts(kind: str, records: list[dict[str, Any]], action: str) -> dict[str, Any]:
    identifiers = [one for record in records for one in record["identifiers"]]
    counts: dict[str, Any] = {"recordCount": str(len(records))}
    if kind == "compositeData":
        types = {"emailAddress": "EMAIL", "phoneNumber": "PHONE_NUMBER", "address": "ADDRESS"}
        by_type = {name: sum(one.startswith(f"{prefix}:") for one in identifiers) for prefix, name in types.items()}
        counts["dataTypeCounts"] = [{"type": name, "count": str(count)} for name, count in by_type.items() if count]
    else:
        counts[_COUNTS[kind]] = str(len(identifiers))
    if action == "ingest" and kind in {"userData", "compositeData"}:
        # There is no match rate, because a local service has no users to match.
        counts["uploadMatchRateRange"] = "MATCH_RATE_RANGE_NOT_ELIGIBLE"
    return counts
