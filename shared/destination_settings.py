"""The settings of the destinations, a section each."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from shared.setting_types import ApiEndpoint, Section

Digits = Annotated[str, Meta(pattern=r"^[0-9]{0,20}\Z", description="up to 20 digits, without hyphens")]
GraphVersion = Annotated[
    str, Meta(pattern=r"^v[0-9]{1,3}[.][0-9]\Z", description="a version of the Graph API, as v26.0 is one")
]
Channel = Literal["ads", "email"]


class Destination(Section, frozen=True):
    """Which changes of members are sent.

    `off` sends nothing. `replace` adds, updates and removes members, `add` removes nobody who only left the audience,
    and `update` sends changes of members who are there. Whoever may no longer be there is removed in each of these.
    """

    mode: Literal["off", "replace", "add", "update"] = "off"


class Files(Destination, frozen=True):
    """CSV files in the bucket, one for each request."""

    # Whoever is excluded from this channel is left out.
    channel: Channel = "email"


class Topic(Destination, frozen=True):
    """Messages to the topic audience-members, one for each request."""

    # Whoever is excluded from this channel is left out.
    channel: Channel = "email"


class GoogleAds(Destination, frozen=True):
    """A Customer Match list of Google Ads, through the Data Manager API."""

    # The account of the list, and the list's id.
    account: Digits = ""
    user_list: Digits = ""
    # The account through which the service account has access, e.g. a manager account; empty means `account`.
    login_account: Digits = ""
    # URL of the Data Manager API; empty means Google's.
    api_endpoint: ApiEndpoint = ""


class MetaAds(Destination, frozen=True):
    """A Custom Audience of Meta. Its access token is the secret META_ACCESS_TOKEN."""

    # The audience's id.
    audience: Digits = ""
    version: GraphVersion = "v26.0"
    # URL of the Graph API; empty means Meta's.
    api_endpoint: ApiEndpoint = ""


# The sections of the settings that are destinations.
DESTINATIONS = ("files", "topic", "google_ads", "meta")


def switched_on(settings: Any) -> list[str]:
    """Return the names of the destinations whose mode is not off."""
    return [name for name in DESTINATIONS if getattr(settings, name).mode != "off"]
