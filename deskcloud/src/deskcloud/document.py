"""What a cloud consists of: the document that it is made from, whose JSON schema `deskcloud schema` prints.

Names are short, as Terraform's are: a topic is `orders`, and not `projects/P/topics/orders`.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

type Name = Annotated[str, Meta(min_length=1)]


class _Part(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the document; a member that it does not know is refused."""


class Column(_Part, frozen=True):
    """A column of a table; `type` is one of BigQuery's, and a RECORD has `fields`."""

    name: Name
    type: Name
    description: str = ""
    required: bool = False
    repeated: bool = False
    fields: tuple["Column", ...] = ()


class Table(_Part, frozen=True):
    """A table or, where it has a `query`, a view.

    `partition` names the column by whose days it is partitioned; partitions expire after so many days.
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
    """A push subscription that a function of the document answers; times are in seconds.

    After so many attempts a message goes to the topic `dead_letters`, where there is one.
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
    """A log sink: entries that match go to a topic, or to the table of a dataset that is named for their log."""

    name: Name
    filter: str
    topic: str | None = None
    dataset: str | None = None


class Schedule(_Part, frozen=True):
    """A job of Cloud Scheduler: publishes `body` to the topic at the times that the cron expression names."""

    name: Name
    cron: Name
    topic: Name
    time_zone: str = "UTC"
    body: dict[str, Any] = {}


class Function(_Part, frozen=True):
    """An entry point of functions-framework.

    One that answers `http` is asked without the port's secret; pages of the `origins` may ask it from a browser.
    """

    name: Name
    http: bool = False
    origins: tuple[str, ...] = ()


class Functions(_Part, frozen=True):
    """What runs behind functions-framework: the entry points of one source file.

    In the values of `environment`, `${BIGQUERY_URL}`, `${STORAGE_URL}`, `${PUBSUB_HOST}`, `${VERTEX_URL}` and
    `${LOGGING_URL}` stand for the services' addresses. Google's clients need none of them.
    Each of the `secrets` is a variable whose value is made once and kept in the state folder. The modules of `warm_up`
    are imported before the first request.
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
    """A whole cloud. `region` is where BigQuery ML registers models with Vertex AI.

    Without a reservation, BigQuery refuses to train matrix factorization, as on-demand projects do.
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
    """A document that is not one; the message says which member breaks which rule."""


def read(file: Path) -> Document:
    """Read a document of YAML or JSON; a relative `functions.source` is meant from the file's folder.

    Raises:
        DocumentError: the file cannot be read, or is no document.
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
