"""Serve Google's Data Manager API, which changes the members of Customer Match lists in Google Ads."""

from deskcloud.platforms.datamanager.audiences import Audiences
from deskcloud.platforms.datamanager.routes import REFUSALS, create_app

__all__ = ["REFUSALS", "Audiences", "create_app"]
