r"""The types of settings that are numbers or texts, with the values that each type allows.

A pattern ends with \Z, because $ would also accept a text that ends with a line break. If a pattern is hard to read,
`description` says the rule in words. Error messages and the JSON Schema contain this description.
"""

from typing import Annotated

from msgspec import Meta, Struct

_HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?"
# A character of an event's name. Google Analytics allows no control characters in names.
_VISIBLE = "[!-~\u00a1-\u1fff\u2e80-\ud7ff]"

Share = Annotated[float, Meta(ge=0, le=1)]
Days = Annotated[int, Meta(ge=1, le=1000)]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}\Z",
        description="up to 128 letters, digits and underscores, beginning with no digit",
    ),
]
# The dataset of an export may begin with a digit: GA360 names the dataset after the number of the view.
Dataset = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_]{1,1024}\Z", description="up to 1024 letters, digits and underscores")
]
Salt = Annotated[
    str, Meta(pattern=r"^[!-~]{0,100}\Z", description="up to 100 visible ASCII characters, without spaces")
]
CampaignName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,62}\Z",
        description="up to 63 lower-case letters, digits and underscores, beginning with a letter",
    ),
]
Project = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]\Z",
        description="a project's id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter",
    ),
]
Bucket = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]\Z",
        description="a bucket's name: 3 to 63 lower-case letters, digits, dots, underscores and hyphens",
    ),
]
Region = Annotated[
    str, Meta(pattern=r"^[a-z]+-[a-z]+[0-9]+\Z", description="a Google Cloud region, as us-central1 is one")
]
Location = Annotated[
    str, Meta(pattern=r"^(US|EU|[a-z]+-[a-z]+[0-9]+)\Z", description="US, EU or a region, as europe-west3 is one")
]
ApiEndpoint = Annotated[
    str,
    Meta(
        pattern=rf"^((https://)?{_HOST}|http://(localhost|127[.]0[.]0[.]1)(:[0-9]{{1,5}})?)?\Z",
        description="empty, or a host as us-central1-aiplatform.googleapis.com is one, without a path; "
        "http:// on this machine only",
    ),
]
ModelId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z_][a-z0-9_-]{0,62}\Z",
        description="up to 63 lower-case letters, digits, underscores and hyphens, beginning with a letter",
    ),
]
EndpointId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}\Z",
        description="up to 63 lower-case letters, digits and hyphens, not beginning with a hyphen",
    ),
]
MachineType = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9]*-[a-z]+-[0-9]+[a-z]?\Z",
        description="a machine type of Vertex AI, as n1-standard-2 and c2-standard-8 are",
    ),
]
# An origin in the form that a browser sends: scheme and host, without a path and without a slash at the end.
Origin = Annotated[
    str,
    Meta(pattern=rf"^https?://{_HOST}\Z", description="an origin, as https://www.example.com is one, without a path"),
]
# Checks only the form of the name. `Source.zone` looks the zone up in the tz database.
TimeZone = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*\Z",
        description="a time zone of the tz database, as Europe/Paris is one",
    ),
]
EventName = Annotated[
    str,
    Meta(
        pattern=rf"^{_VISIBLE}+( {_VISIBLE}+)*\Z",
        description="purchase, the name of a GA4 event, or category/action of a GA360 event",
    ),
]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base class of the sections of the settings: unknown names are refused."""
