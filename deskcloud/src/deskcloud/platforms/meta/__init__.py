"""Serve Meta's Graph API for the members of Custom Audiences."""

from deskcloud.platforms.meta.audiences import Audiences
from deskcloud.platforms.meta.routes import create_app, refusals
from deskcloud.platforms.meta.rules import VERSIONS

__all__ = ["VERSIONS", "Audiences", "create_app", "refusals"]
