"""What the project declares, read as data: functions/functions.yaml and sql/tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from deskcloud.document import Table

ROOT = Path(__file__).parent.parent
# Where commands write what nobody names a place for: in the checkout, or where an installed wheel is called.
HOME = ROOT if (ROOT / "pyproject.toml").is_file() else Path.cwd()


@dataclass(frozen=True)
class Function:
    """One deployed function: what it listens to and says, how long it may take, and which secrets it is given.

    One that answers HTTP listens to no topic.
    """

    name: str
    topics: list[str]
    emits: list[str]
    timeout_seconds: int
    secrets: list[str]
    is_http: bool


@dataclass(frozen=True)
class Delivery:
    """How every subscription delivers."""

    minimum_backoff_seconds: float
    maximum_backoff_seconds: float
    max_delivery_attempts: int
    dead_letter_topic: str


@dataclass(frozen=True)
class Declarations:
    """All of it; in the query of a view, `${dataset}` stands for the dataset of the tables."""

    functions: list[Function]
    delivery: Delivery
    schedules: dict[str, dict[str, Any]]
    sinks: dict[str, dict[str, Any]]
    topics: list[str]
    tables: list[Table]


def filter_of(sink: dict[str, Any], export: str) -> str:
    """Return a sink's filter for the export, which is given as `project.dataset`."""
    project, _, dataset = export.rpartition(".")
    text: str = sink["filter"]
    return text.replace("EXPORT_PROJECT", project).replace("EXPORT_DATASET", dataset)


def read(root: Path = ROOT) -> Declarations:
    """Read the declarations of the project at `root`."""
    document = yaml.load((root / "functions" / "functions.yaml").read_text(), yaml.CSafeLoader)
    functions = [
        Function(
            name, one["topics"], one["emits"], one["timeout_seconds"], one.get("secrets", []), is_http="http" in one
        )
        for name, one in document["functions"].items()
    ]
    topics = {topic for function in functions for topic in (*function.topics, *function.emits)}
    return Declarations(
        functions,
        Delivery(**document["delivery"]),
        document["schedules"],
        document["sinks"],
        sorted(topics | set(document["public_topics"])),
        [_table(path, root) for path in sorted((root / "sql" / "tables").glob("*.yaml"))],
    )


def _table(path: Path, root: Path) -> Table:
    document = yaml.load(path.read_text(), yaml.CSafeLoader)
    view = document.pop("view", None)
    query = (root / "sql" / f"{view}.sql").read_text() if view else None
    return msgspec.convert({"name": path.stem, "query": query, **document}, Table)
