"""Store the emulator's jobs in a SQLite file. Keep the newest `KEPT_JOBS`, and delete older jobs with their results.

local-bigquery keeps all jobs in a table of its database. Writing a job there takes 2 to 4 ms, and reading a job
requires a query. Here, a job is written when it is accepted and again when it is done, so unfinished jobs are known
after a crash.

This module also deletes query results. A result is deleted with its job, or `LIFETIME_SECONDS` after the job's
creation.
"""

import collections
import functools
import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import duckdb
import pyarrow as pa
from fastapi import Depends, Query
from local_bigquery.app import PREFIX, app, valid_project
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import runner, store
from local_bigquery.models import Job, JobListJobsItem, JobStatistics
from local_bigquery.settings import settings
from local_bigquery.sql.rules import information_schema

from deskcloud import jsontext
from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.query_results import LIFETIME_SECONDS, Name, Results, kept_results
from deskcloud.bigquery.job_lists import KEPT_JOBS, LONGEST_PAGE, Position, position, token_behind
from deskcloud.web.answers import JSONResponse

_PRUNED_EACH = 50
_IN_MEMORY = 100
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    project TEXT, job TEXT, parent TEXT, state TEXT NOT NULL, created INTEGER NOT NULL, resource TEXT NOT NULL,
    has_result INTEGER NOT NULL DEFAULT TRUE, PRIMARY KEY (project, job)
);
CREATE INDEX IF NOT EXISTS by_age ON jobs (created DESC);
"""
_VIEWED = "history.main.jobs"
_VIEWED_COLUMNS = ("project_id", "job_id", "parent_job_id", "state", "creation_time", "resource")
_SAVE = "INSERT OR REPLACE INTO jobs (project, job, parent, state, created, resource) VALUES (?, ?, ?, ?, ?, ?)"


class History:
    """The stored jobs. Running jobs and the newest finished jobs are also in memory."""

    def __init__(self, file: Path, results: Results) -> None:
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        # Killing the process loses no job. After a power failure, the newest jobs may be missing.
        self._database.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_SCHEMA}")
        self._results = results
        self._latest: collections.OrderedDict[Name, Job] = collections.OrderedDict()
        self._running: dict[Name, Job] = {}
        self._lock = threading.Lock()
        self._saved = 0
        self._fail_interrupted()

    def save(self, job: Job) -> Job:
        """Store a job. The state RUNNING is not written, because a restart treats pending and running jobs alike."""
        key = _key(job)
        with self._lock:
            if job.status.state != "RUNNING":
                self._write(job)
            if job.status.state != "DONE":
                self._running[key] = job
                return job
            self._running.pop(key, None)
            self._latest[key] = job
            self._latest.move_to_end(key)
            if len(self._latest) > _IN_MEMORY:
                self._latest.popitem(last=False)
            self._saved += 1
            forgotten = self._prune() if self._saved % _PRUNED_EACH == 0 else []
        for name in forgotten:
            self._results.forget(name)
        return job

    def load(self, project: str, job: str) -> Job | None:
        """Return the job, or None if the job does not exist."""
        key = project, job
        with self._lock:
            if found := self._running.get(key) or self._latest.get(key):
                return found
            rows = self._database.execute("SELECT resource FROM jobs WHERE (project, job) = (?, ?)", key).fetchall()
        return Job.model_validate_json(rows[0][0]) if rows else None

    def list_(
        self,
        project: str,
        states: list[str] | None = None,
        parent: str | None = None,
        earliest: int | None = None,
        latest: int | None = None,
        *,
        after: Position | None = None,
        limit: int = -1,
    ) -> list[dict[str, Any]]:
        """Return the resources of jobs, newest first.

        `after` is the position of the last job of the previous page. `parent` selects the child jobs of this job, or
        the jobs without a parent if `parent` is None. `earliest` and `latest` limit the creation time, in milliseconds
        since 1970.
        """
        created, job = after or (1 << 62, "")
        with self._lock:
            rows = self._database.execute(
                """SELECT project, job, resource FROM jobs
                WHERE project = :project AND parent IS :parent
                AND created >= coalesce(:earliest, created) AND created <= coalesce(:latest, created)
                AND (created < :created OR created = :created AND job > :job)
                AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
                ORDER BY created DESC, job LIMIT :limit""",
                {
                    "project": project,
                    "parent": parent,
                    "earliest": earliest,
                    "latest": latest,
                    "created": created,
                    "job": job,
                    "limit": limit,
                    # A running job is stored as pending.
                    "states": jsontext.text([*states, "PENDING"]) if states else None,
                },
            ).fetchall()
            running = dict(self._running)
        found = [running[one, job].dump() if (one, job) in running else json.loads(text) for one, job, text in rows]
        return [one for one in found if states is None or one["status"]["state"] in states]

    def rows(self) -> list[tuple[Any, ...]]:
        """Return (project, job, parent, state, creation time in milliseconds, resource) of each stored job."""
        with self._lock:
            return self._database.execute("SELECT project, job, parent, state, created, resource FROM jobs").fetchall()

    def delete(self, project: str, job: str) -> None:
        """Delete a job and its child jobs."""
        with self._lock:
            self._database.execute("DELETE FROM jobs WHERE project = ? AND ? IN (job, parent)", (project, job))
            for key, one in list(self._latest.items()):
                if key[0] == project and job in {key[1], one.statistics.parentJobId}:
                    del self._latest[key]

    def _write(self, job: Job) -> None:
        created = int(job.statistics.creationTime)
        values = (*_key(job), job.statistics.parentJobId, job.status.state, created, jsontext.text(job.dump()))
        self._database.execute(_SAVE, values)

    def _prune(self) -> list[Name]:
        """Delete the oldest finished jobs. Return their names, and those of jobs whose results have expired."""
        gone = self._database.execute(
            """DELETE FROM jobs WHERE state = 'DONE' AND rowid IN
            (SELECT rowid FROM jobs ORDER BY created DESC LIMIT -1 OFFSET ?) RETURNING project, job""",
            (KEPT_JOBS,),
        ).fetchall()
        expired = self._database.execute(
            "UPDATE jobs SET has_result = FALSE WHERE has_result AND created < ? RETURNING project, job",
            (int((time.time() - LIFETIME_SECONDS) * 1000),),
        ).fetchall()
        return gone + expired

    def _fail_interrupted(self) -> None:
        """Mark as failed each job that a previous process did not finish. The error tells clients to retry the job."""
        error = BigQueryError("backendError", "The service restarted while the job was running: retry it")
        for (text,) in self._database.execute("SELECT resource FROM jobs WHERE state <> 'DONE'").fetchall():
            self._write(runner._done(Job.model_validate_json(text), JobStatistics(), error))  # noqa: SLF001


@functools.cache
def kept_jobs() -> History:
    """Return the process's only history. The first call needs an open connection."""
    return History(settings.data_dir / "jobs.sqlite", kept_results())


def add() -> None:
    """Make local-bigquery store, read and list its jobs with this module."""
    slow = "jobs are never deleted, and written slowly"
    patching.replace(store, "save", lambda job: kept_jobs().save(job), slow)
    patching.replace(store, "load", lambda *name: kept_jobs().load(*name), slow)
    patching.replace(store, "delete", lambda *name: kept_jobs().delete(*name), slow)
    patching.change(information_schema, "JOBS", _JobsView, "reads jobs from a table that is no longer used")
    path = f"{PREFIX}/projects/{{project_id}}/jobs"
    app.add_api_route(path, _list_jobs, methods=["GET"], dependencies=[Depends(valid_project)])
    # Move the new route to the front, because the first route that matches a request is used.
    app.router.routes.insert(0, app.router.routes.pop())


def attach(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table that INFORMATION_SCHEMA.JOBS reads."""
    columns = ", ".join(f"{name} {'BIGINT' if name == 'creation_time' else 'VARCHAR'}" for name in _VIEWED_COLUMNS)
    connection.execute(f"ATTACH ':memory:' AS history; CREATE TABLE {_VIEWED} ({columns})")


class _JobsView:
    """The SQL of INFORMATION_SCHEMA.JOBS. Each use first copies the stored jobs into a table."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("emulator.main.jobs", _VIEWED)

    def format(self, project: str) -> str:
        """Copy the jobs into the table and return the query for a project. `project` is an SQL literal."""
        columns = zip(*kept_jobs().rows(), strict=True)
        table = pa.table(dict(zip(_VIEWED_COLUMNS, map(pa.array, columns), strict=True)))
        with database.cursor() as cursor:
            cursor.register("_jobs", table)
            cursor.execute(f"BEGIN; DELETE FROM {_VIEWED}; INSERT INTO {_VIEWED} FROM _jobs; COMMIT")  # noqa: S608 - our own SQL
        return self._text.format(project=project)


def _list_jobs(
    project_id: str,
    maxResults: int = LONGEST_PAGE,  # noqa: N803 - the parameters have the API's names
    pageToken: str | None = None,  # noqa: N803
    stateFilter: Annotated[list[str] | None, Query()] = None,  # noqa: N803
    parentJobId: str | None = None,  # noqa: N803
    minCreationTime: int | None = None,  # noqa: N803
    maxCreationTime: int | None = None,  # noqa: N803
) -> JSONResponse:
    states = [state.upper() for state in stateFilter] if stateFilter else None
    size = min(maxResults, LONGEST_PAGE)
    place = (project_id, states, parentJobId, minCreationTime, maxCreationTime)
    found = kept_jobs().list_(*place, after=position(pageToken), limit=size + 1)
    token = {"nextPageToken": token_behind(found[size - 1])} if len(found) > size else {}
    answer = {"kind": "bigquery#jobList", "jobs": [_listed(job) for job in found[:size]]}
    return JSONResponse(answer | token)


def _listed(job: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in job.items() if name in JobListJobsItem.model_fields}
    status = job["status"]
    failure = {"errorResult": status["errorResult"]} if "errorResult" in status else {}
    return shown | {"state": status["state"]} | failure


def _key(job: Job) -> Name:
    return job.jobReference.projectId, job.jobReference.jobId
