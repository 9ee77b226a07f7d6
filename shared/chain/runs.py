"""The ledger: the documents in the bucket that record the work of each run, so that repeated deliveries are harmless.

runs/current.json               the claim: the run that reads the export now, or read it last (shared/chain/current.py)
runs/RUN_ID/run.json            what the run reads; written once, when the run is opened
runs/RUN_ID/steps/STEP.json     the event that the step published, and the step's times; written once, by the delivery
                                that finished first. A repeated step also has STEP.2.json, STEP.3.json: see
                                Event.recorded_as
runs/RUN_ID/trainings/N.json    by candidate, the job id of the N-th training attempt; written once, before submission
runs/RUN_ID/failures/STEP.json  the last failure of a step; ignored if the step has a record
runs/RUN_ID/champion.json       the champions with which the winner is compared; written once, before the comparison
runs/RUN_ID/NAME.json           a step's result (checks, evaluation, deployment, ...)
runs/RUN_ID/model/              the exported model
runs/RUN_ID/report.html         the run's report, once it has ended (shared/report)

The structures of run.json are in shared/chain/opened_runs.py. The structures of other documents are in documents.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api_core.exceptions import NotFound

from shared.calibration import IDENTITY
from shared.chain.documents import EVALUATION, RUN, StepDone, StepFailure
from shared.errors import Malformed, Permanent, told
from shared.events import EVENTS, Event
from shared.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    from google.cloud.storage import Bucket

    from shared.calibration import Calibrator
    from shared.chain.documents import Document
    from shared.chain.opened_runs import OpenedRun


@dataclass(frozen=True)
class Life:
    """A run from its opening to a reset. If it is opened again after a reset, it gets another `incarnation`."""

    run: OpenedRun
    incarnation: int


@dataclass(frozen=True)
class Record:
    """A finished step: the event that it published, its times, and the seconds for which it waited for BigQuery.

    `bytes_billed` is the number of bytes that BigQuery bills for the step's statements, without trainings; 0 in a local
    cloud. `message_id` is Pub/Sub's id of the message whose delivery finished the step.
    """

    step: str
    event: Event
    started_at: datetime
    finished_at: datetime
    bigquery_seconds: float
    message_id: str = ""
    bytes_billed: int = 0


@dataclass(frozen=True)
class Failure:
    """Why a step has failed. If `is_permanent` is True, the step is not retried."""

    step: str
    reason: str
    is_permanent: bool
    failed_at: datetime


class Runs:
    """The runs' folders in the bucket. Every method raises google.api_core exceptions when storage fails."""

    def __init__(self, bucket: Bucket, folder: str = "runs") -> None:
        self._bucket = bucket
        self._store = Store(bucket)
        self._folder = folder

    def open(self, run: OpenedRun) -> None:
        """Write the run's run.json, unless it exists."""
        self._store.write_once(self._path(run.event.run_id, "run"), run)

    def is_opened(self, run_id: str) -> bool:
        """Return whether the run was opened, and not reset since.

        The method lists the bucket, because a listing raises NotFound if the bucket itself is missing. A read would
        answer a missing run and a missing bucket in the same way.
        """
        return any(self._bucket.list_blobs(prefix=self._path(run_id, "run"), max_results=1))

    def opened(self, run_id: str) -> Life:
        """Return the run and its incarnation.

        Raises:
            Malformed: the run was never opened, or was reset.
            NotFound: the bucket does not exist.
        """
        path = self._path(run_id, "run")
        blob = self._bucket.blob(path)
        try:
            content = blob.download_as_bytes()
        except NotFound:
            if self.is_opened(run_id):
                raise
            raise Malformed(f"there is no run {run_id}: it was never opened, or it was reset") from None
        return Life(self._store.decode(path, content, RUN.kind), blob.generation)

    def find(self, run_id: str) -> OpenedRun | None:
        """Return the run's run.json, or None if it does not exist."""
        return self.read(run_id, RUN)

    def record(self, run_id: str, step: str) -> Record | None:
        """Return the step's record, or None if no delivery has finished the step."""
        done = self._store.read(self._path(run_id, f"steps/{step}"), StepDone)
        return None if done is None else _record(step, done)

    def went_on(self, run_id: str, record: Record) -> bool:
        """Return whether a later step of the run has a record. If so, the event of `record` has arrived."""
        return any(other.finished_at > record.finished_at for other in self.records(run_id))

    def finish(self, run_id: str, record: Record) -> Record:
        """Write the step's record unless one exists. Return the stored record, which may be from another delivery."""
        done = StepDone(
            topic=record.event.topic,
            event=record.event.to_json(),
            started_at=record.started_at,
            finished_at=record.finished_at,
            bigquery_seconds=round(record.bigquery_seconds, 3),
            message_id=record.message_id,
            bytes_billed=record.bytes_billed,
        )
        if self._store.write_once(self._path(run_id, f"steps/{record.step}"), done):
            return record
        return self.record(run_id, record.step) or record

    def records(self, run_id: str) -> list[Record]:
        """Return the records of the finished steps, in the order in which they finished."""
        found = self._store.all(f"{self._folder}/{run_id}/steps/", StepDone)
        return sorted((_record(step, done) for step, done in found), key=lambda record: record.finished_at)

    def fail(self, run_id: str, failure: Failure) -> None:
        """Write the step's failure, in place of an earlier one."""
        failed = StepFailure(
            reason=told(failure.reason), is_permanent=failure.is_permanent, failed_at=failure.failed_at
        )
        self._store.write(self._path(run_id, f"failures/{failure.step}"), failed)

    def failures(self, run_id: str) -> list[Failure]:
        """Return the last failure of each step that has not finished."""
        found = dict(self._store.all(f"{self._folder}/{run_id}/failures/", StepFailure))
        # Failures are rare, so read the records only if there are any.
        finished = {record.step for record in self.records(run_id)} if found else set()
        return [
            Failure(step, failed.reason, failed.is_permanent, failed.failed_at)
            for step, failed in found.items()
            if step not in finished
        ]

    def plan_trainings(self, run_id: str, attempt: int, jobs: dict[str, str]) -> dict[str, str]:
        """Write `jobs`, the attempt's job ids by candidate, unless ids are stored already; return the stored ids."""
        return self._store.keep(self._path(run_id, f"trainings/{attempt}"), jobs, dict[str, str])

    def trainings(self, run_id: str, attempt: int) -> dict[str, str]:
        """Return the attempt's job ids by candidate; empty if they were not written."""
        return self._store.read(self._path(run_id, f"trainings/{attempt}"), dict[str, str]) or {}

    def keep[T](self, run_id: str, document: Document[T], value: T) -> T:
        """Write the document, unless another delivery has written it. Return the stored value."""
        return self._store.keep(self._path(run_id, document.name), value, document.kind)

    def write[T](self, run_id: str, document: Document[T], value: T) -> None:
        """Write the document, or replace the existing one."""
        self._store.write(self._path(run_id, document.name), value)

    def read[T](self, run_id: str, document: Document[T]) -> T | None:
        """Return the document, or None if it does not exist."""
        return self._store.read(self._path(run_id, document.name), document.kind)

    def require[T](self, run_id: str, document: Document[T]) -> T:
        """Return the document.

        Raises:
            Permanent: the document does not exist; the message names the run and the document.
        """
        found = self.read(run_id, document)
        if found is None:
            raise Permanent(f"run {run_id} has no {document.name}.json, which an earlier step writes: was it removed?")
        return found

    def calibrator(self, run_id: str) -> Calibrator:
        """Return the calibrator of the run's winner, or the identity if the run has none."""
        evaluation = self.read(run_id, EVALUATION)
        return evaluation.calibrator if evaluation else IDENTITY

    def content(self, run_id: str, name: str) -> bytes | None:
        """Return the content of a file in the run's folder, or None if it does not exist."""
        try:
            return bytes(self._bucket.blob(f"{self._folder}/{run_id}/{name}").download_as_bytes())
        except NotFound:
            return None

    def write_page(self, run_id: str, name: str, content: bytes) -> None:
        """Write an HTML page into the run's folder, or replace the existing one."""
        self._bucket.blob(f"{self._folder}/{run_id}/{name}").upload_from_string(content, content_type="text/html")

    def uri(self, run_id: str, name: str) -> str:
        """Return the gs:// URI of a file or folder in the run's folder."""
        return f"gs://{self._bucket.name}/{self._folder}/{run_id}/{name}"

    def files(self, run_id: str, folder: str) -> list[str]:
        """Return the sorted gs:// URIs of the files in a subfolder of the run's folder."""
        blobs = self._bucket.list_blobs(prefix=f"{self._folder}/{run_id}/{folder}")
        return sorted(f"gs://{self._bucket.name}/{blob.name}" for blob in blobs)

    def ids(self) -> list[str]:
        """Return the ids of all runs, sorted by the newest day of their data."""
        pages = self._bucket.list_blobs(prefix=f"{self._folder}/", delimiter="/").pages
        return sorted(prefix.split("/")[-2] for page in pages for prefix in page.prefixes)

    def stalled_event(self, run_id: str, before: datetime) -> Event | None:
        """Return the event for which a stalled run waits, or None if the run is not stalled.

        A run is stalled if it has neither ended nor failed for good, and its last record is older than `before`. If
        the run has no record, it is stalled if it was opened before `before`.
        """
        run = self.find(run_id)
        if run is None:
            # The run was reset while one of its steps was still writing to the run's folder.
            return None
        records = self.records(run_id)
        event: Event = records[-1].event if records else run.event
        since = records[-1].finished_at if records else run.opened_at
        if event.is_last or since > before or any(failure.is_permanent for failure in self.failures(run_id)):
            return None
        return event

    def remove(self, run_id: str) -> None:
        """Delete the run's folder."""
        self._store.remove_all(f"{self._folder}/{run_id}/")

    def _path(self, run_id: str, name: str) -> str:
        return f"{self._folder}/{run_id}/{name}.json"


def _record(step: str, done: StepDone) -> Record:
    event = EVENTS[done.topic].from_json(done.event)
    return Record(
        step, event, done.started_at, done.finished_at, done.bigquery_seconds, done.message_id, done.bytes_billed
    )
