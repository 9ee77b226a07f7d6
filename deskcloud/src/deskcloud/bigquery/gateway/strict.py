"""Let Google's analyzer check a statement against the current tables and models before the statement runs.

A statement that the analyzer refuses fails with the analyzer's message. Only queries, DML statements, EXPORT DATA, and
CREATE TABLE, CREATE VIEW and CREATE MODEL with a query are checked. Of these, the following run unchecked:

- statements in scripts and sessions, because the analyzer does not know their variables and temporary tables;
- CREATE TEMP TABLE;
- statements that read a view over a wildcard table, or INFORMATION_SCHEMA;
- statements with features that `deskcloud.googlesql.dialect` excludes;
- statements about a missing table or model, for which the local BigQuery reports the error.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any

from deskcloud.bigquery import ml
from deskcloud.bigquery.gateway.errors import BigQueryError
from deskcloud.bigquery.gateway.work import Services, Work, name_positional_parameters
from deskcloud.bigquery.ml.options import FACTORIZATION
from deskcloud.bigquery.ml.prediction import class_columns
from deskcloud.googlesql import analysis, dialect, statements, types
from deskcloud.googlesql.catalog import Catalog, table_paths
from deskcloud.googlesql.engine import engine
from deskcloud.googlesql.errors import Crashed, Refused
from deskcloud.googlesql.ml import Model
from deskcloud.googlesql.tokens import Token, UnterminatedError, starts, tokenize
from deskcloud.googlesql.types import Fields

_LOG = logging.getLogger(__name__)
_JUDGED = frozenset({"SELECT", "WITH", "(", "FROM", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"})
_DEFINED = frozenset({"TABLE", "VIEW", "MODEL"})
_POSITION = re.compile(r" \[at (\d+:\d+)\]$")
_SUFFIX = {"name": "_TABLE_SUFFIX", "type": "STRING"}
_INGESTION = ({"name": "_PARTITIONTIME", "type": "TIMESTAMP"}, {"name": "_PARTITIONDATE", "type": "DATE"})


class Strict:
    """Check statements before they run."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # Load or compile GoogleSQL's analyzer now, so that no statement waits for it.
        engine()

    def check(self, project: str, configuration: dict[str, Any]) -> None:
        """Check the statement of a job. `configuration` is the job's configuration.

        Raises:
            BigQueryError: invalidQuery, with the message of GoogleSQL's analyzer.
        """
        query = configuration.get("query") or {}
        if not _is_judged(query):
            return
        work = Work(self._services, project, "", configuration | {"query": name_positional_parameters(query)})
        try:
            text = dialect.as_googlesql(work.query["query"], lambda name: self._model(work, name))
        except (Refused, BigQueryError):
            # The statement's ML calls are wrong. `ml_functions.py` reports the error when the statement runs.
            return
        try:
            tables = {name: self._fields(work, name) for path in table_paths(text) if (name := ".".join(path))}
            if None not in tables.values():
                parameters = {
                    one["name"].lower(): types.of_parameter(one["parameterType"])
                    for one in work.query.get("queryParameters", [])
                }
                analysis.analyze(text, Catalog(tables.get), parameters)
        except Refused as refusal:
            if not dialect.is_beyond(refusal):
                message = _POSITION.sub(r" at [\1]", str(refusal))
                raise BigQueryError("invalidQuery", message) from None
        except BigQueryError:
            # The table's name is invalid. The emulator reports the error when the statement runs.
            return
        except Crashed as crash:
            _LOG.warning("%s: %s", crash, text)

    def _fields(self, work: Work, name: str) -> Fields | None:
        """Return a table's columns, or None if the table does not exist or its columns are unknown."""
        parts = name.split(".")
        default = work.query.get("defaultDataset") or {}
        if len(parts) == 1 and "datasetId" in default:
            parts = [default.get("projectId", work.project), default["datasetId"], *parts]
        if len(parts) == 2:
            parts = [work.project, *parts]
        if len(parts) != 3 or "INFORMATION_SCHEMA" in name.upper():
            return None
        project, dataset, table = parts
        if table == "__TABLES__":
            return dialect.TABLES
        tables = f"{project}/datasets/{dataset}/tables"
        if table.endswith("*"):
            return self._fields_of_wildcard(tables, table.removesuffix("*"))
        found = self._services.emulator.get(f"{tables}/{table}")
        if found is None:
            return None
        if "*`" in found.get("view", {}).get("query", ""):
            # A view over a wildcard table has the columns of the newest table that matches the wildcard. The view's
            # resource may list the columns of an older table.
            return None
        partitioning = found.get("timePartitioning")
        hidden = _INGESTION if partitioning and "field" not in partitioning else ()
        return [*found.get("schema", {}).get("fields", []), *hidden]

    def _fields_of_wildcard(self, tables: str, prefix: str) -> Fields | None:
        """Return the columns of the newest table that matches the wildcard.

        Source: https://cloud.google.com/bigquery/docs/querying-wildcard-tables
        """
        listed = (self._services.emulator.get(tables, {"maxResults": 100_000}) or {}).get("tables", [])
        found = [
            one for one in listed if one["tableReference"]["tableId"].startswith(prefix) and one["type"] == "TABLE"
        ]
        if not found:
            return None
        youngest = max(found, key=lambda one: int(one.get("creationTime", 0)))["tableReference"]["tableId"]
        table = self._services.emulator.get(f"{tables}/{youngest}")
        return [*table["schema"]["fields"], _SUFFIX] if table else None

    def _model(self, work: Work, name: str) -> Model | None:
        """Return the properties of a model that determine which columns ML functions return.

        If the model does not exist, return None.
        """
        reference, _ = work.reference(tokenize(".".join(f"`{part}`" for part in name.split("."))))
        found = self._services.models.find(reference)
        if found is None:
            return None
        model_type = found.resource["modelType"]
        [label] = found.resource["labelColumns"]
        if model_type == FACTORIZATION:
            user, item = found.resource["featureColumns"]
            options = found.resource["trainingRuns"][-1]["trainingOptions"]
            return Model(
                model_type,
                user=user["name"],
                user_type=user["type"]["typeKind"],
                item=item["name"],
                item_type=item["type"]["typeKind"],
                rating=label["name"],
                is_implicit=options["feedbackType"] == "IMPLICIT",
            )
        learned = found.trained()
        names = class_columns(learned.class_names) if isinstance(learned, ml.Classifier) else ()
        return Model(model_type, label["name"], label["type"]["typeKind"], names)


def _is_judged(query: dict[str, Any]) -> bool:
    """Return whether the query is a single statement of a kind that GoogleSQL's analyzer can check."""
    properties = query.get("connectionProperties", [])
    if any(one.get("key") == "session_id" for one in properties):
        return False
    try:
        parsed = statements.parse(query.get("query", ""))
    except UnterminatedError:
        return False
    if len(parsed) != 1 or parsed[0].is_procedural:
        return False
    tokens = parsed[0].tokens
    if starts(tokens, "CREATE"):
        # A CREATE TABLE without a query is not checked, because its clauses (partitioning and others) are specific to
        # BigQuery.
        return _DEFINED & _words(tokens[1:5]) != set() and "AS" in _words(tokens) and "TEMP" not in _words(tokens[:4])
    return tokens[0].word in _JUDGED or starts(tokens, "EXPORT", "DATA")


def _words(tokens: Sequence[Token]) -> set[str]:
    return {token.word for token in tokens}
