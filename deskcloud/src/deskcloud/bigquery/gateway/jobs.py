"""Run the jobs that the gateway handles, each in a thread, and store their resources.

After a restart, jobs that did not finish are marked as failed.
"""

import contextlib
import contextvars
import json
import logging
import sqlite3
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from deskcloud import jsontext
from deskcloud.bigquery.gateway import execution, outbound
from deskcloud.bigquery.gateway.audit import Audit
from deskcloud.bigquery.gateway.errors import BigQueryError, already_exists, not_found
from deskcloud.bigquery.gateway.kept_models import now
from deskcloud.bigquery.gateway.script import CHILD_PREFIX
from deskcloud.bigquery.gateway.state import Database
from deskcloud.bigquery.gateway.work import Outcome, Services, Work, name_positional_parameters
from deskcloud.googlesql import statements

_LOG = logging.getLogger(__name__)
_JOB_TYPES = ("query", "extract")


@dataclass
class _Running:
    resource: dict[str, Any]
    cancelled: threading.Event = field(default_factory=threading.Event)
    future: "Future[None] | None" = None


class Jobs:
    """The jobs that the gateway and not the emulator handles, running and finished."""

    def __init__(self, database: Database, services: Services, audit: Audit) -> None:
        self._database = database
        self._services = services
        self._audit = audit
        self._running: dict[tuple[str, str], _Running] = {}
        # Training occupies a processor for a long time. Short jobs must not wait for a training.
        self._training = ThreadPoolExecutor(2, "bigquery-training")
        self._quick = ThreadPoolExecutor(8, "bigquery-ml")
        self._is_closing = False
        self._fail_interrupted()

    def takes(self, project: str, configuration: dict[str, Any]) -> bool:
        """Return whether the gateway handles the job.

        The gateway also handles a job that would create a table or view with a model's name, in order to refuse the
        job.
        """
        if _is_ours(configuration):
            return True
        text = configuration.get("query", {}).get("query", "")
        if "create" not in text.lower():
            return False
        work = Work(self._services, project, "", configuration)
        with contextlib.suppress(BigQueryError):
            return execution.takes_the_name_of(work, text) is not None
        return False

    def submit(self, project: str, job_id: str, configuration: dict[str, Any]) -> dict[str, Any]:
        """Start a job and return its resource.

        Raises:
            BigQueryError: duplicate, if the gateway or the emulator already has a job with this id.
        """
        if self._services.emulator.exists(f"{project}/jobs/{job_id}"):
            raise already_exists("Job", f"{project}:{job_id}")
        types = _statement_types(configuration)
        running = _Running(_resource(project, job_id, configuration))
        if statement_type := "SCRIPT" if len(types) > 1 else types[0]:
            # Set the type before the statement runs, so that a failed job has a type too. Log sinks may filter by
            # statementType.
            running.resource["statistics"]["query"] = {"statementType": statement_type}
        try:
            self._insert(running.resource)
        except sqlite3.IntegrityError:
            raise already_exists("Job", f"{project}:{job_id}") from None
        # Add the job to `_running` only after the insert. A refused job must not replace the job that already has the
        # id.
        self._running[project, job_id] = running
        if self._is_closing:
            # `close` may already have cancelled the running jobs, without this job. It waits for all jobs to end, so
            # this job must be cancelled too.
            running.cancelled.set()
        pool = self._training if "CREATE_MODEL" in types else self._quick
        running.future = pool.submit(contextvars.copy_context().run, self._execute, running, configuration)
        return running.resource

    def dry_run(self, project: str, configuration: dict[str, Any]) -> dict[str, Any]:
        """Return the resource of a dry run. The job has no id and is not stored.

        Raises:
            BigQueryError: the job itself would fail with this error.
        """
        resource = _resource(project, "", configuration)
        outcome = execution.run(_work(self._services, resource, configuration, threading.Event()))
        return _done(resource, outcome)

    def find(self, project: str, job_id: str) -> dict[str, Any] | None:
        """Return the job's resource, or None if the gateway has no such job."""
        if running := self._running.get((project, job_id)):
            return running.resource
        rows = self._database.execute("SELECT resource FROM jobs WHERE (project, job) = (?, ?)", project, job_id)
        return dict(json.loads(rows[0][0])) if rows else None

    def is_on_emulator(self, project: str, job_id: str) -> bool:
        """Return whether the emulator has the rows of this finished job."""
        rows = self._database.execute("SELECT on_emulator FROM jobs WHERE (project, job) = (?, ?)", project, job_id)
        return bool(rows and rows[0][0])

    def future(self, project: str, job_id: str) -> "Future[None] | None":
        """Return a future that is done when the job is done, or None if the job has already finished."""
        running = self._running.get((project, job_id))
        return running.future if running else None

    def all(self, project: str) -> list[dict[str, Any]]:
        """Return the resources of all the gateway's jobs in a project."""
        rows = self._database.execute("SELECT resource FROM jobs WHERE project = ?", project)
        return [json.loads(resource) for (resource,) in rows]

    def cancel(self, project: str, job_id: str) -> dict[str, Any]:
        """Ask a running job to stop, and return the job's resource without waiting.

        Raises:
            BigQueryError: notFound, if there is no such job.
        """
        if running := self._running.get((project, job_id)):
            running.cancelled.set()
        if (resource := self.find(project, job_id)) is None:
            raise not_found("Job", f"{project}:{job_id}")
        return resource

    def delete(self, project: str, job_id: str) -> None:
        """Delete a finished job and its child jobs."""
        self._services.emulator.delete(f"{project}/jobs/{job_id}/delete")
        self._database.execute(
            "DELETE FROM jobs WHERE project = ? AND (job = ? OR resource ->> '$.statistics.parentJobId' = ?)",
            project,
            job_id,
            job_id,
        )

    def close(self) -> None:
        """Cancel the running jobs and wait for their threads. The cancelled jobs fail with "The service restarted"."""
        self._is_closing = True
        for running in list(self._running.values()):
            running.cancelled.set()
        self._training.shutdown(cancel_futures=True)
        self._quick.shutdown(cancel_futures=True)

    def _execute(self, running: _Running, configuration: dict[str, Any]) -> None:
        resource = running.resource
        resource = running.resource = resource | {
            "status": {"state": "RUNNING"},
            "statistics": resource["statistics"] | {"startTime": now()},
        }
        self._update(resource)
        outcome, error = Outcome({}), None
        try:
            outcome = execution.run(_work(self._services, resource, configuration, running.cancelled))
        except BigQueryError as failure:
            error = _interrupted() if self._is_closing else failure
        except httpx.TransportError as failure:
            error = BigQueryError("backendError", f"A service does not answer: {failure!r}")
        except Exception as failure:  # noqa: BLE001 - any exception must end the job
            # This is a fault of the local cloud and not of the request, because a wrong request raises BigQueryError.
            _LOG.exception("job %s failed", resource["id"])
            error = BigQueryError("internalError", f"Internal error: {failure!r}")
        resource = running.resource = _done(resource, outcome, error)
        for child in _children(resource, outcome):
            with contextlib.suppress(sqlite3.IntegrityError):
                self._insert(child)
        self._update(resource, on_emulator=outcome.on_emulator)
        project, job_id = resource["jobReference"]["projectId"], resource["jobReference"]["jobId"]
        del self._running[project, job_id]
        self._audit.tell(resource)
        self._database.prune()

    def _insert(self, resource: dict[str, Any]) -> None:
        self._database.execute(
            "INSERT INTO jobs VALUES (?, ?, ?, ?, FALSE, ?)",
            resource["jobReference"]["projectId"],
            resource["jobReference"]["jobId"],
            int(resource["statistics"]["creationTime"]),
            resource["status"]["state"],
            jsontext.text(resource),
        )

    def _update(self, resource: dict[str, Any], *, on_emulator: bool = False) -> None:
        self._database.execute(
            "UPDATE jobs SET state = ?, on_emulator = ?, resource = ? WHERE (project, job) = (?, ?)",
            resource["status"]["state"],
            on_emulator,
            jsontext.text(resource),
            resource["jobReference"]["projectId"],
            resource["jobReference"]["jobId"],
        )

    def _fail_interrupted(self) -> None:
        """Mark as failed all jobs that a previous process left running. Clients retry these jobs under another id."""
        projects = set()
        for (text,) in self._database.execute("SELECT resource FROM jobs WHERE state != 'DONE'"):
            resource = json.loads(text)
            resource = _done(resource, Outcome({}), _interrupted())
            self._update(resource)
            self._audit.tell(resource)
            projects.add(resource["jobReference"]["projectId"])
        for project in projects:
            self._services.emulator.end_helpers(project)


def _interrupted() -> BigQueryError:
    return BigQueryError("backendError", "The service restarted while the job was running: retry it")


def _is_ours(configuration: dict[str, Any]) -> bool:
    if "extract" in configuration:
        return outbound.is_ours(configuration["extract"])
    query = configuration.get("query", {})
    return not query.get("useLegacySql") and statements.is_ours(query.get("query", ""))


def _statement_types(configuration: dict[str, Any]) -> list[str]:
    """Return the type of each statement.

    The type is an empty string if only the emulator knows the type. For an extract job, the list is [""].
    """
    parsed = statements.parse(configuration.get("query", {}).get("query", ""))
    return [statements.own_statement(statement.tokens) for statement in parsed] or [""]


def _work(
    services: Services, resource: dict[str, Any], configuration: dict[str, Any], cancelled: threading.Event
) -> Work:
    if "query" in configuration:
        configuration = configuration | {"query": name_positional_parameters(configuration["query"])}
    reference = resource["jobReference"]
    return Work(services, reference["projectId"], reference["jobId"], configuration, cancelled)


def _resource(project: str, job_id: str, configuration: dict[str, Any]) -> dict[str, Any]:
    kind = next(name for name in _JOB_TYPES if name in configuration)
    return {
        "kind": "bigquery#job",
        "id": f"{project}:US.{job_id}",
        "selfLink": f"/bigquery/v2/projects/{project}/jobs/{job_id}?location=US",
        "jobReference": {"projectId": project, "jobId": job_id, "location": "US"},
        "configuration": configuration | {"jobType": kind.upper()},
        "jobCreationReason": {"code": "REQUESTED"},
        "status": {"state": "PENDING"},
        "statistics": {"creationTime": now()},
        "user_email": "local-bigquery@localhost",
    }


def _done(resource: dict[str, Any], outcome: Outcome, error: BigQueryError | None = None) -> dict[str, Any]:
    status: dict[str, Any] = {"state": "DONE"}
    if error:
        status |= {"errorResult": error.proto(), "errors": [error.proto()]}
    statistics = resource["statistics"] | {"endTime": now(), "totalBytesProcessed": "0"} | outcome.statistics
    configuration = resource["configuration"]
    if outcome.destination:
        configuration = configuration | {"query": configuration["query"] | {"destinationTable": outcome.destination}}
    return resource | {"status": status, "statistics": statistics, "configuration": configuration}


def _children(resource: dict[str, Any], outcome: Outcome) -> list[dict[str, Any]]:
    project, parent = resource["jobReference"]["projectId"], resource["jobReference"]["jobId"]
    children = []
    for number, child in enumerate(outcome.children):
        configuration = resource["configuration"]
        configuration = configuration | {"query": configuration["query"] | {"query": child["query"]}}
        made = _resource(project, f"{CHILD_PREFIX}{parent}_{number}", configuration)
        statistics = {"query": child["statistics"], "parentJobId": parent}
        children.append(_done(made, Outcome(statistics)))
    return children
