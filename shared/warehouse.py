"""Run the statements of sql/ in BigQuery. Each job is submitted once, even if its event is delivered several times."""

import contextlib
import hashlib
import itertools
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from string import Template
from typing import Any

from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery
from google.cloud.bigquery import DEFAULT_RETRY
from google.cloud.bigquery.table import RowIterator

from shared import jsontext
from shared.deadline import Deadline
from shared.errors import NotReady, Permanent
from shared.settings import Settings

DENIED = "accessDenied"
SQL = Path(__file__).parent.parent / "sql"
IDENTIFIER = re.compile(r"[A-Za-z0-9_.:/*-]+")
# A new job may succeed after an error with one of these reasons: temporary faults, limits, missing rights or billing.
RETRYABLE = {
    DENIED,
    "backendError",
    "billingNotEnabled",
    "blocked",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "quotaExceeded",
    "rateLimitExceeded",
}
# A new job may succeed after an error whose message contains one of these texts. For example, streamed rows cannot be
# changed for half an hour.
HEALING = ("due to concurrent update", "streaming buffer")
TYPES = {bool: "BOOL", int: "INT64", float: "FLOAT64", str: "STRING", date: "DATE", datetime: "TIMESTAMP"}

# Maximum number of a step's concurrent statements; Google's client has a pool of ten connections.
MOST_AT_ONCE = 8

type Value = bool | int | float | str | date | datetime
type Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Statement:
    """A file of sql/ with its values: `parameters` for @names, `identifiers` for ${names}.

    `name` has no suffix `.sql`.
    """

    name: str
    parameters: Parameters = field(default_factory=dict)
    identifiers: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the SQL with the identifiers inserted.

        Raises:
            ValueError: an identifier contains a character outside the allowed set.
        """
        for name, value in self.identifiers.items():
            if not IDENTIFIER.fullmatch(value):
                raise ValueError(f"identifier {name} is {value!r}: it must match {IDENTIFIER.pattern}")
        return Template((SQL / f"{self.name}.sql").read_text()).substitute(self.identifiers)


class Warehouse:
    """Runs statements for one step of one run.

    A job's id consists of the run, the step, the statement's name, a digest of its values and the attempt. So a second
    delivery of the event attaches to the job of the first delivery. A job's id cannot be used twice. So if a job has
    failed, the next delivery increases the attempt by 1. The statement's text is not part of the id, because a
    deployment during a run may change a comment in the statement.
    """

    def __init__(
        self, client: bigquery.Client, settings: Settings, run_id: str, step: str, incarnation: int, deadline: Deadline
    ) -> None:
        self._client = client
        self._dataset = settings.dataset
        self._run_id = run_id
        self._step = step
        # A number that changes when the run is reset. It is part of every job's id, so that the run does not attach to
        # jobs from before the reset.
        self._incarnation = incarnation
        self._deadline = deadline
        # Number of seconds for which this delivery has waited for BigQuery.
        self.seconds = 0.0
        # Billed bytes of each statement that this delivery has awaited. Several threads append to this list.
        self._billed: list[int] = []

    @property
    def bytes_billed(self) -> int:
        """The bytes billed for the statements of this delivery, including jobs that earlier deliveries submitted."""
        return sum(self._billed)

    def query(self, name: str, parameters: Parameters | None = None, **identifiers: str) -> list[dict[str, Any]]:
        """Run one statement and return its rows; a row is a dict by column name.

        Raises:
            Permanent: the statement failed, and a retry cannot help.
            GoogleAPICallError: the statement failed, and a retry may help.
            NotReady: the job is still running at this delivery's deadline.
        """
        [rows] = self.query_all([Statement(name, parameters or {}, identifiers)])
        return rows

    def query_all(self, statements: Iterable[Statement]) -> list[list[dict[str, Any]]]:
        """Run independent statements concurrently and return their rows in the given order.

        If statements fail, wait until all started statements have ended. Then raise the error of the first failed
        statement.

        Raises:
            Permanent, GoogleAPICallError, NotReady: see `query`.
        """
        return self._all(statements, lambda result: [dict(row) for row in result])

    def change(self, name: str, parameters: Parameters | None = None, **identifiers: str) -> int:
        """Run one statement that changes rows, and return the number of changed rows.

        Raises:
            Permanent, GoogleAPICallError, NotReady: see `query`.
        """
        [number] = self.change_all([Statement(name, parameters or {}, identifiers)])
        return number

    def change_all(self, statements: Iterable[Statement]) -> list[int]:
        """Run statements, each on another table, concurrently; return the number of rows that each has changed.

        A second delivery attaches to the jobs of the first, so it returns the same numbers.

        Raises:
            Permanent, GoogleAPICallError, NotReady: see `query`.
        """
        return self._all(statements, lambda result: result.num_dml_affected_rows or 0)

    def _all[T](self, statements: Iterable[Statement], take: Callable[[RowIterator], T]) -> list[T]:
        started = time.monotonic()
        try:
            # Use threads, because the request that submits a job may block for a while.
            with ThreadPoolExecutor(MOST_AT_ONCE, "bigquery") as pool:
                return list(pool.map(lambda statement: take(self._result(self.submit(statement))), statements))
        finally:
            self.seconds += time.monotonic() - started

    def submit(self, statement: Statement) -> bigquery.QueryJob:
        """Return the statement's job: the running or successful job if there is one, otherwise a new job.

        Raises:
            Permanent: BigQuery refused the statement; the message says why.
        """
        for attempt in itertools.count(1):
            job_id = self.job_id(statement, attempt)
            try:
                return self._insert(statement, job_id, attempt)
            except Conflict:
                job = self._attach(job_id)
            if not job.error_result:
                return job
        raise AssertionError("the attempts never end")

    def start(self, statement: Statement, job_id: str, attempt: int) -> None:
        """Submit the statement as the job `job_id`, unless a job with this id exists already, in whatever state.

        Raises:
            Permanent: BigQuery refused the statement; the message says why.
        """
        with contextlib.suppress(Conflict):
            self._insert(statement, job_id, attempt)

    def find(self, job_id: str) -> bigquery.QueryJob | None:
        """Return the job, or None if it was not submitted."""
        try:
            return self._client.get_job(job_id, location=self._client.location)  # type: ignore[return-value]
        except NotFound:
            return None

    def job_id(self, statement: Statement, attempt: int) -> str:
        """Return the id of the job for this attempt of the step to run the statement; `attempt` counts from 1."""
        values = [statement.parameters, statement.identifiers, self._incarnation]
        digest = hashlib.sha256(jsontext.encode(values, is_sorted=True)).hexdigest()[:8]
        return f"{self._run_id}-{self._step}-{statement.name.replace('/', '-')}-{digest}-a{attempt}"

    def _insert(self, statement: Statement, job_id: str, attempt: int) -> bigquery.QueryJob:
        config = _config(self._client, self._dataset, statement)
        about = {"run_id": self._run_id, "step": self._step, "attempt": str(attempt)}
        config.labels = {"pipeline": "propensity", **about}
        timeout = self._deadline.request_timeout
        try:
            return self._client.query(
                statement.text(),
                job_config=config,
                job_id=job_id,
                # Without this argument, the client would repeat the request for longer than the function's timeout.
                retry=DEFAULT_RETRY.with_timeout(timeout),
                job_retry=None,
                timeout=timeout,
            )
        except (BadRequest, NotFound) as error:
            raise Permanent(f"{error.message} (job {job_id})") from error

    def _attach(self, job_id: str) -> bigquery.QueryJob:
        # BigQuery has just answered 409, since the job exists. But `get_job` may not find the job yet.
        seen = Retry(if_exception_type(NotFound), timeout=60)
        job: bigquery.QueryJob = self._client.get_job(job_id, location=self._client.location, retry=seen)  # type: ignore[assignment]
        return job

    def _result(self, job: bigquery.QueryJob) -> RowIterator:
        try:
            result = job.result(timeout=self._deadline.wait_seconds)
        except TimeoutError as error:
            raise NotReady(f"job {job.job_id} is still running; the next delivery attaches to it") from error
        except Exception:
            # `job` may not show the failure yet. `done` reads the job's state again.
            if job.done() and job.error_result and not heals(job):
                raise Permanent(reason(job)) from None
            raise
        self._billed.append(job.total_bytes_billed or 0)
        return result


def query(client: bigquery.Client, settings: Settings, statement: Statement) -> list[dict[str, Any]]:
    """Run a statement that belongs to no run, and return its rows. The statement must be safe to repeat.

    Raises:
        Permanent: BigQuery refused the statement.
    """
    config = _config(client, settings.dataset, statement)
    try:
        return [dict(row) for row in client.query_and_wait(statement.text(), job_config=config)]
    except (BadRequest, NotFound) as error:
        raise Permanent(error.message) from error


def heals(job: bigquery.QueryJob) -> bool:
    """Whether a new attempt may succeed after this job's failure, e.g. after concurrent updates of the same rows."""
    error = job.error_result or {}
    return error.get("reason") in RETRYABLE or any(words in error.get("message", "") for words in HEALING)


def denied_at(job: bigquery.QueryJob) -> datetime | None:
    """Return when the job failed because of a missing right, or None if it did not fail for this reason."""
    return job.ended if (job.error_result or {}).get("reason") == DENIED else None


def reason(job: bigquery.QueryJob) -> str:
    """Return BigQuery's message about why the job failed, with the job's id."""
    error = job.error_result or {}
    return f"{error.get('message', 'unknown error')} (job {job.job_id})"


def _config(client: bigquery.Client, dataset: str, statement: Statement) -> bigquery.QueryJobConfig:
    return bigquery.QueryJobConfig(
        default_dataset=f"{client.project}.{dataset}",
        query_parameters=[parameter(name, value) for name, value in statement.parameters.items()],
        use_legacy_sql=False,
    )


def parameter(name: str, value: Value | list[Value]) -> bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter:
    """Return a query parameter of the value's type; an empty list becomes an array of strings."""
    if isinstance(value, list):
        kind = TYPES[type(value[0])] if value else "STRING"
        return bigquery.ArrayQueryParameter(name, kind, value)
    return bigquery.ScalarQueryParameter(name, TYPES[type(value)], value)
