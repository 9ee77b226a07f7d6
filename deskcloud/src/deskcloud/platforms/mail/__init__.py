"""Serve an SMTP relay (RFC 5321, AUTH PLAIN), which keeps each message instead of sending it on."""

from deskcloud.platforms.mail.relay import Relay
from deskcloud.platforms.mail.rules import REFUSALS
from deskcloud.platforms.mail.server import serve

__all__ = ["REFUSALS", "Relay", "serve"]
