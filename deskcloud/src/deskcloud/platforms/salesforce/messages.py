"""Accept transactional e-mail. A message's key must differ from the keys of all messages of the last two days."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from deskcloud.document import MarketingCloud
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.salesforce import rules
from deskcloud.platforms.salesforce.errors import NotFoundError
from deskcloud.platforms.state import State

_EVENTS = "TransactionalSendEvents."
# Codes and texts of errors:
# https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/transactional-send-response.html
_ERRORS = {
    109101: "MCMS_UTM_Validation_TooManySubscribers",
    109102: "MCMS_UTM_Validation_NoSubscribers",
    109105: "MCMS_UTM_Validation_MissingRequiredField_subscriberKey",
    109106: "MCMS_UTM_Validation_MissingRequiredField_to",
    109107: "MCMS_UTM_Validation_MissingRequiredField_definitionKey",
    109108: "MCMS_UTM_Validation_InvalidValue_messageKey",
    109110: "MCMS_UTM_Validation_DuplicateMessageKey",
    109111: "MCMS_UTM_Validation_InvalidValue_definitionKey",
    109121: "MCMS_UTM_Validation_InvalidValue_to",
}
_HAS_ERRORS, _PLANNED = 109001, 30000
# Statuses of messages:
# https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/transactional-send-subscriber.html
_HELD = {"statusCode": 2, "statusMessage": "Held"}

type Answer = tuple[int, dict[str, Any]]


class Messages:
    """The accepted messages. The status of a message is Queued until its delay has passed, and then Sent or NotSent."""

    def __init__(self, state: State, clock: Clock, settings: MarketingCloud) -> None:
        self._state, self._clock, self._settings = state, clock, settings

    def send_one(self, key: str, body: Any, *, never_ends: bool) -> Answer:
        """Accept a message to one recipient. Return the HTTP status and the response."""
        recipient = body.get("recipient") if isinstance(body, dict) else None
        if not isinstance(recipient, dict):
            return _refused(109102)
        return self._send(body, [{**recipient, "messageKey": key}], lambda _: False, never_ends=never_ends)

    def send_many(self, body: Any, fails: Callable[[int], bool], *, never_ends: bool) -> Answer:
        """Accept messages to several recipients. `fails(index)` says whether a planned fault refuses the recipient."""
        recipients = body.get("recipients") if isinstance(body, dict) else None
        if not isinstance(recipients, list) or not all(isinstance(one, dict) for one in recipients) or not recipients:
            return _refused(109102)
        if len(recipients) > rules.MAX_RECIPIENTS:
            return _refused(109101)
        keyed = [{"messageKey": str(uuid.uuid4()), **one} for one in recipients]
        return self._send(body, keyed, fails, never_ends=never_ends)

    def status(self, key: str) -> dict[str, Any]:
        """Return the status of the newest message with the key.

        Raises:
            NotFoundError: no message of the last 3 days has the key.
        """
        kept = self._state.get(f"key:{key}")
        if kept is None or kept["at"] <= self._clock.now() - rules.STATUS_SECONDS:
            raise NotFoundError("No message of the last 3 days has this messageKey.")
        message = self._state.get(kept["message"]) or {}
        event, reason = self._event(message)
        info = {name: message[name] for name in ("messageKey", "contactKey", "to")} | reason
        return {
            "requestId": str(uuid.uuid4()),
            "eventCategoryType": f"{_EVENTS}{event}",
            "timestamp": rules.central_time(message["at"]),
            "compositeId": message["compositeId"],
            "info": info,
        }

    def _event(self, message: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        due = message["at"] + self._settings.processing_seconds
        if message["never_ends"] or self._clock.now() < due:
            return "EmailQueued", {}
        if message["to"] in self._settings.refused_recipients:
            return "EmailNotSent", _HELD
        return "EmailSent", {}

    def _send(
        self,
        body: Mapping[str, Any],
        recipients: list[dict[str, Any]],
        fails: Callable[[int], bool],
        *,
        never_ends: bool,
    ) -> Answer:
        definition = body.get("definitionKey")
        if definition not in self._settings.send_definitions:
            return _refused(109111 if definition else 109107)
        responses: list[dict[str, Any]] = []
        with self._state.transaction():
            for index, one in enumerate(recipients):
                problem = _PLANNED if fails(index) else self._problem(one)
                response = {"messageKey": one["messageKey"]}
                if problem:
                    message = f"{_ERRORS.get(problem, 'A planned fault')}: Invalid subscriber"
                    response |= {"errorcode": problem, "message": message}
                else:
                    self._keep(one, str(definition), never_ends=never_ends)
                responses.append(response)
        failed = sum("errorcode" in one for one in responses)
        answer: dict[str, Any] = {"requestId": str(uuid.uuid4()), "errorcode": _HAS_ERRORS if failed else 0}
        if failed:
            total = len(responses)
            answer["message"] = f"MCMS_UTM_ResponsesHasErrors: {failed} subscribers failed to queue out of {total}"
        # Salesforce's pages show status 202 if one of two recipients fails. They do not say (UNVERIFIED) which status
        # there is if all recipients fail. Here, it is 400.
        return (400 if failed == len(responses) else 202), {**answer, "responses": responses}

    def _problem(self, recipient: Mapping[str, Any]) -> int:
        """Return Marketing Cloud's code for the rule that a recipient violates, or 0 if no rule is violated."""
        key = str(recipient["messageKey"])
        if not recipient.get("contactKey"):
            return 109105
        if not rules.is_email(recipient.get("to")):
            return 109121 if recipient.get("to") else 109106
        if not 0 < len(key) <= rules.MAX_KEY_CHARACTERS:
            return 109108
        kept = self._state.get(f"key:{key}")
        return 109110 if kept and kept["at"] > self._clock.now() - rules.UNIQUE_SECONDS else 0

    def _keep(self, recipient: Mapping[str, Any], definition: str, *, never_ends: bool) -> None:
        number = (self._state.get("sent") or {"count": 0})["count"] + 1
        self._state.put("sent", {"count": number})
        at, name = self._clock.now(), f"message:{number:012}"
        message = {
            **{field: recipient[field] for field in ("messageKey", "contactKey", "to")},
            "attributes": recipient.get("attributes", {}),
            "definitionKey": definition,
            "compositeId": f"{number}.1.1",
            "at": at,
            "never_ends": never_ends,
        }
        self._state.put(name, message)
        self._state.put(f"key:{recipient['messageKey']}", {"message": name, "at": at})


def _refused(code: int) -> Answer:
    return 400, {"requestId": str(uuid.uuid4()), "errorcode": code, "message": _ERRORS[code]}
