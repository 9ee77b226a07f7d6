"""Accept messages by SMTP, and keep them instead of sending them on."""

import email
import email.policy
import secrets
from typing import TYPE_CHECKING, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from deskcloud.document import MailRelay
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.faults import Plan
from deskcloud.platforms.mail import rules
from deskcloud.platforms.state import State
from deskcloud.web import resets

if TYPE_CHECKING:
    import asyncio

LIST = "messages"
"""The name of the list of accepted Message-IDs in the state. If a message is accepted again, it counts as an update."""


class Relay:
    """Handles the commands for aiosmtpd, which calls the methods `handle_...`."""

    def __init__(self, state: State, clock: Clock, plan: Plan, settings: MailRelay, login: LoginPassword) -> None:
        """Keep messages in `state`. `login` has the name and the password of the only user."""
        self._state, self._clock, self._plan, self._settings, self._login = state, clock, plan, settings, login

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _name: str, given: object
    ) -> AuthResult:
        """Check the user's name and password. If a fault is planned for AUTH, refuse the login."""
        fault = self._plan.take("AUTH", is_named=True)
        is_known = (
            isinstance(given, LoginPassword)
            and secrets.compare_digest(given.login, self._login.login)
            and secrets.compare_digest(given.password, self._login.password)
        )
        is_admitted = is_known and fault is None
        self._state.record("AUTH", 235 if is_admitted else 535, fault.kind if fault else "")
        return AuthResult(success=is_admitted, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept the sender of a message, if the client has authenticated itself."""
        if not session.authenticated:
            return rules.AUTHENTICATION_REQUIRED
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return rules.ACCEPTED

    async def handle_RCPT(  # noqa: N802 - as above
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient, unless the relay's settings list it as refused or deferred."""
        for answer, addresses in (
            (rules.REFUSED_RECIPIENT, self._settings.refused_recipients),
            (rules.DEFERRED_RECIPIENT, self._settings.deferred_recipients),
        ):
            if address in addresses:
                self._state.record("RCPT", int(answer[:3]), "")
                return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return rules.ACCEPTED

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep a message. A message that meets a planned fault is kept only if the fault is `reset_after`."""
        fault = self._plan.take("DATA")
        kind = fault.kind if fault else ""
        answer = rules.REFUSALS.get(kind, rules.ACCEPTED)
        if answer == rules.ACCEPTED and kind != "reset_before":
            self._keep(envelope)
        if kind.startswith("reset"):
            resets.reset(cast("asyncio.Transport", server.transport))
        self._state.record("DATA", 0 if kind == "reset_before" else int(answer[:3]), kind)
        return answer

    def _keep(self, envelope: Envelope) -> None:
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        with self._state.transaction():
            number = (self._state.get("accepted") or {"count": 0})["count"] + 1
            self._state.put("accepted", {"count": number})
            message_id = str(parsed.get("Message-ID", "")) or f"<{number}@without-id>"
            message = {
                "at": self._clock.now(),
                "message_id": message_id,
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "subject": str(parsed.get("Subject", "")),
                "content": content.decode(errors="replace"),
            }
            self._state.put(f"message:{number:012}", message)
            self._state.add(LIST, {message_id: {}}, self._clock.now())
