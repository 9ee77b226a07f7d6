"""The content of a message: the templates of shared/messages/templates, filled in for a customer.

TEMPLATE.subject.jinja   the subject
TEMPLATE.txt.jinja       the message as plain text
TEMPLATE.html.jinja      the same as HTML, in which values are escaped
TEMPLATE.fr.txt.jinja    the plain text in French; a language without such files uses the files above
"""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplatesNotFound, select_autoescape

from shared.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from shared.mail_settings import Mail

_TEMPLATES = Path(__file__).parent / "templates"
_JINJA = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=select_autoescape(enabled_extensions=("html.jinja",), default=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


class Rendered(NamedTuple):
    """A message's subject, plain text and HTML."""

    subject: str
    text: str
    html: str


def render(mail: Mail, language: str, first_name: str, products: Sequence[str], offer: str) -> Rendered:
    """Return the message from the template `mail.template`, in `language` if the template has files for this language.

    `first_name` may be empty, `language` is a BCP 47 tag or empty, and `offer` is coupon or full_price.

    Raises:
        Permanent: there is no such template.
    """
    values = {"first_name": first_name, "products": products, "offer": offer, "unsubscribe": mail.unsubscribe}
    subject, text, html = (_filled(mail.template, language, part, values) for part in ("subject", "txt", "html"))
    return Rendered(" ".join(subject.split()), text, html)


def _filled(template: str, language: str, part: str, values: Mapping[str, object]) -> str:
    try:
        found = _JINJA.select_template([f"{name}.{part}.jinja" for name in _names(template, language)])
    except TemplatesNotFound:
        known = sorted({path.name.split(".")[0] for path in _TEMPLATES.glob("*.subject.jinja")})
        raise Permanent(
            f"mail.template is {template}, and shared/messages/templates has no {template}.{part}.jinja: name one of "
            f"{', '.join(known)}, or add the file"
        ) from None
    return found.render(values)


def _names(template: str, language: str) -> Iterator[str]:
    """Yield the possible names of a template's files, e.g. TEMPLATE.fr-ca, TEMPLATE.fr and TEMPLATE for fr-CA."""
    tag = language.lower()
    if tag:
        yield f"{template}.{tag}"
        yield f"{template}.{tag.partition('-')[0]}"
    yield template


def compose(mail: Mail, recipient: str, rendered: Rendered, name: str, now: datetime) -> EmailMessage:
    """Return the message with plain text and HTML.

    `name` identifies the message, and becomes part of its Message-ID.
    """
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, recipient, rendered.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{name}@{mail.sender.rpartition('@')[2].rstrip('>')}>"
    if mail.unsubscribe:
        message["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message
