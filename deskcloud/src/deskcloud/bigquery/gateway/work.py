"""Define the context in which a statement runs: the client's configuration and the available services."""

import datetime as dt
import decimal
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import sqlglot
from sqlglot import exp

from deskcloud.bigquery.gateway.clauses import path
from deskcloud.bigquery.gateway.emulator import EmulatorClient
from deskcloud.bigquery.gateway.errors import BigQueryError
from deskcloud.bigquery.gateway.kept_models import Models, Reference
from deskcloud.bigquery.gateway.uploading import Storage
from deskcloud.bigquery.gateway.vertex_registry import Registry
from deskcloud.googlesql.tokens import Token, tokenize

# A helper query gets these fields from the client's query. It does not get the destination table.
_SHARED = ("useLegacySql", "defaultDataset", "queryParameters", "parameterMode", "connectionProperties")


@dataclass(frozen=True)
class Services:
    """The services that statements use. `is_on_demand` is true for on-demand pricing."""

    emulator: EmulatorClient
    models: Models
    storage: Storage | None
    registry: Registry | None
    is_on_demand: bool = False


@dataclass(frozen=True)
class Outcome:
    """The result of a finished job.

    If `on_emulator`, the emulator has the job's rows under the job's id. `children` are the statements of a script.
    """

    statistics: dict[str, Any]
    on_emulator: bool = False
    destination: dict[str, str] | None = None
    children: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, job: dict[str, Any]) -> "Outcome":
        """Create the outcome of a query job that ran on the emulator. `job` is the job's resource."""
        kept = {name: job["statistics"][name] for name in ("query", "sessionInfo") if name in job["statistics"]}
        destination = job["configuration"]["query"].get("destinationTable")
        return cls(kept, on_emulator=True, destination=destination)


@dataclass(frozen=True)
class Work:
    """A running job of the gateway, with services, ids and configuration. Its query has no positional parameters."""

    services: Services
    project: str
    job_id: str
    configuration: dict[str, Any]
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def query(self) -> dict[str, Any]:
        """Return the part `query` of the job's configuration."""
        query: dict[str, Any] = self.configuration["query"]
        return query

    @property
    def is_dry_run(self) -> bool:
        """Return whether the job is a dry run."""
        return bool(self.configuration.get("dryRun"))

    def with_query(self, query: dict[str, Any]) -> "Work":
        """Return a copy of the work that has the query configuration `query`."""
        return replace(self, configuration=self.configuration | {"query": query})

    def check_cancelled(self) -> None:
        """Stop the job if the client has cancelled it.

        Raises:
            BigQueryError: stopped, if the job is cancelled.
        """
        if self.cancelled.is_set():
            raise BigQueryError("stopped", "Job execution was cancelled: User requested cancellation")

    def reference(self, tokens: Sequence[Token]) -> tuple[Reference, Sequence[Token]]:
        """Read a model's path from the beginning of the tokens. Return the model, and the tokens after the path."""
        parts, rest = path(tokens)
        default = self.query.get("defaultDataset") or {}
        if len(parts) == 1 and "datasetId" not in default:
            raise BigQueryError("invalid", f'Model "{parts[0]}" must be qualified with a dataset (e.g. dataset.model).')
        if len(parts) == 1:
            parts = [default.get("projectId", self.project), default["datasetId"], *parts]
        if not all(parts):
            raise BigQueryError("invalidQuery", "Syntax error: Invalid empty identifier")
        *project, dataset, model = parts
        return Reference(".".join(project) or self.project, dataset, model), rest

    def helper_query(self, text: str) -> dict[str, Any]:
        """Return the configuration of a helper query, which the gateway runs to execute the client's statement.

        A helper query has the client's default dataset, parameters and session.
        """
        shared = {name: self.query[name] for name in _SHARED if name in self.query}
        return {"useLegacySql": False} | shared | {"query": text}

    def run_query(self, text: str, job_id: str) -> dict[str, Any]:
        """Run `text`, the rewritten statement of the client, on the emulator. Return the finished job.

        If the client's job is a dry run, the emulator's job is also a dry run.
        """
        self.check_cancelled()
        configuration = self.configuration | {"query": self.query | {"query": text}}
        return self.services.emulator.run(self.project, configuration, job_id, self.cancelled)

    def dry_run(self, text: str) -> None:
        """Check a query on the emulator without running it."""
        configuration = {"dryRun": True, "query": self.helper_query(text)}
        self.services.emulator.run(self.project, configuration, "", self.cancelled)

    def rows(self, text: str) -> pa.Table:
        """Run a query on the emulator and return its rows."""
        self.check_cancelled()
        return self.services.emulator.query(self.project, self.helper_query(text), self.cancelled)

    def evaluate(self, expressions: dict[str, str]) -> dict[str, Any]:
        """Evaluate constant expressions. Return a dict from each expression's name to its value.

        A struct becomes a dict, or a tuple if its fields have no names.
        """
        values = {name: _literal(text) for name, text in expressions.items()}
        unknown = {name: expressions[name] for name, value in values.items() if value is _NOT_LITERAL}
        if unknown:
            columns = ", ".join(f"{text} AS `{name}`" for name, text in unknown.items())
            (row,) = self.rows(f"SELECT {columns}").to_pylist()
            values |= row
        return values


def name_positional_parameters(query: dict[str, Any]) -> dict[str, Any]:
    """Replace each `?` in the query by a named parameter.

    Later, the replacement of ML calls can change the order of parameters, and `?` depends on the order.
    """
    if (query.get("parameterMode") or "").upper() != "POSITIONAL":
        return query
    text, parts, end = query["query"], [], 0
    marks = [token for token in tokenize(text) if token.kind == "parameter" and token.text == "?"]
    for number, mark in enumerate(marks):
        parts += [text[end : mark.start], f"@positional_{number}"]
        end = mark.end
    parameters = [
        parameter | {"name": f"positional_{number}"}
        for number, parameter in enumerate(query.get("queryParameters", []))
    ]
    named = {"query": "".join([*parts, text[end:]]), "queryParameters": parameters, "parameterMode": "NAMED"}
    return query | named


_NOT_LITERAL = object()


def _literal(text: str) -> Any:
    """Return the value of a literal, or of an array or struct of literals. Return _NOT_LITERAL for other expressions.

    The options of nearly all statements are literals, so most statements need no query to evaluate their options.
    """
    try:
        return _value(sqlglot.parse_one(text, dialect="bigquery"))
    except (sqlglot.errors.SqlglotError, KeyError, ValueError):
        return _NOT_LITERAL


def _value(tree: exp.Expr) -> Any:
    tree = tree.unnest()
    parts = tree.expressions
    if isinstance(tree, exp.Struct) and all(isinstance(part, exp.PropertyEQ) for part in parts):
        return {part.name: _value(part.expression) for part in parts}
    if isinstance(tree, exp.Struct | exp.Tuple):
        return tuple(_value(part) for part in parts)
    if isinstance(tree, exp.Array):
        return [_value(part) for part in parts]
    return tree.to_py()


def plain(value: Any) -> Any:
    """Convert a value for the ML options.

    Structs become tuples. NUMERIC becomes float. TIMESTAMP and DATETIME become milliseconds since 1970.
    """
    match value:
        case dict():
            return plain(tuple(value.values()))
        case tuple():
            return tuple(plain(item) for item in value)
        case list():
            return [plain(item) for item in value]
        case decimal.Decimal():
            return float(value)
        case dt.datetime():
            return int(value.timestamp() * 1000)
    return value
