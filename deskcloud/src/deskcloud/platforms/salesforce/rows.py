"""Insert and upsert rows of data extensions asynchronously. Report the status and the results of each request."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from deskcloud.document import DataExtension, MarketingCloud
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.salesforce import rules
from deskcloud.platforms.salesforce.errors import InvalidValueError, MissingFieldError
from deskcloud.platforms.state import State
from deskcloud.platforms.waiting import Waiting

INSERT, UPSERT = "insert", "upsert"
_DUPLICATE = "Violation of PRIMARY KEY constraint. Cannot insert duplicate key."


class Rows:
    """The rows of the data extensions. The rows of a request are visible once the request is processed."""

    def __init__(self, state: State, clock: Clock, settings: MarketingCloud) -> None:
        self._state, self._clock = state, clock
        self._extensions = {one.key: one for one in settings.data_extensions}
        self._waiting = Waiting(state, clock, settings.processing_seconds)

    def take(
        self, key: str, action: str, body: Any, fails: Callable[[int], bool], *, never_ends: bool
    ) -> dict[str, Any]:
        """Accept a request to insert or upsert rows, and return the response.

        Args:
            key: the data extension's external key.
            action: INSERT or UPSERT.
            body: the request's body.
            fails: takes the index of a row, and returns whether the row fails because of a planned fault.
            never_ends: if true, the status of the request stays Pending.

        Raises:
            MissingFieldError: the request has no items.
            InvalidValueError: there is no such data extension, there are too many items, an item is not an object, or
                the data extension has no primary key, which an upsert needs.
        """
        if key not in self._extensions:
            raise InvalidValueError(f"The data extension with the external key {key} is not found.")
        if action == UPSERT and not any(column.is_primary_key for column in self._extensions[key].columns):
            raise InvalidValueError("The data extension has no primary key, which an upsert needs.")
        items = body.get("items") if isinstance(body, dict) else None
        if not isinstance(items, list) or not items:
            raise MissingFieldError("items is required: an array of rows.")
        if len(items) > rules.MAX_ROWS:
            raise InvalidValueError(f"The request has {len(items)} rows; the maximum is {rules.MAX_ROWS}.")
        if not all(isinstance(one, dict) for one in items):
            raise InvalidValueError("Each of the items must be an object.")
        request_id = str(uuid.uuid4())
        failing = [index for index in range(len(items)) if fails(index)]
        with self._state.transaction():
            self._state.put(f"request:{request_id}", {"called": self._clock.now(), "completed": None, "results": []})
            work = {"id": request_id, "key": key, "action": action, "items": items, "failing": failing}
            self._waiting.add(work, never_ends=never_ends)
        return {"requestId": request_id, "resultMessages": []}

    def status(self, request_id: str) -> dict[str, Any]:
        """Return the status of a request. If there is no such request, the response has the message NotFound."""
        kept = self._request(request_id)
        if kept is None:
            return _not_found()
        has_errors = any(one["status"] == "Error" for one in kept["results"])
        status = {
            "requestId": request_id,
            "callDateTime": rules.central_time(kept["called"]),
            "hasErrors": has_errors,
            "requestStatus": "Pending",
        }
        if kept["completed"] is not None:
            done = rules.central_time(kept["completed"])
            status |= {"requestStatus": "Complete", "pickupDateTime": done, "completionDateTime": done}
            status["resultStatus"] = "Error" if has_errors else "OK"
        return {"requestId": str(uuid.uuid4()), "resultMessages": [], "status": status}

    def results(self, request_id: str, page: int, size: int) -> dict[str, Any]:
        """Return a page (from 1) of a request's results. There is one result for each row.

        If there is no such request, the response has the message NotFound.
        """
        kept = self._request(request_id)
        if kept is None:
            return _not_found()
        items = kept["results"][(page - 1) * size : page * size]
        found = {"page": page, "pageSize": size, "count": len(kept["results"]), "items": items}
        return {**found, "requestId": str(uuid.uuid4()), "resultMessages": []}

    def delete(self, key: str, row: Mapping[str, Any]) -> str:
        """Delete the row whose primary key is `row`. Return "", or the reason why the row cannot be deleted."""
        self.settle()
        extension = self._extensions.get(key)
        if extension is None:
            return f"The data extension with the external key {key} is not found."
        wanted = rules.named(extension, row)
        names = {column.name for column in extension.columns if column.is_primary_key}
        if not names or set(wanted) != names:
            return f"Give the primary key of the data extension: {', '.join(sorted(names)) or 'it has none'}."
        member = rules.key_of(extension, wanted)
        if not self._state.has_member(key, member):
            return "Concurrency violation: the DeleteCommand affected 0 of the expected 1 records."
        self._state.remove(key, [member])
        return ""

    def settle(self) -> None:
        """Process the requests whose delay has passed."""
        self._waiting.settle(self._process)

    def _request(self, request_id: str) -> dict[str, Any] | None:
        self.settle()
        return self._state.get(f"request:{request_id}")

    def _process(self, work: Mapping[str, Any]) -> None:
        extension, failing = self._extensions[work["key"]], set(work["failing"])
        rows: dict[str, dict[str, Any]] = {}
        results = []
        for index, item in enumerate(work["items"]):
            row = rules.named(extension, item)
            problem = self._problem(extension, row, rows, work["action"], is_planned=index in failing)
            if problem:
                results.append({"errorCode": problem[0], "message": problem[1], "status": "Error"})
                continue
            key = rules.key_of(extension, row) or f"{work['id']}/{index}"
            rows[key] = rows.get(key, {}) | row
            results.append({"message": "", "status": "OK"})
        self._state.add(work["key"], rows, self._clock.now())
        name = f"request:{work['id']}"
        kept = self._state.get(name) or {}
        self._state.put(name, kept | {"completed": self._clock.now(), "results": results})

    def _problem(
        self,
        extension: DataExtension,
        row: Mapping[str, Any],
        rows: Mapping[str, Any],
        action: str,
        *,
        is_planned: bool,
    ) -> tuple[str, str] | None:
        """Return the code and the text of a row's error, or None if the row is valid.

        `rows` maps primary keys to the earlier rows of the same request. `is_planned` means that a planned fault hits
        the row.
        """
        if is_planned:
            return "UnexpectedError", "A planned fault."
        if rule := rules.broken_rule(extension, row):
            return "InvalidValue", rule
        key = rules.key_of(extension, row)
        if action == INSERT and key and (key in rows or self._state.has_member(extension.key, key)):
            return "UnexpectedError", _DUPLICATE
        return None


def _not_found() -> dict[str, Any]:
    message = {"resultType": "Error", "resultCode": "NotFound", "message": "There is no such request."}
    return {"requestId": str(uuid.uuid4()), "resultMessages": [message]}
