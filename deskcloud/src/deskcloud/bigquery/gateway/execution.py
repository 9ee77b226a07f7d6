"""Run a job of the gateway: an extract job, one statement, or a script whose statements run one after another."""

import logging

import httpx

from deskcloud.bigquery import ml
from deskcloud.bigquery.gateway import create_model, model_statements, outbound, script
from deskcloud.bigquery.gateway.clauses import path
from deskcloud.bigquery.gateway.errors import BigQueryError, already_exists
from deskcloud.bigquery.gateway.kept_models import Reference
from deskcloud.bigquery.gateway.ml_rewrite import Rewriting
from deskcloud.bigquery.gateway.work import Outcome, Work
from deskcloud.bigquery.texts import ml_inside
from deskcloud.googlesql import statements
from deskcloud.googlesql.statements import Statement
from deskcloud.googlesql.tokens import starts

_LOG = logging.getLogger(__name__)
_ON_MODELS = {
    "CREATE_MODEL": create_model.run,
    "ALTER_MODEL": model_statements.alter,
    "DROP_MODEL": model_statements.drop,
    "EXPORT_MODEL": model_statements.export,
}


def run(work: Work) -> Outcome:
    """Run the job and return its outcome.

    Raises:
        BigQueryError: the job fails.
        httpx.TransportError, OSError, MemoryError: another service, a file or the memory is not available; a retry may
            succeed.
    """
    try:
        return _run(work)
    except (BigQueryError, httpx.TransportError, OSError, MemoryError):
        raise
    except ml.MLError as error:
        raise BigQueryError(error.reason, str(error)) from error
    except Exception as error:
        # Report this error as an invalid query and not as an internal error. After an internal error, clients would
        # retry, and the same error would occur again.
        _LOG.exception("job %s cannot be run", work.job_id)
        raise BigQueryError("invalidQuery", f"The local BigQuery cannot run this: {error!r}") from error


def _run(work: Work) -> Outcome:
    if "extract" in work.configuration:
        return Outcome({"extract": outbound.extract(work, work.job_id)})
    parsed = statements.parse(work.query["query"])
    if len(parsed) == 1 and not parsed[0].is_procedural:
        return run_statement(work, parsed[0], work.job_id)
    return script.run(work, parsed, run_statement)


def run_statement(work: Work, statement: Statement, job_id: str) -> Outcome:
    """Run one statement. If the emulator runs a part of the statement, the emulator's job has the id `job_id`."""
    kind = statements.own_statement(statement.tokens)
    if kind in _ON_MODELS:
        figures = _ON_MODELS[kind](work, statement)
        return Outcome({"query": figures}, destination=figures.get("ddlTargetTable"))
    if kind == "EXPORT_DATA":
        return Outcome.of(outbound.export_data(work, statement, job_id))
    if kind == "DROP_SCHEMA":
        return _drop_schema(work, statement, job_id)
    _refuse_kept_definitions(statement)
    if model := takes_the_name_of(work, statement.source):
        raise already_exists("Model", str(model))
    with Rewriting(work, statement) as rewriting:
        return Outcome.of(work.run_query(rewriting.text, job_id))


def takes_the_name_of(work: Work, text: str) -> Reference | None:
    """Return the model whose name a CREATE TABLE or CREATE VIEW statement reuses, or None if there is no such model."""
    tokens = statements.created_table(text)
    reference = work.reference(tokens)[0] if tokens else None
    return reference if reference and work.services.models.find(reference) else None


def _drop_schema(work: Work, statement: Statement, job_id: str) -> Outcome:
    tokens = statement.tokens[2:]
    parts, behind = path(tokens[2:] if starts(tokens, "IF", "EXISTS") else tokens)
    project, dataset = (parts[0], parts[1]) if len(parts) > 1 else (work.project, parts[0])
    cascades = any(token.word == "CASCADE" for token in behind)
    if not cascades and work.services.models.in_dataset(project, dataset):
        raise BigQueryError("resourceInUse", f"Dataset {project}:{dataset} is still in use: it has models")
    outcome = Outcome.of(work.run_query(statement.source, job_id))
    if not work.is_dry_run:
        work.services.models.remove_dataset(project, dataset)
    return outcome


def _refuse_kept_definitions(statement: Statement) -> None:
    """Refuse to create e.g. a view that calls ML functions. The emulator runs views itself, but has no ML functions."""
    words = [token.word for token in statement.tokens[:6]]
    kept = {"VIEW", "FUNCTION", "PROCEDURE", "POLICY"} & set(words)
    if words[0] == "CREATE" and kept and statements.needs_the_gateway(statement):
        raise BigQueryError("invalidQuery", ml_inside(f"CREATE {kept.pop()}"))
