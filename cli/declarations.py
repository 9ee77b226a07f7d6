"""Read the project's declarations: functions/*.yaml and sql/tables. No other module reads these files."""

from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
from msgspec import Struct

from deskcloud.document import Table
from shared.settings import Settings

ROOT = Path(__file__).parent.parent
# Default folder for the files that commands write: the repository or, for an installed wheel, the current folder.
HOME = ROOT if (ROOT / "pyproject.toml").is_file() else Path.cwd()
_FUNCTIONS = Path("functions") / "functions.yaml"
_ALERTS = Path("functions") / "alerts.yaml"


type PersonKind = Literal["visitor", "customer", "user", "order"]


class Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base class of the structures of functions.yaml and alerts.yaml; the comments in the files describe the fields."""


class Http(Part, frozen=True):
    """An HTTP function's options; `ingress` is Cloud Run's setting."""

    ingress: str


class Function(Part, frozen=True):
    """A deployed function. An HTTP function has no topics.

    `requirements` names the file of requirements/ that lists the function's packages. The function's bundle has the
    same name. A function with a `destination` exists only if this destination's mode is not off.
    """

    does: str
    requirements: str
    topics: tuple[str, ...]
    emits: tuple[str, ...]
    memory: str
    timeout_seconds: int
    max_instances: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    permissions: tuple[str, ...]
    rejects: bool = False
    http: Http | None = None
    cpu: int | None = None
    concurrency: int | None = None
    min_instances: int = 0
    roles: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    destination: str | None = None


class Lifecycle(Part, frozen=True):
    """Objects whose names begin with `prefix` are deleted after `days` days."""

    prefix: str
    days: int


class Delivery(Part, frozen=True):
    """How Pub/Sub delivers the messages of all subscriptions."""

    minimum_backoff_seconds: float
    maximum_backoff_seconds: float
    max_delivery_attempts: int
    dead_letter_topic: str


class Schedule(Part, frozen=True):
    """A job of Cloud Scheduler: the message that it publishes, and when."""

    does: str
    cron: str
    time_zone: str
    topic: str
    body: dict[str, Any]


class Sink(Part, frozen=True):
    """A log sink, which exports matching log entries to a topic or to a table of the dataset."""

    does: str
    filter: str
    topic: str | None = None
    table: str | None = None

    def filter_for(self, export: str) -> str:
        """Return `filter` with the names of an export's project and dataset. `export` is `project.dataset`."""
        project, _, dataset = export.rpartition(".")
        return self.filter.replace("EXPORT_PROJECT", project).replace("EXPORT_DATASET", dataset)


class Declarations(Part, frozen=True):
    """The content of functions.yaml, and the tables and views of sql/tables.

    In a view's query, `${dataset}` is a placeholder for the tables' dataset. `persons` names, for each table, the
    columns that hold ids of people, and the kind of id in each column.
    """

    functions: dict[str, Function]
    public_topics: tuple[str, ...]
    inbound_topics: tuple[str, ...]
    lifecycle: tuple[Lifecycle, ...]
    delivery: Delivery
    schedules: dict[str, Schedule]
    sinks: dict[str, Sink]
    tables: list[Table]
    persons: dict[str, dict[str, PersonKind]]

    def deployed(self, settings: Settings) -> Self:
        """Return the declarations without the functions of destinations that are off."""
        functions = {
            name: one
            for name, one in self.functions.items()
            if one.destination is None or getattr(settings, one.destination).mode != "off"
        }
        return msgspec.structs.replace(self, functions=functions)

    @property
    def topics(self) -> list[str]:
        """The names of all topics that are public, or that a function subscribes or publishes to; sorted."""
        named = {topic for one in self.functions.values() for topic in (*one.topics, *one.emits)}
        return sorted(named | set(self.public_topics))

    @property
    def secrets(self) -> list[str]:
        """The names of all secrets that a function needs, sorted."""
        return sorted({name for one in self.functions.values() for name in one.secrets})


class Alert(Part, frozen=True):
    """An alert: on a count of log entries, or on a query of Google's metrics."""

    title: str
    minutes: int
    severity: Literal["CRITICAL", "WARNING"]
    count: str | None = None
    share_of: str | None = None
    query: str | None = None
    at_least: int = 0
    fewer_than: int | None = None
    above: float = 0

    def is_raised(self, number: int, whole: int = 0) -> bool:
        """Return whether `number` matching log entries raise the alert.

        If the alert is on a share, `share_of` names a second count, and `whole` is the number of log entries that match
        this count.
        """
        if self.share_of:
            return whole >= self.at_least and number > self.above * whole
        return number >= self.at_least if self.fewer_than is None else number < self.fewer_than


class Watched(Part, frozen=True):
    """The content of alerts.yaml.

    `log` is the filter that selects the functions' log; the filters of `counts` and `queries` select parts of it.
    """

    log: str
    counts: dict[str, str]
    alerts: dict[str, Alert]
    queries: dict[str, str]


@cache
def watched(root: Path = ROOT) -> Watched:
    """Return the content of alerts.yaml of the project at `root`.

    Raises:
        msgspec.ValidationError: a field is missing, unknown or has the wrong type; the message names the field.
    """
    return msgspec.convert(_yaml(root / _ALERTS), Watched)


def read(root: Path = ROOT) -> Declarations:
    """Return the declarations of the project at `root`.

    Raises:
        msgspec.ValidationError: a field is missing, unknown or has the wrong type; the message names the field.
    """
    document = _yaml(root / _FUNCTIONS)
    described = {path.stem: _yaml(path) for path in sorted((root / "sql" / "tables").glob("*.yaml"))}
    persons = {name: person for name, one in described.items() if (person := one.pop("person", None))}
    tables = [_table(name, one, root) for name, one in described.items()]
    return msgspec.convert({**document, "tables": tables, "persons": persons}, Declarations)


def _table(name: str, document: dict[str, Any], root: Path) -> Table:
    view = document.pop("view", None)
    query = (root / "sql" / f"{view}.sql").read_text() if view else None
    return msgspec.convert({"name": name, "query": query, **document}, Table)


def _yaml(path: Path) -> Any:
    import yaml  # noqa: PLC0415 - importing yaml takes a sixth of the time of `propensity --help`

    return yaml.load(path.read_text(), yaml.CSafeLoader)
