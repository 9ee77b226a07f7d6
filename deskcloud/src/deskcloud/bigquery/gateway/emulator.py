"""Call the emulator's REST API for the gateway's own work. The calls block, so they must be made in worker threads.

Whole tables are exchanged as files in a scratch folder that the gateway and the emulator share. The emulator passes a
query's rows in an Arrow file, which EXPORT DATA writes. The gateway passes the result of an ML function in a Parquet
file, which a table function of the emulator reads. In SQL statements, the name of a file is a random number of 128 bits
and not a path, so no client can guess the name.
"""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from deskcloud.bigquery.emulator.launch import Emulator
from deskcloud.bigquery.emulator.place import LOCATION_HEADER, ROWS, SECRET_HEADER
from deskcloud.bigquery.gateway import errors
from deskcloud.web.plain import NO_TLS

# The ids of helper jobs begin with this prefix. A helper job runs on the emulator for the gateway and not for a client,
# and job lists omit it.
HELPER_PREFIX = "bqml_helper_"
# DuckDB's default number of rows in a row group of a Parquet file. DuckDB's threads read row groups in parallel.
_ROW_GROUP = 122_880

location: ContextVar[str] = ContextVar("location", default="")
"""The location that the current request's job names, or an empty string."""


class EmulatorClient:
    """Calls the emulator over a pool of connections."""

    def __init__(self, emulator: Emulator) -> None:
        self._http = httpx.Client(
            base_url=f"{emulator.url}/bigquery/v2/projects/",
            headers={SECRET_HEADER: emulator.secret},
            timeout=None,  # noqa: S113 - queries have no time limit
            trust_env=False,
            verify=NO_TLS,
            event_hooks={"request": [_tell_location]},
        )
        self._scratch = emulator.scratch
        self._sweeper = ThreadPoolExecutor(1, "bigquery-sweeper")

    def close(self) -> None:
        """Wait until the finished helper jobs are deleted, then close the connections."""
        self._sweeper.shutdown()
        self._http.close()

    def get(self, path: str, asked: Any = None) -> dict[str, Any] | None:
        """Return the resource at `path` below projects/, or None if it does not exist.

        `asked` holds the URL parameters.
        """
        answer = self._http.get(path, params=asked)
        return None if answer.status_code == 404 else _checked(answer)

    def exists(self, path: str) -> bool:
        """Return whether a resource exists at `path` below projects/."""
        return self.get(path) is not None

    def delete(self, path: str) -> None:
        """Delete the resource at `path` below projects/ if it exists."""
        self._http.delete(path)

    def run(
        self, project: str, configuration: dict[str, Any], job_id: str, cancelled: threading.Event
    ) -> dict[str, Any]:
        """Run a job, wait until the job is done and return the job's resource.

        Raises:
            BigQueryError: the job failed.
        """
        reference = {"projectId": project} | ({"jobId": job_id} if job_id else {})
        job = _checked(
            self._http.post(f"{project}/jobs", json={"jobReference": reference, "configuration": configuration})
        )
        while job["status"]["state"] != "DONE":
            if cancelled.is_set():
                self._http.post(f"{project}/jobs/{job_id}/cancel")
            self._http.get(f"{project}/queries/{job_id}", params={"timeoutMs": 500, "maxResults": 0})
            job = _checked(self._http.get(f"{project}/jobs/{job_id}"))
        if failure := job["status"].get("errorResult"):
            raise errors.from_proto(failure)
        return job

    def run_hidden(self, project: str, configuration: dict[str, Any], cancelled: threading.Event) -> dict[str, Any]:
        """Run a helper job. Delete the job afterwards, but not the data that the job has written."""
        job_id = f"{HELPER_PREFIX}{uuid.uuid4().hex}"
        try:
            return self.run(project, configuration, job_id, cancelled)
        finally:
            self._sweeper.submit(self.delete, f"{project}/jobs/{job_id}/delete")

    def end_helpers(self, project: str) -> None:
        """Cancel and delete the helper jobs that a previous process of the gateway left running."""
        for job in (self.get(f"{project}/jobs") or {}).get("jobs", []):
            job_id = job["jobReference"]["jobId"]
            if job_id.startswith(HELPER_PREFIX):
                self._http.post(f"{project}/jobs/{job_id}/cancel")
                self.delete(f"{project}/jobs/{job_id}/delete")

    def query(self, project: str, query: dict[str, Any], cancelled: threading.Event) -> pa.Table:
        """Return a query's rows as a table that reads a memory-mapped file.

        The file's disk space is freed when the table is no longer used.
        """
        file, uri = self.handed_over("arrow")
        text = f"EXPORT DATA OPTIONS(uri='{uri}', format='GATEWAY_ARROW') AS {query['query']}"
        try:
            self.run_hidden(project, {"query": query | {"query": text}}, cancelled)
            return pa.ipc.open_file(pa.memory_map(str(file))).read_all()
        finally:
            file.unlink(missing_ok=True)

    def handed_over(self, ending: str) -> tuple[Path, str]:
        """Return an unused path with the extension `ending`, and the URI with which EXPORT DATA writes to this path."""
        name = f"{uuid.uuid4().hex}.{ending}"
        return self._scratch / name, f"scratch:{name}"

    def keep(self, table: pa.Table) -> tuple[Path, str]:
        """Write a table into a new file, which the caller must delete.

        Return the file's path, and the SQL call that reads the file.
        """
        name = uuid.uuid4().hex
        file = self._scratch / f"{name}.parquet"
        # The file is read once and then deleted, so compression and dictionaries do not pay off.
        pq.write_table(table, file, _ROW_GROUP, compression="none", use_dictionary=False, write_statistics=False)
        return file, f"{ROWS}('{name}')"


def _tell_location(request: httpx.Request) -> None:
    request.headers[LOCATION_HEADER] = location.get()


def _checked(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    if answer.is_error:
        raise errors.from_answer(body)
    return body
