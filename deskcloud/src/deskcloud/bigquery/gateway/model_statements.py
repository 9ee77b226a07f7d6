"""Run ALTER MODEL, DROP MODEL and EXPORT MODEL."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deskcloud.bigquery import ml
from deskcloud.bigquery.gateway import registered_as
from deskcloud.bigquery.gateway.clauses import option_list
from deskcloud.bigquery.gateway.errors import BigQueryError, not_found, unsupported
from deskcloud.bigquery.gateway.kept_models import Reference
from deskcloud.bigquery.gateway.uploading import split
from deskcloud.bigquery.gateway.vertex_registry import check_id
from deskcloud.bigquery.gateway.work import Work, plain
from deskcloud.googlesql.statements import Statement
from deskcloud.googlesql.tokens import Token, starts

_ALTERABLE = ("expiration_timestamp", "labels", "description", "friendly_name", "vertex_ai_model_id")
_FORMATS = {
    "LINEAR_REGRESSION": "ML_TF_SAVED_MODEL",
    "LOGISTIC_REGRESSION": "ML_TF_SAVED_MODEL",
    "BOOSTED_TREE_CLASSIFIER": "ML_XGBOOST_BOOSTER",
    "BOOSTED_TREE_REGRESSOR": "ML_XGBOOST_BOOSTER",
    "MATRIX_FACTORIZATION": "ML_TF_SAVED_MODEL",
}


def alter(work: Work, statement: Statement) -> dict[str, Any]:
    """Run ALTER MODEL [IF EXISTS] m SET OPTIONS(...). Return the job's query statistics."""
    tokens, if_exists = _after_if(statement.tokens[2:], "IF", "EXISTS")
    reference, tokens = work.reference(tokens)
    if not starts(tokens, "SET"):
        raise BigQueryError("invalidQuery", "Syntax error: Expected SET OPTIONS(name = value, ...)")
    values = _values(work, statement, tokens[1:])
    for name in values:
        if name not in _ALTERABLE:
            allowed = ", ".join(_ALTERABLE)
            raise unsupported(f"Option {name} of ALTER MODEL (options here: {allowed})")
    if work.services.models.find(reference) is None and if_exists:
        return _statistics("ALTER_MODEL", "SKIP", reference)
    work.services.models.get(reference)
    if not work.is_dry_run:
        _change(work, reference, values)
    return _statistics("ALTER_MODEL", "ALTER", reference)


def _change(work: Work, reference: Reference, values: dict[str, Any]) -> None:
    if vertex_id := values.pop("vertex_ai_model_id", None):
        registered_as.register(work, reference, check_id(vertex_id), [])
    changes: dict[str, Any] = {
        api: values[name]
        for name, api in (("description", "description"), ("friendly_name", "friendlyName"))
        if name in values
    }
    if "expiration_timestamp" in values:
        expiration = values["expiration_timestamp"]
        if not isinstance(expiration, int | None):
            raise BigQueryError("invalidQuery", "Option expiration_timestamp of ALTER MODEL must be a TIMESTAMP")
        changes["expirationTime"] = None if expiration is None else str(expiration)
    if "labels" in values:
        if not _are_labels(values["labels"]):
            raise BigQueryError("invalidQuery", "Option labels of ALTER MODEL must be an array of pairs of STRING")
        # The option replaces all labels, so labels that the option does not list are removed.
        former = work.services.models.get(reference).resource.get("labels", {})
        changes["labels"] = dict.fromkeys(former) | dict(values["labels"] or [])
    if changes:
        work.services.models.change(reference, changes)


def drop(work: Work, statement: Statement) -> dict[str, Any]:
    """Run DROP MODEL [IF EXISTS] m. Return the job's query statistics."""
    tokens, if_exists = _after_if(statement.tokens[2:], "IF", "EXISTS")
    reference, _ = work.reference(tokens)
    if work.services.models.find(reference) is None:
        if if_exists:
            return _statistics("DROP_MODEL", "SKIP", reference)
        raise not_found("Model", str(reference))
    if not work.is_dry_run:
        if found := registered_as.find(work, reference):
            registered_as.unregister(work, reference.project, found)
        work.services.models.remove(reference)
    return _statistics("DROP_MODEL", "DROP", reference)


def export(work: Work, statement: Statement) -> dict[str, Any]:
    """Run EXPORT MODEL m OPTIONS(URI='gs://bucket/path/'). Return the job's query statistics."""
    reference, tokens = work.reference(statement.tokens[2:])
    values = _values(work, statement, tokens)
    if "trial_id" in values:
        raise unsupported("Option trial_id of EXPORT MODEL (there is no hyperparameter tuning)")
    if set(values) != {"uri"} or not isinstance(values["uri"], str):
        raise BigQueryError("invalidQuery", "EXPORT MODEL needs OPTIONS(URI='gs://bucket/path/') and nothing else")
    work.services.models.get(reference)
    if not work.is_dry_run:
        write(work, reference, values["uri"])
    return {"statementType": "EXPORT_MODEL"}


def write(work: Work, reference: Reference, uri: str, destination_format: str | None = None) -> int:
    """Write a model's files below a gs:// URI. Return the number of files.

    Raises:
        BigQueryError: the model, the bucket or the storage service is missing, or the format does not fit the model.
    """
    model = work.services.models.get(reference)
    model_type = model.resource["modelType"]
    if destination_format and destination_format != _FORMATS[model_type]:
        raise BigQueryError(
            "invalid",
            f"destinationFormat {destination_format} does not fit {model_type}: use {_FORMATS[model_type]}",
        )
    split(uri)
    if work.services.storage is None:
        raise unsupported("EXPORT MODEL while no storage service is configured")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = ml.export(model.trained(), folder)
        for file in files:
            work.services.storage.upload(file, f"{uri.rstrip('/')}/{file.relative_to(folder)}")
    return len(files)


def _are_labels(value: Any) -> bool:
    pairs = value or []
    return isinstance(pairs, list) and all(
        isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(one, str) for one in pair) for pair in pairs
    )


def _after_if(tokens: Sequence[Token], *words: str) -> tuple[Sequence[Token], bool]:
    found = starts(tokens, *words)
    return tokens[len(words) if found else 0 :], found


def _values(work: Work, statement: Statement, tokens: Sequence[Token]) -> dict[str, Any]:
    options, _ = option_list(tokens)
    texts = {name: statement.text[value[0].start : value[-1].end] for name, value in options.items()}
    return {name: plain(value) for name, value in work.evaluate(texts).items()}


def _statistics(kind: str, operation: str, reference: Reference) -> dict[str, Any]:
    return {"statementType": kind, "ddlOperationPerformed": operation, "ddlTargetTable": reference.as_table}
