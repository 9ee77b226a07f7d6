"""Run scripts that contain statements for the gateway, in one session of the emulator.

The statements run one after another. The session holds variables and temporary tables, so each statement sees the
results of earlier statements.
"""

from collections.abc import Callable
from typing import Any

from deskcloud.bigquery.gateway.errors import BigQueryError
from deskcloud.bigquery.gateway.work import Outcome, Work
from deskcloud.bigquery.texts import ml_inside
from deskcloud.googlesql import statements
from deskcloud.googlesql.statements import Statement
from deskcloud.googlesql.tokens import starts

# Each statement of a script has a job of its own. In the emulator and here, the ids of these jobs begin with this
# prefix.
CHILD_PREFIX = "script_job_"

RunStatement = Callable[[Work, Statement, str], Outcome]


def run(work: Work, parsed: list[Statement], run_statement: RunStatement) -> Outcome:
    """Run the statements in order. The script's rows are the rows of its last statement.

    Raises:
        BigQueryError: a statement failed. As in BigQuery, the effects of earlier statements remain.
    """
    for statement in parsed:
        word = statement.tokens[0].word
        if (statement.is_block or word == "EXECUTE") and statements.needs_the_gateway(statement):
            what = "EXECUTE IMMEDIATE" if word == "EXECUTE" else f"{word} ... END of a script"
            exports = any(starts(statement.tokens[index:], "EXPORT", "DATA") for index in range(len(statement.tokens)))
            raise BigQueryError("invalidQuery", ml_inside(what, "EXPORT DATA" if exports else "BigQuery ML"))
    if work.is_dry_run:
        return Outcome({"query": {"statementType": "SCRIPT"}})
    work, session = _in_a_session(work)
    try:
        return _run(work, parsed, run_statement)
    finally:
        if session:
            abort = work.helper_query("CALL BQ.ABORT_SESSION()")
            work.services.emulator.run_hidden(work.project, {"query": abort}, work.cancelled)


def _run(work: Work, parsed: list[Statement], run_statement: RunStatement) -> Outcome:
    children: list[dict[str, Any]] = []
    outcome = Outcome({})
    for number, statement in enumerate(parsed):
        work.check_cancelled()
        is_last = number == len(parsed) - 1
        job_id = work.job_id if is_last else f"{CHILD_PREFIX}{work.job_id}_{number}"
        if statements.needs_the_gateway(statement):
            outcome = run_statement(work, statement, job_id)
        else:
            outcome = Outcome.of(work.run_query(statement.source, job_id))
            work = _in_its_default_dataset(work, statement)
        children.append({"query": statement.source, "statistics": outcome.statistics.get("query", {})})
    return Outcome(
        {"query": {"statementType": "SCRIPT"}, "numChildJobs": str(len(children))},
        on_emulator=outcome.on_emulator,
        destination=outcome.destination,
        children=children,
    )


def _in_its_default_dataset(work: Work, statement: Statement) -> Work:
    """If the statement is `SET @@dataset_id = '...'`, return `work` with this default dataset.

    The gateway needs the default dataset for models, which the emulator does not know. For any other statement, return
    `work` unchanged.
    """
    words = [token.text for token in statement.tokens]
    if len(words) != 4 or words[1].lower() != "@@dataset_id" or statement.tokens[3].kind != "string":
        return work
    return work.with_query(work.query | {"defaultDataset": {"projectId": work.project, "datasetId": words[3][1:-1]}})


def _in_a_session(work: Work) -> tuple[Work, str | None]:
    """Return `work` with a session, and the id of the session if this function has opened it.

    The id is None if the client has already opened a session.
    """
    properties = work.query.get("connectionProperties", [])
    if any(item.get("key") == "session_id" for item in properties):
        return work, None
    opening = {"query": work.helper_query("SELECT 1") | {"createSession": True}}
    job = work.services.emulator.run_hidden(work.project, opening, work.cancelled)
    session = job["statistics"].get("sessionInfo", {}).get("sessionId")
    if not session:
        raise BigQueryError("internalError", "the emulator opened no session")
    properties = [*properties, {"key": "session_id", "value": session}]
    query = work.query | {"connectionProperties": properties}
    query.pop("createSession", None)
    return work.with_query(query), session
