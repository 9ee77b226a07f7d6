"""The document that declares a local cloud: all of its resources and settings.

The resources are e.g. datasets, topics and functions. The settings are e.g. the delays, quotas and planned faults of
the platforms. `deskcloud schema` prints the document's JSON schema.

As in Terraform, names are short. For example, a topic is `orders` and not `projects/P/topics/orders`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

type Name = Annotated[str, Meta(min_length=1)]
type Seconds = Annotated[float, Meta(ge=0)]
type Count = Annotated[int, Meta(ge=1)]


class _Part(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the document. A field with an unknown name is an error."""


class Column(_Part, frozen=True):
    """A column of a table. `type` is a BigQuery type. Only a RECORD has `fields`."""

    name: Name
    type: Name
    description: str = ""
    required: bool = False
    repeated: bool = False
    fields: tuple["Column", ...] = ()


class Table(_Part, frozen=True):
    """A table, or a view if it has a `query`.

    If `partition` names a column, each day of this column is a partition. A partition expires after `expiration_days`.
    """

    name: Name
    description: str = ""
    columns: tuple[Column, ...] = ()
    partition: str | None = None
    cluster: tuple[str, ...] = ()
    expiration_days: int | None = None
    query: str | None = None


class Dataset(_Part, frozen=True):
    """A dataset with its tables."""

    name: Name
    location: str = "US"
    tables: tuple[Table, ...] = ()


class Subscription(_Part, frozen=True):
    """A push subscription for a function that the document declares. Times are in seconds.

    If `dead_letters` names a topic, a message goes to this topic after `max_delivery_attempts` failed deliveries.
    """

    name: Name
    topic: Name
    function: Name
    ack_deadline_seconds: Annotated[int, Meta(ge=10, le=600)] = 60
    minimum_backoff_seconds: float = 10.0
    maximum_backoff_seconds: float = 600.0
    dead_letters: str | None = None
    max_delivery_attempts: Annotated[int, Meta(ge=1)] = 5


class Sink(_Part, frozen=True):
    """A log sink. Entries that match `filter` go to `topic`, or to a table in `dataset`.

    The table of an entry has the name of the entry's log.
    """

    name: Name
    filter: str
    topic: str | None = None
    dataset: str | None = None


class Schedule(_Part, frozen=True):
    """A job of Cloud Scheduler, which publishes `body` to `topic` at the times of the cron expression."""

    name: Name
    cron: Name
    topic: Name
    time_zone: str = "UTC"
    body: dict[str, Any] = {}


class Function(_Part, frozen=True):
    """A function. `name` is the name of its entry point in the source file.

    If `http` is true, anyone on this machine may call the function. Otherwise, a caller needs the secret that Pub/Sub's
    pushes contain. `origins` are the origins of web pages that may call the function from a browser.
    """

    name: Name
    http: bool = False
    origins: tuple[str, ...] = ()


class Functions(_Part, frozen=True):
    """The functions of one source file, which functions-framework serves.

    `environment` holds environment variables. Their values may contain `${BIGQUERY_URL}`, `${STORAGE_URL}`,
    `${PUBSUB_HOST}`, `${VERTEX_URL}`, `${LOGGING_URL}` and, for the platforms that run, the variables of
    docs/platforms.md. These placeholders are replaced by the addresses and credentials of the services. Google's
    clients find the services without them.

    Each name in `secrets` becomes an environment variable with a random value. The value is created once and stored in
    the state folder.

    The modules in `warm_up` are imported before the first request.
    """

    source: Name
    entry_points: tuple[Function, ...]
    environment: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    warm_up: tuple[str, ...] = ()


class Endpoint(_Part, frozen=True):
    """An endpoint of Vertex AI."""

    name: Name
    region: Name


type FaultKind = Literal[
    "reset_before",
    "reset_after",
    "too_many_requests",
    "blocked",
    "server_error",
    "expired_token",
    "permission_denied",
    "partial_failure",
    "never_ends",
]


class Fault(_Part, frozen=True):
    """A planned fault of a platform. The admin API can also plan faults. docs/platforms.md describes each kind.

    The fault concerns requests whose text, such as `POST /v1/audienceMembers:ingest`, begins with `request`. If
    `request` is empty, the fault concerns all requests except reads and logins. The first `after` of these requests
    are answered normally, and the next `times` requests meet the fault. With the kind `partial_failure`, every
    `every`-th record of a request fails.
    """

    kind: FaultKind
    request: str = ""
    after: Annotated[int, Meta(ge=0)] = 0
    times: Count = 1
    every: Count = 1


class GoogleAdsAccount(_Part, frozen=True):
    """An account of Google Ads with the ids of its Customer Match lists."""

    id: Name
    user_lists: tuple[Name, ...] = ()


class DataManager(_Part, frozen=True):
    """Google's Data Manager API. Each request has the status PROCESSING for `processing_seconds`."""

    accounts: tuple[GoogleAdsAccount, ...]
    processing_seconds: Seconds = 1.0
    requests_per_minute: Count = 300
    faults: tuple[Fault, ...] = ()


class AdAccount(_Part, frozen=True):
    """Meta's Custom Audiences of one ad account. The audiences that are also in `flagged` cannot be updated."""

    id: Name
    audiences: tuple[Name, ...]
    flagged: tuple[Name, ...] = ()
    processing_seconds: Seconds = 1.0
    calls_per_hour: Count = 5_000
    faults: tuple[Fault, ...] = ()


class ExtensionColumn(_Part, frozen=True):
    """A column of a data extension. The columns with `is_primary_key` together identify a row."""

    name: Name
    type: Literal["Text", "EmailAddress", "Phone", "Number", "Decimal", "Date", "Boolean"] = "Text"
    max_length: Count | None = None
    is_primary_key: bool = False
    is_required: bool = False


class DataExtension(_Part, frozen=True):
    """A data extension of Marketing Cloud, with its external key."""

    key: Name
    columns: tuple[ExtensionColumn, ...]


class MarketingCloud(_Part, frozen=True):
    """Salesforce Marketing Cloud. `send_definitions` are the keys of active send definitions for transactional e-mail.

    E-mail to an address in `refused_recipients` is not sent.
    """

    data_extensions: tuple[DataExtension, ...] = ()
    send_definitions: tuple[Name, ...] = ()
    refused_recipients: tuple[Name, ...] = ()
    processing_seconds: Seconds = 1.0
    token_seconds: Count = 1_079
    requests_per_minute: Count = 2_500
    faults: tuple[Fault, ...] = ()


class MailRelay(_Part, frozen=True):
    """An SMTP relay. It answers 550 for `refused_recipients`, and 451 for `deferred_recipients`."""

    refused_recipients: tuple[Name, ...] = ()
    deferred_recipients: tuple[Name, ...] = ()
    faults: tuple[Fault, ...] = ()


class Platforms(_Part, frozen=True):
    """The advertising and CRM platforms that run beside the cloud. A platform that is None does not run."""

    datamanager: DataManager | None = None
    meta: AdAccount | None = None
    salesforce: MarketingCloud | None = None
    mail: MailRelay | None = None


class Document(_Part, frozen=True):
    """The declaration of a whole local cloud. `region` is the region of Vertex AI where BigQuery ML registers models.

    If `has_reservation` is false, BigQuery refuses to train matrix factorizations, as in projects with on-demand
    pricing.
    """

    project: Name
    region: str = "us-central1"
    buckets: tuple[str, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    topics: tuple[str, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    sinks: tuple[Sink, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    functions: Functions | None = None
    has_reservation: bool = True
    platforms: Platforms = Platforms()


class DocumentError(ValueError):
    """The document is invalid or cannot be read.

    The message names the invalid field and the violated rule, or says why the file cannot be read.
    """


def read(file: Path) -> Document:
    """Read a document in YAML or JSON. A relative path in `functions.source` starts at the folder of `file`.

    Raises:
        DocumentError: the file cannot be read, or is not a valid document.
    """
    try:
        document = msgspec.yaml.decode(file.read_bytes(), type=Document)
    except msgspec.DecodeError as error:
        raise DocumentError(f"{file}: {error}") from error
    except OSError as error:
        raise DocumentError(f"{file} cannot be read: {error.strerror}") from error
    if document.functions is None:
        return document
    source = str((file.parent / document.functions.source).resolve())
    return msgspec.structs.replace(document, functions=msgspec.structs.replace(document.functions, source=source))


def schema() -> dict[str, Any]:
    """Return the JSON schema of the class Document."""
    return msgspec.json.schema(Document)
