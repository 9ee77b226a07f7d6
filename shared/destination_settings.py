"""The settings of the destinations, one section each."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from shared.setting_types import ApiEndpoint, Section

Digits = Annotated[str, Meta(pattern=r"^[0-9]{0,20}\Z", description="up to 20 digits, without hyphens")]
GraphVersion = Annotated[
    str, Meta(pattern=r"^v[0-9]{1,3}[.][0-9]\Z", description="a version of the Graph API, as v26.0 is one")
]
Subdomain = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9-]{0,63}\Z",
        description="up to 63 lower-case letters, digits and hyphens: the part of the URLs before "
        ".rest.marketingcloudapis.com",
    ),
]
ExternalKey = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9_.-]([A-Za-z0-9_. -]{0,198}[A-Za-z0-9_.-])?)?\Z",
        description="up to 200 letters, digits, hyphens, underscores, dots and inner spaces",
    ),
]
Channel = Literal["ads", "email"]


class Destination(Section, frozen=True):
    """The setting `mode` of a destination: it decides which changes of members are sent.

    `off` sends nothing. `replace` adds new members, updates changed members, and removes members who left the audience.
    `add` adds and updates members, but keeps members who left the audience. `update` only updates members who are
    already at the destination. `replace`, `add` and `update` all remove members who may no longer be reached.
    """

    mode: Literal["off", "replace", "add", "update"] = "off"


class Files(Destination, frozen=True):
    """CSV files in the bucket, one per request."""

    # Customers who are excluded from this channel are left out.
    channel: Channel = "email"


class Topic(Destination, frozen=True):
    """Messages to the topic audience-members, one per request."""

    # Customers who are excluded from this channel are left out.
    channel: Channel = "email"


class GoogleAds(Destination, frozen=True):
    """A Customer Match list of Google Ads, through the Data Manager API."""

    # The id of the Google Ads account that owns the list, and the id of the list.
    account: Digits = ""
    user_list: Digits = ""
    # The account through which the service account has access, e.g. a manager account; empty means `account`.
    login_account: Digits = ""
    # URL of the Data Manager API; empty means Google's.
    api_endpoint: ApiEndpoint = ""


class MetaAds(Destination, frozen=True):
    """A Custom Audience of Meta. Its access token is the secret META_ACCESS_TOKEN."""

    # The id of the Custom Audience.
    audience: Digits = ""
    version: GraphVersion = "v26.0"
    # URL of the Graph API; empty means Meta's.
    api_endpoint: ApiEndpoint = ""


class Salesforce(Destination, frozen=True):
    """A data extension of Salesforce Marketing Cloud.

    The credentials of an installed package are the secrets SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET.
    """

    # The tenant's subdomain, and the external key of the data extension.
    subdomain: Subdomain = ""
    data_extension: ExternalKey = ""
    # The business unit (MID) that has the data extension; empty means the unit of the installed package.
    business_unit: Digits = ""
    # URL for access tokens; empty means Salesforce's. The answer with a token contains the URLs for all other requests.
    api_endpoint: ApiEndpoint = ""


# The names of the settings' sections that configure a destination.
DESTINATIONS = ("files", "topic", "google_ads", "meta", "salesforce")


def switched_on(settings: Any) -> list[str]:
    """Return the names of the destinations whose mode is not off."""
    return [name for name in DESTINATIONS if getattr(settings, name).mode != "off"]
