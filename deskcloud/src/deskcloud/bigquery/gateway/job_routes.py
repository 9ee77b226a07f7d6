"""Serve the REST resource `jobs`, which combines the jobs of the gateway with those of the emulator."""

import asyncio
import gzip
import itertools
import json
import re
import uuid
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakValueDictionary

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from deskcloud import jsontext
from deskcloud.bigquery.gateway import errors, reach
from deskcloud.bigquery.gateway.emulator import HELPER_PREFIX, EmulatorClient, location
from deskcloud.bigquery.gateway.errors import BigQueryError, already_exists
from deskcloud.bigquery.gateway.jobs import Jobs
from deskcloud.bigquery.gateway.passthrough import Passthrough, raw
from deskcloud.bigquery.gateway.script import CHILD_PREFIX
from deskcloud.bigquery.gateway.strict import Strict
from deskcloud.bigquery.gateway.watch import Watch
from deskcloud.bigquery.job_lists import LONGEST_PAGE, Position, order, position, token_behind
from deskcloud.web.answers import JSONResponse

# The fields of a jobs.query request are of three kinds. _OF_THE_JOB lists those that configure the job, and
# _OF_THE_ANSWER those that concern the answer. All other fields configure the query.
_OF_THE_JOB = ("dryRun", "labels", "jobTimeoutMs", "jobCreationMode")
_OF_THE_ANSWER = ("kind", "formatOptions", "timeoutMs", "maxResults", "requestId", "location")
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")
_LISTED = ("kind", "id", "jobReference", "statistics", "configuration", "status", "user_email")
_DEFAULT_WAIT_MS = 10_000


class JobRoutes:
    """The endpoints of jobs. Requests about the emulator's jobs are passed on to the emulator."""

    def __init__(
        self, passthrough: Passthrough, emulator: EmulatorClient, jobs: Jobs, watch: Watch, strict: Strict | None
    ) -> None:
        self._passthrough = passthrough
        self._emulator = emulator
        self._jobs = jobs
        self._watch = watch
        self._strict = strict
        self._inserting: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def insert(self, request: Request) -> Response:
        """Answer jobs.insert. Start the job if it needs the gateway. Otherwise pass the request to the emulator."""
        project = request.path_params["project"]
        body = await request.body()
        job = _json(request, body)
        configuration = job.get("configuration") or {}
        job_id = (job.get("jobReference") or {}).get("jobId")
        if job_id is not None and not _JOB_ID.fullmatch(job_id):
            raise BigQueryError("invalid", f"Invalid job ID {job_id!r}: it has letters, digits, underscores and dashes")
        location.set(reach.location((job.get("jobReference") or {}).get("location")))
        await run_in_threadpool(self._judge, project, configuration, job_id)
        if self._jobs.takes(project, configuration):
            if configuration.get("dryRun"):
                return JSONResponse(await run_in_threadpool(self._jobs.dry_run, project, configuration))
            job_id = job_id or str(uuid.uuid4())
            return JSONResponse(await run_in_threadpool(self._jobs.submit, project, job_id, configuration))
        # Without the lock, one of two concurrent requests with the same job id would get a database error.
        lock = self._inserting.setdefault((project, job_id or str(uuid.uuid4())), asyncio.Lock())
        async with lock:
            if job_id and self._jobs.find(project, job_id):
                raise already_exists("Job", f"{project}:{job_id}")
            if configuration.get("labels") and not configuration.get("dryRun"):
                return await self._watched(request, body)
            return await self._passthrough.forward(request, body)

    async def query(self, request: Request) -> Response:
        """Answer jobs.query: run the query and return its rows.

        If the query runs longer than `timeoutMs`, return jobComplete = false instead of rows.
        """
        project = request.path_params["project"]
        body = await request.body()
        given = _json(request, body)
        query = {k: v for k, v in given.items() if k not in (*_OF_THE_JOB, *_OF_THE_ANSWER)}
        configuration = {k: given[k] for k in _OF_THE_JOB if k in given} | {"query": query}
        location.set(reach.location(given.get("location")))
        await run_in_threadpool(self._judge, project, configuration, given.get("requestId"))
        if not self._jobs.takes(project, configuration):
            if given.get("labels") and not given.get("dryRun"):
                return await self._watched(request, body)
            return await self._passthrough.forward(request, body)
        if configuration.get("dryRun"):
            resource = await run_in_threadpool(self._jobs.dry_run, project, configuration)
            return JSONResponse(_query_answer(resource, {"jobComplete": True}))
        job_id = given.get("requestId") or str(uuid.uuid4())
        # A repeated request returns the job that the first request started.
        if self._jobs.find(project, job_id) is None:
            await run_in_threadpool(self._jobs.submit, project, job_id, configuration)
        resource = await self._wait(project, job_id, given.get("timeoutMs"))
        if resource["status"]["state"] != "DONE":
            return JSONResponse(_query_answer(resource, {"jobComplete": False}))
        _raise_failure(resource)
        rows: dict[str, Any] = {"jobComplete": True}
        if self._jobs.is_on_emulator(project, job_id):
            asked = {k: given[k] for k in ("maxResults",) if k in given}
            asked |= {f"formatOptions.{k}": jsontext.text(v) for k, v in given.get("formatOptions", {}).items()}
            path = f"{project}/queries/{job_id}"
            found = await run_in_threadpool(self._emulator.get, path, asked)
            rows |= found or {}
        return JSONResponse(_query_answer(resource, rows))

    def _judge(self, project: str, configuration: dict[str, Any], job_id: str | None) -> None:
        """Check the job's configuration and, in strict mode, its statement.

        If a job with this id exists, errors of the statement are ignored. Then jobs.insert answers 409 as usual, and
        jobs.query returns the existing job's rows.
        """
        reach.check_job(configuration)
        if self._strict is None:
            return
        try:
            self._strict.check(project, configuration)
        except BigQueryError:
            is_known = job_id and (
                self._jobs.find(project, job_id) or self._emulator.exists(f"{project}/jobs/{job_id}")
            )
            if not is_known:
                raise

    async def results(self, request: Request) -> Response:
        """Answer jobs.getQueryResults. Wait at most `timeoutMs` for the job to finish."""
        project, job_id = request.path_params["project"], request.path_params["job"]
        if self._jobs.find(project, job_id) is None:
            return await self._passthrough.forward(request)
        timeout = request.query_params.get("timeoutMs")
        resource = await self._wait(project, job_id, int(timeout) if timeout else None)
        answer = {"kind": "bigquery#getQueryResultsResponse", "jobReference": resource["jobReference"]}
        if resource["status"]["state"] != "DONE":
            return JSONResponse(answer | {"jobComplete": False})
        _raise_failure(resource)
        if self._jobs.is_on_emulator(project, job_id):
            return await self._passthrough.forward(request)
        return JSONResponse(answer | {"jobComplete": True, "cacheHit": False, "totalBytesProcessed": "0"})

    async def get(self, request: Request) -> Response:
        """Answer jobs.get with the job's resource."""
        resource = self._jobs.find(request.path_params["project"], request.path_params["job"])
        return JSONResponse(resource) if resource else await self._passthrough.forward(request)

    async def cancel(self, request: Request) -> Response:
        """Answer jobs.cancel. The answer does not wait until the job has stopped."""
        project, job_id = request.path_params["project"], request.path_params["job"]
        if self._jobs.find(project, job_id) is None:
            return await self._passthrough.forward(request)
        resource = self._jobs.cancel(project, job_id)
        return JSONResponse({"kind": "bigquery#jobCancelResponse", "job": resource})

    async def delete(self, request: Request) -> Response:
        """Answer jobs.delete. The job's child jobs are deleted too."""
        project, job_id = request.path_params["project"], request.path_params["job"]
        if self._jobs.find(project, job_id) is None:
            return await self._passthrough.forward(request)
        await run_in_threadpool(self._jobs.delete, project, job_id)
        return JSONResponse({})

    async def list(self, request: Request) -> Response:
        """Answer jobs.list, the newest job first."""
        return JSONResponse(await run_in_threadpool(self._list, request))

    def _list(self, request: Request) -> dict[str, Any]:
        project, asked = request.path_params["project"], request.query_params
        try:
            after = position(asked.get("pageToken"))
            size = min(int(asked.get("maxResults") or LONGEST_PAGE), LONGEST_PAGE)
        except ValueError as error:
            raise BigQueryError("invalid", str(error)) from None
        all_ours = self._jobs.all(project)
        ours = [_listed(job) for job in all_ours if _matches(job, asked) and _is_behind(job, after)]
        known = {job["jobReference"]["jobId"] for job in all_ours}
        filters = [(k, v) for k, v in asked.multi_items() if k not in {"maxResults", "pageToken"}]
        theirs = self._theirs(f"{project}/jobs", filters, asked.get("pageToken"))
        others = (job for job in theirs if job["jobReference"]["jobId"] not in known and not _is_hidden(job))
        jobs = sorted([*ours, *itertools.islice(others, size + 1)], key=order)
        answer: dict[str, Any] = {"kind": "bigquery#jobList", "jobs": jobs[:size]}
        return answer | ({"nextPageToken": token_behind(jobs[size - 1])} if len(jobs) > size else {})

    def _theirs(self, path: str, filters: Sequence[tuple[str, str]], token: str | None) -> Iterator[dict[str, Any]]:
        """Yield the emulator's jobs, and fetch further pages only as needed."""
        while True:
            page = self._emulator.get(path, [*filters, *([("pageToken", token)] if token else [])]) or {}
            yield from page.get("jobs", [])
            if (token := page.get("nextPageToken")) is None:
                return

    async def upload(self, request: Request) -> Response:
        """Answer a jobs.insert request that contains a file, or one chunk of a file."""
        answer = await self._passthrough.fetch(request)
        job = answer.json() if answer.is_success and answer.content else {}
        if job.get("configuration", {}).get("labels"):
            self._watch.see(job)
        return raw(answer)

    async def _watched(self, request: Request, body: bytes) -> Response:
        answer = await self._passthrough.fetch(request, body)
        if answer.is_success:
            self._watch.see(answer.json())
        return raw(answer)

    async def _wait(self, project: str, job_id: str, timeout_ms: int | None) -> dict[str, Any]:
        """Wait until the job is done, or until the timeout is over. Return the job's resource."""
        if future := self._jobs.future(project, job_id):
            seconds = (_DEFAULT_WAIT_MS if timeout_ms is None else timeout_ms) / 1000
            await asyncio.wait([asyncio.wrap_future(future)], timeout=seconds)
        if (resource := self._jobs.find(project, job_id)) is None:
            raise errors.not_found("Job", f"{project}:{job_id}")
        return resource


def _json(request: Request, body: bytes) -> dict[str, Any]:
    """Parse the body as a JSON object. Any other body gives {}, and the emulator then refuses the request."""
    try:
        content = gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body
        parsed = json.loads(content)
    except (ValueError, OSError, EOFError, zlib.error, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _raise_failure(resource: dict[str, Any]) -> None:
    if proto := resource["status"].get("errorResult"):
        raise errors.of_a_job(proto)


def _query_answer(resource: dict[str, Any], rows: dict[str, Any]) -> dict[str, Any]:
    statistics = resource["statistics"]
    times = {k: statistics[k] for k in ("creationTime", "startTime", "endTime") if k in statistics}
    query = statistics.get("query", {})
    shown = {k: query[k] for k in ("schema", "statementType", "numDmlAffectedRows") if k in query}
    head = {"location": "US", "jobReference": resource["jobReference"], "cacheHit": False}
    return head | times | shown | rows | {"kind": "bigquery#queryResponse"}


def _is_hidden(job: dict[str, Any]) -> bool:
    """Return whether the emulator's job was started by the gateway and not by a client."""
    job_id: str = job["jobReference"]["jobId"]
    is_childs = job_id.startswith(CHILD_PREFIX) and "parentJobId" not in job["statistics"]
    return is_childs or job_id.startswith(HELPER_PREFIX)


def _listed(resource: dict[str, Any]) -> dict[str, Any]:
    status = resource["status"]
    shown = {k: resource[k] for k in _LISTED} | {"state": status["state"]}
    return shown | ({"errorResult": status["errorResult"]} if "errorResult" in status else {})


def _is_behind(job: dict[str, Any], position: Position | None) -> bool:
    return position is None or order(job) > (-position[0], position[1])


def _matches(resource: dict[str, Any], asked: Any) -> bool:
    created = int(resource["statistics"]["creationTime"])
    states = [state.upper() for state in asked.getlist("stateFilter")]
    return (
        resource["statistics"].get("parentJobId") == asked.get("parentJobId")
        and (not states or resource["status"]["state"] in states)
        and created >= int(asked.get("minCreationTime") or 0)
        and created <= int(asked.get("maxCreationTime") or created)
    )
