"""Write an audit entry for each of the emulator's jobs that has labels, when the job is done."""

import logging
from typing import Any

import httpx

from deskcloud.bigquery.gateway.audit import Audit
from deskcloud.bigquery.gateway.emulator import EmulatorClient
from deskcloud.bigquery.gateway.state import Database
from deskcloud.bigquery.gateway.waking import WakingThread

_LOG = logging.getLogger(__name__)
_SECONDS = 0.2


class Watch:
    """A thread that polls the watched jobs until they are done. The list of jobs is persistent."""

    def __init__(self, database: Database, emulator: EmulatorClient, audit: Audit) -> None:
        self._database = database
        self._emulator = emulator
        self._audit = audit
        self._thread = WakingThread("bigquery-watch", self._look)

    def see(self, answer: dict[str, Any]) -> None:
        """Watch a job of the emulator.

        `answer` is the job's resource, or the answer to jobs.query, which contains only a reference to the job.
        """
        if not self._audit.is_on:
            return
        if answer.get("status", {}).get("state") == "DONE":
            self._audit.tell(answer)
            return
        reference = answer["jobReference"]
        values = (reference["projectId"], reference["jobId"])
        self._database.execute("INSERT OR IGNORE INTO watched VALUES (?, ?)", *values)
        self._thread.wake()

    def close(self) -> None:
        """Stop polling. The watched jobs are polled again after the next start."""
        self._thread.close()

    def _look(self) -> float | None:
        jobs = self._database.execute("SELECT project, job FROM watched")
        for project, job_id in jobs:
            self._look_at(project, job_id)
        return _SECONDS if jobs else None

    def _look_at(self, project: str, job_id: str) -> None:
        try:
            job: dict[str, Any] | None = self._emulator.get(f"{project}/jobs/{job_id}")
        except httpx.HTTPError as error:
            _LOG.warning("the emulator does not answer for job %s: %r", job_id, error)
            return
        if job and job["status"]["state"] != "DONE":
            return
        if job:
            self._audit.tell(job)
        self._database.execute("DELETE FROM watched WHERE (project, job) = (?, ?)", project, job_id)
