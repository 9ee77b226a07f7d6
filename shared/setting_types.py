r"""The types of settings that are numbers or texts: which values each may have.

A pattern ends with \Z, because $ would accept a line end behind the text. Where a pattern does not explain itself,
`description` says the rule in words: in errors, and in the JSON Schema.
"""

from typing import Annotated

from msgspec import Meta

_HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?"
# No control characters, which Google Analytics keeps out of names.
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
# An export's dataset may begin with a digit: GA360 names it by the number of its view.
Dataset = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_]{1,1024}\Z", description="up to 1024 letters, digits and underscores")
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
# As a browser writes it: scheme and host, no path and no slash behind it.
Origin = Annotated[
    str,
    Meta(pattern=rf"^https?://{_HOST}\Z", description="an origin, as https://www.example.com is one, without a path"),
]
# The form of a name; whether there is such a zone, the tz database says.
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
