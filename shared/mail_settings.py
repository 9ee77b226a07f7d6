"""The settings of the e-mail that follows a checkout."""

from typing import Annotated, Literal

from msgspec import Meta

from shared.setting_types import Section

# All characters that a sender's name may contain: no control characters, and none with a meaning in an address header
# (RFC 5322).
_NAME = "[ !#-'*-+.-9=?A-Z^-~\u00a1-\u1fff-]"
_MAILBOX = "[!#-'*+/-9=?A-Z^-~.-]+@[a-z0-9.-]+"

Relay = Annotated[
    str,
    Meta(
        pattern=r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?:[0-9]{1,5})?\Z",
        description="empty, or host and port of an SMTP relay, as smtp.example.com:587 are",
    ),
]
Sender = Annotated[
    str,
    Meta(
        pattern=rf"^({_NAME}{{1,60}} <{_MAILBOX}>|{_MAILBOX})?\Z",
        description="empty, or an address with or without a name, as Shop <hello@shop.example> is one",
    ),
]
Template = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,62}\Z",
        description="up to 63 lower-case letters, digits and underscores, beginning with a letter",
    ),
]
Unsubscribe = Annotated[
    str,
    Meta(
        pattern=r"^((https://|mailto:)[!-;=?-~]{1,500})?\Z",
        description="empty, or an address that begins with https:// or mailto:",
    ),
]
Hour = Annotated[int, Meta(ge=0, le=23)]


class Mail(Section, frozen=True):
    """The e-mail that follows a checkout. The relay's credentials are the secrets MAIL_USER and MAIL_PASSWORD."""

    mode: Literal["off", "on"] = "off"
    relay: Relay = ""
    # Whether the connection must be encrypted before the password is sent. Use `off` only for a relay in your own
    # network.
    starttls: Literal["required", "off"] = "required"
    sender: Sender = ""
    # A customer gets at most `most` messages in `per_days` days.
    most: Annotated[int, Meta(ge=1, le=100)] = 1
    per_days: Annotated[int, Meta(ge=1, le=90)] = 7
    # No message is sent from the hour `quiet_from` until `quiet_until`, in the time zone source.time_zone. If both
    # hours are equal, there are no quiet hours.
    quiet_from: Hour = 21
    quiet_until: Hour = 8
    # The message is made from the files shared/messages/templates/TEMPLATE.*.jinja.
    template: Template = "checkout"
    # URL of the page where a customer unsubscribes. The message has the URL in a header and as a link. If the URL is
    # empty, the header and the link are left out.
    unsubscribe: Unsubscribe = ""
