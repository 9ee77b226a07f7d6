"""Send a message through an SMTP relay (RFC 5321). The class of an error says whether the relay may have the message.

No error contains the relay's text, because a relay may repeat the recipient's address in it.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from contextlib import contextmanager, suppress
from email import policy
from email.utils import parseaddr
from typing import TYPE_CHECKING, NamedTuple

from shared.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from email.message import EmailMessage

    from shared.mail_settings import Mail

USER, PASSWORD = "MAIL_USER", "MAIL_PASSWORD"
# Time limit in seconds for each answer of the relay. It is less than a third of the timeout of message_customer.
SECONDS = 15.0


class Credentials(NamedTuple):
    """The user and the password of the relay."""

    user: str
    password: str


class RelayError(Exception):
    """The relay has certainly not accepted the message, and another attempt may succeed."""


class RefusedError(Exception):
    """The relay has refused the recipient or the message for good."""


class UnconfirmedError(Exception):
    """The connection broke while the message was sent, so the relay may have accepted it."""


def credentials(environment: Mapping[str, str] = os.environ) -> Credentials:
    """Return the relay's credentials from the environment variables that Secret Manager sets.

    Raises:
        SettingsError: a variable is missing.
    """
    found = Credentials(environment.get(USER, ""), environment.get(PASSWORD, ""))
    for name, value in zip((USER, PASSWORD), found, strict=True):
        if not value:
            raise SettingsError(f"{name} is not set: store the user and the password of the SMTP relay as secrets")
    return found


@contextmanager
def addressed(mail: Mail, known: Credentials, recipient: str) -> Iterator[Callable[[EmailMessage], None]]:
    """Connect to the relay, name sender and recipient, and yield a function that sends the message.

    Raises:
        RelayError: the relay cannot be reached, lacks encryption, refuses the credentials or the sender, or asks to
            come back later. The yielded function raises it if the relay asks to come back later.
        RefusedError: the relay refuses the recipient. The yielded function raises it if the relay refuses the message.
        UnconfirmedError: the connection broke in the yielded function.
    """
    client = _connected(mail, known)
    rules = policy.SMTP if recipient.isascii() else policy.SMTPUTF8

    def transmit(message: EmailMessage) -> None:
        try:
            code, _ = client.data(message.as_bytes(policy=rules))
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code
        except OSError as error:
            raise UnconfirmedError(type(error).__name__) from None
        if code >= 500:
            raise RefusedError(
                f"the relay answered {code} to the message: look for the reason in the relay's own log, e.g. a refused "
                "sender or content"
            )
        if code >= 400:
            raise RelayError(f"the relay answered {code} to the message: it asks to come back later")

    try:
        _address(client, mail, recipient)
        yield transmit
    finally:
        with suppress(OSError):
            client.quit()
        client.close()


def _address(client: smtplib.SMTP, mail: Mail, recipient: str) -> None:
    """Send the addresses of the sender and the recipient to the relay; see `addressed`."""
    # RFC 6531: an address with non-ASCII letters needs the extension SMTPUTF8 of SMTP.
    options = () if recipient.isascii() else ("SMTPUTF8",)
    try:
        of_sender, _ = client.mail(parseaddr(mail.sender)[1], options)
        of_recipient, _ = client.rcpt(recipient) if of_sender < 400 else (0, b"")
    except smtplib.SMTPNotSupportedError:
        raise RefusedError("the relay takes no address with letters beyond ASCII (SMTPUTF8)") from None
    except OSError as error:
        raise RelayError(f"{mail.relay} broke the connection ({type(error).__name__})") from None
    if of_sender >= 400:
        raise RelayError(f"the relay answered {of_sender} to the sender: check mail.sender and the relay's quota")
    if of_recipient >= 500:
        raise RefusedError(
            f"the relay answered {of_recipient} to the recipient: correct the address in crm_customers, or add the "
            "customer to suppressions"
        )
    if of_recipient >= 400:
        raise RelayError(f"the relay answered {of_recipient} to the recipient: it asks to come back later")


def _connected(mail: Mail, known: Credentials) -> smtplib.SMTP:
    host, _, port = mail.relay.rpartition(":")
    try:
        client = smtplib.SMTP(host, int(port), timeout=SECONDS)
    except OSError as error:
        raise RelayError(f"{mail.relay} does not answer ({type(error).__name__}): check mail.relay") from None
    try:
        if mail.starttls == "required":
            client.starttls(context=ssl.create_default_context())
        client.login(*known)
    except smtplib.SMTPAuthenticationError as error:
        client.close()
        raise RelayError(
            f"{mail.relay} refused the credentials ({error.smtp_code}): store the right ones in the secrets {USER} and "
            f"{PASSWORD}"
        ) from None
    except OSError as error:
        client.close()
        raise RelayError(
            f"{mail.relay} offers no STARTTLS or no AUTH, or broke the connection ({type(error).__name__}): use the "
            "relay's port for submission, usually 587"
        ) from None
    return client
