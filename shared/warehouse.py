"""BigQuery, one file of sql/ at a time, each job submitted once however often its event is delivered."""

import contextlib
import hashlib
import itertools
import re
import time
from collections.abc import Iterable, Mapping
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

from shared import jsontext
from shared.deadline import Deadline
from shared.errors import NotReady, Permanent
from shared.settings import Settings

DENIED = "accessDenied"
SQL = Path(__file__).parent.parent / "sql"
IDENTIFIER = re.compile(r"[A-Za-z0-9_.:/*-]+")
# Reasons for which a new job may succeed: faults and limits heal by themselves, rights and billing once they are given.
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
TYPES = {bool: "BOOL", int: "INT64", float: "FLOAT64", str: "STRING", date: "DATE", datetime: "TIMESTAMP"}

# Statements of one step that run side by side; Google's client keeps ten connections.
MOST_AT_ONCE = 8

type Value = bool | int | float | str | date | datetime
type Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Statement:
    """A file of sql/ by its path without `.sql`, with values as parameters and validated names as identifiers."""

    name: str
    parameters: Parameters = field(default_factory=dict)
    identifiers: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the SQL, identifiers filled in.

        Raises:
            ValueError: an identifier holds a character that could end it.
        """
        for name, value in self.identifiers.items():
            if not IDENTIFIER.fullmatch(value):
                raise ValueError(f"identifier {name} is {value!r}: only {IDENTIFIER.pattern} is let into SQL")
        return Template((SQL / f"{self.name}.sql").read_text()).substitute(self.identifiers)


class Warehouse:
    """Runs statements for one step of one run.

    A job's id is made of the run, the step, the statement's name and its values, so a second delivery attaches to the
    first one's job. A failed job's id is burned: the next delivery counts up. The statement's text is no part of the
    id: a deployment may change a comment while a run goes on.
    """

    def __init__(
        self, client: bigquery.Client, settings: Settings, run_id: str, step: str, incarnation: int, deadline: Deadline
    ) -> None:
        self._client = client
        self._dataset = settings.dataset
        self._run_id = run_id
        self._step = step
        # Part of every job's id, so that a run which was reset does not attach to the jobs of its former life.
        self._incarnation = incarnation
        self._deadline = deadline
        # How long this delivery has waited for BigQuery.
        self.seconds = 0.0

    def query(self, name: str, parameters: Parameters | None = None, **identifiers: str) -> list[dict[str, Any]]:
        """Run one statement and return its rows; a row is a dict by column name.

        Raises:
            Permanent: BigQuery refused the statement; says why.
            GoogleAPICallError: it fails for a reason that may heal, as the lack of a right does once it is granted.
            NotReady: the job still runs at this delivery's deadline.
        """
        [rows] = self.query_all([Statement(name, parameters or {}, identifiers)])
        return rows

    def query_all(self, statements: Iterable[Statement]) -> list[list[dict[str, Any]]]:
        """Run independent statements side by side and return their rows in the given order.

        When some fail, the first one's error is raised once all have ended.
        """
        started = time.monotonic()
        try:
            # A submission may wait for its job for a while, so those of the others do not wait for it.
            with ThreadPoolExecutor(MOST_AT_ONCE, "bigquery") as pool:
                return list(pool.map(lambda statement: self._rows(self.submit(statement)), statements))
        finally:
            self.seconds += time.monotonic() - started

    def submit(self, statement: Statement) -> bigquery.QueryJob:
        """Return the statement's job: the one that runs or has succeeded, else a new attempt."""
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
        """Have the statement run under that id, unless a job has it already: whatever that one's text and state."""
        with contextlib.suppress(Conflict):
            self._insert(statement, job_id, attempt)

    def find(self, job_id: str) -> bigquery.QueryJob | None:
        """Return the job that has the id, or None when nobody has submitted it."""
        try:
            return self._client.get_job(job_id, location=self._client.location)  # type: ignore[return-value]
        except NotFound:
            return None

    def job_id(self, statement: Statement, attempt: int) -> str:
        """Return the id under which this step submits the statement for the first time, the second, ..."""
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
                # The client's own patience is longer than a function lives.
                retry=DEFAULT_RETRY.with_timeout(timeout),
                job_retry=None,
                timeout=timeout,
            )
        except (BadRequest, NotFound) as error:
            raise Permanent(f"{error.message} (job {job_id})") from error

    def _attach(self, job_id: str) -> bigquery.QueryJob:
        # Right after a 409 a job may not be visible yet.
        seen = Retry(if_exception_type(NotFound), timeout=60)
        job: bigquery.QueryJob = self._client.get_job(job_id, location=self._client.location, retry=seen)  # type: ignore[assignment]
        return job

    def _rows(self, job: bigquery.QueryJob) -> list[dict[str, Any]]:
        try:
            rows = job.result(timeout=self._deadline.wait_seconds)
        except TimeoutError as error:
            raise NotReady(f"job {job.job_id} still runs; the next delivery attaches to it") from error
        except Exception:
            # The results may tell of the failure before the job was looked at again.
            if job.done() and job.error_result and not heals(job):
                raise Permanent(reason(job)) from None
            raise
        return [dict(row) for row in rows]


def query(client: bigquery.Client, settings: Settings, statement: Statement) -> list[dict[str, Any]]:
    """Run a statement that belongs to no run and may be run twice.

    Raises:
        Permanent: BigQuery refused it.
    """
    config = _config(client, settings.dataset, statement)
    try:
        return [dict(row) for row in client.query_and_wait(statement.text(), job_config=config)]
    except (BadRequest, NotFound) as error:
        raise Permanent(error.message) from error


def heals(job: bigquery.QueryJob) -> bool:
    """Whether a new attempt of a failed job may succeed: also where two statements wanted to change the same rows."""
    error = job.error_result or {}
    return error.get("reason") in RETRYABLE or "due to concurrent update" in error.get("message", "")


def denied_at(job: bigquery.QueryJob) -> datetime | None:
    """Return when the job failed for want of a right; None when it did not."""
    return job.ended if (job.error_result or {}).get("reason") == DENIED else None


def reason(job: bigquery.QueryJob) -> str:
    """Return why a job failed, in BigQuery's own words, with the job to look at."""
    error = job.error_result or {}
    return f"{error.get('message', 'unknown error')} (job {job.job_id})"


def _config(client: bigquery.Client, dataset: str, statement: Statement) -> bigquery.QueryJobConfig:
    return bigquery.QueryJobConfig(
        default_dataset=f"{client.project}.{dataset}",
        query_parameters=[parameter(name, value) for name, value in statement.parameters.items()],
        use_legacy_sql=False,
    )


def parameter(name: str, value: Value | list[Value]) -> bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter:
    """Return a statement's parameter; its type is the value's, and an empty list is one of strings."""
    if isinstance(value, list):
        kind = TYPES[type(value[0])] if value else "STRING"
        return bigquery.ArrayQueryParameter(name, kind, value)
    return bigquery.ScalarQueryParameter(name, TYPES[type(value)], value)
