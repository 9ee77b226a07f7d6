"""The document that describes a cloud; `deskcloud schema` prints its JSON schema.

Names are short, as in Terraform: a topic is `orders`, not `projects/P/topics/orders`.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

type Name = Annotated[str, Meta(min_length=1)]


class _Part(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the document; a member with an unknown name is an error."""


class Column(_Part, frozen=True):
    """A column of a table; `type` is a BigQuery type, and a RECORD has `fields`."""

    name: Name
    type: Name
    description: str = ""
    required: bool = False
    repeated: bool = False
    fields: tuple["Column", ...] = ()


class Table(_Part, frozen=True):
    """A table, or a view if it has a `query`.

    `partition` names the column whose days are the partitions. A partition expires after `expiration_days`.
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
    """A push subscription for a function of the document; times are in seconds.

    If `dead_letters` names a topic, a message goes to this topic after `max_delivery_attempts`.
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
    """A log sink. The entries that match `filter` go to `topic`, or to the table of `dataset` named after their log."""

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
    """An entry point of functions-framework.

    Callers of an `http` function need no secret. Web pages of the `origins` may call the function from a browser.
    """

    name: Name
    http: bool = False
    origins: tuple[str, ...] = ()


class Functions(_Part, frozen=True):
    """The functions of one source file, which functions-framework serves.

    In `environment`, `${BIGQUERY_URL}`, `${STORAGE_URL}`, `${PUBSUB_HOST}`, `${VERTEX_URL}` and `${LOGGING_URL}` are
    replaced by the services' addresses. Google's clients need none of these variables. Each name in `secrets` is a
    variable with a random value, which is created once and stored in the state folder. The modules of `warm_up` are
    imported before the first request.
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


class Document(_Part, frozen=True):
    """A cloud. BigQuery ML registers models in Vertex AI's `region`.

    If `has_reservation` is false, BigQuery refuses to train matrix factorization, as in on-demand projects.
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


class DocumentError(ValueError):
    """The document is invalid; the message names the member and the rule."""


def read(file: Path) -> Document:
    """Read a document in YAML or JSON; a relative `functions.source` is relative to the file's folder.

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
    """Return the document's JSON schema."""
    return msgspec.json.schema(Document)
