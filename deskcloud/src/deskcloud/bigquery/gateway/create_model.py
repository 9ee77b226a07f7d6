"""Run CREATE MODEL: run the statement's query, train a model on the rows and store the model."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deskcloud.bigquery import ml
from deskcloud.bigquery.gateway import registered_as
from deskcloud.bigquery.gateway.clauses import option_list
from deskcloud.bigquery.gateway.errors import BigQueryError, already_exists, not_found, unsupported
from deskcloud.bigquery.gateway.kept_models import Reference, now
from deskcloud.bigquery.gateway.ml_rewrite import Rewriting
from deskcloud.bigquery.gateway.vertex_registry import check_id
from deskcloud.bigquery.gateway.work import Work, plain
from deskcloud.bigquery.ml import options as ml_options
from deskcloud.googlesql.statements import Statement
from deskcloud.googlesql.tokens import Token, starts

# Google returns this error text for a project with on-demand pricing.
_ON_DEMAND = (
    "Training Matrix Factorization models is not available for on-demand usage. To train, please set up a reservation "
    "(flex or regular) based on instructions in BigQuery public docs."
)
_NAME = re.compile(r"\w{1,1024}")
_REGISTRY_OPTIONS = ("model_registry", "vertex_ai_model_id", "vertex_ai_model_version_aliases")


@dataclass(frozen=True)
class Creation:
    """A parsed CREATE MODEL statement.

    `replaces` is true with OR REPLACE, `skips` with IF NOT EXISTS. `options` maps each option to its value's tokens.
    `query` holds the start and end offsets of the statement's query.
    """

    reference: Reference
    replaces: bool
    skips: bool
    options: dict[str, Sequence[Token]]
    query: tuple[int, int]


def run(work: Work, statement: Statement) -> dict[str, Any]:
    """Run the statement and return the job's query statistics.

    The new model replaces an existing model with the same name as soon as the training has succeeded. If the training
    fails, the existing model remains.
    """
    creation = _parse(work, statement)
    dataset = _dataset(work, creation.reference)
    operation = _operation(work, creation)
    statistics = {
        "statementType": "CREATE_MODEL",
        "ddlOperationPerformed": operation,
        "ddlTargetTable": creation.reference.as_table,
    }
    if operation == "SKIP":
        if not work.is_dry_run:
            work.services.models.touch(creation.reference)
        return statistics
    values = work.evaluate({name: _source(statement, tokens) for name, tokens in creation.options.items()})
    values = {name: plain(value) for name, value in values.items()}
    wanted = _registration(work, creation.reference, values)
    learning = {name: value for name, value in values.items() if name not in _REGISTRY_OPTIONS}
    model_type = ml_options.parse(learning)["model_type"]
    if model_type == ml_options.FACTORIZATION and work.services.is_on_demand:
        raise BigQueryError("invalidQuery", _ON_DEMAND)
    if wanted or registered_as.find(work, creation.reference):
        registered_as.check_type(model_type)
    with Rewriting(work, statement) as rewriting:
        query = rewriting.render(*creation.query)
        if work.is_dry_run:
            work.dry_run(query)
            return statistics
        _train(work, creation, learning, query, wanted, dataset.get("defaultTableExpirationMs"))
    return statistics


def _parse(work: Work, statement: Statement) -> Creation:
    replaces = starts(statement.tokens, "CREATE", "OR", "REPLACE", "MODEL")
    tokens = statement.tokens[4 if replaces else 2 :]
    skips = starts(tokens, "IF", "NOT", "EXISTS")
    reference, tokens = work.reference(tokens[3 if skips else 0 :])
    if not _NAME.fullmatch(reference.model):
        raise BigQueryError(
            "invalidQuery", f"Invalid model ID {reference.model!r}: use letters, digits and underscores"
        )
    if tokens and tokens[0].word in {"TRANSFORM", "REMOTE", "INPUT"}:
        raise unsupported(f"The clause {tokens[0].word} of CREATE MODEL")
    options: dict[str, Sequence[Token]] = {}
    if starts(tokens, "OPTIONS"):
        options, tokens = option_list(tokens)
    for name, value in options.items():
        if any(token.word.startswith("HPARAM_") for token in value):
            raise unsupported(f"Hyperparameter tuning (option {name})")
    if not starts(tokens, "AS") or len(tokens) < 2:
        raise BigQueryError("invalidQuery", "Syntax error: CREATE MODEL needs AS and the query of its training data")
    return Creation(reference, replaces, skips, options, (tokens[1].start, tokens[-1].end))


def _source(statement: Statement, tokens: Sequence[Token]) -> str:
    return statement.text[tokens[0].start : tokens[-1].end]


def _dataset(work: Work, reference: Reference) -> dict[str, Any]:
    dataset = work.services.emulator.get(f"{reference.project}/datasets/{reference.dataset}")
    if dataset is None:
        raise not_found("Dataset", f"{reference.project}:{reference.dataset}")
    return dataset


def _operation(work: Work, creation: Creation) -> str:
    """Return the operation that the statement performs, which is CREATE, REPLACE or SKIP.

    Raises:
        BigQueryError: a table has the model's name. Or another model has this name, and the statement contains neither
            OR REPLACE nor IF NOT EXISTS.
    """
    reference = creation.reference
    table = f"{reference.project}/datasets/{reference.dataset}/tables/{reference.model}"
    if work.services.emulator.exists(table):
        raise already_exists("Table", str(reference))
    if work.services.models.find(reference) is None:
        return "CREATE"
    if creation.skips:
        return "SKIP"
    if not creation.replaces:
        raise already_exists("Model", str(reference))
    return "REPLACE"


def _registration(work: Work, reference: Reference, values: dict[str, Any]) -> tuple[str, list[str]] | None:
    """Return the id and the version aliases for Vertex AI's registry, or None if the options ask for no registration.

    Raises:
        BigQueryError: an option is invalid, or no registry is configured.
    """
    registry = values.get("model_registry")
    if registry is None:
        given = [name for name in _REGISTRY_OPTIONS if values.get(name)]
        if given:
            raise BigQueryError("invalidQuery", f"Option {given[0]} needs MODEL_REGISTRY='VERTEX_AI'")
        return None
    if str(registry).upper() != "VERTEX_AI":
        raise BigQueryError("invalidQuery", f"Option model_registry must be 'VERTEX_AI'; got {registry!r}")
    registered_as.service(work)
    return check_id(values.get("vertex_ai_model_id") or reference.model), values.get(_REGISTRY_OPTIONS[2]) or []


def _train(
    work: Work,
    creation: Creation,
    options: dict[str, Any],
    query: str,
    wanted: tuple[str, list[str]] | None,
    lifetime: str | None,
) -> None:
    reference = creation.reference
    started = dt.datetime.now(dt.UTC).isoformat()
    if former := registered_as.find(work, reference):
        registered_as.check_replaceable(work, reference.project, former)
    learned = ml.train(options, work.rows(query), progress=lambda *_: work.check_cancelled())
    work.check_cancelled()
    resource = ml.describe(learned)
    for training_run in resource["trainingRuns"]:
        training_run.setdefault("startTime", started)
    if lifetime:
        resource["expirationTime"] = str(int(now()) + int(lifetime))
    if not creation.replaces and work.services.models.find(reference):
        # Another job has created the model during the training.
        raise already_exists("Model", str(reference))
    work.services.models.save(reference, learned, resource)
    if former and not wanted:
        wanted = (former[0], [])
    if wanted:
        version = registered_as.register(work, reference, *wanted)
        if former:
            successor = version if former[0] == wanted[0] else None
            registered_as.unregister(work, reference.project, former, successor)
