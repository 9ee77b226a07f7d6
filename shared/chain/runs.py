"""What each run has done, in Cloud Storage: the reason that twice equals once.

runs/current.json               the run that reads the export now, or did last (shared/chain/current.py)
runs/RUN_ID/run.json            what the run reads; written once, by the first delivery that saw it
runs/RUN_ID/steps/STEP.json     the step's next event and times; written once, by the delivery that finished first. A
                                step that a run repeats has STEP.2.json, STEP.3.json too: see Event.recorded_as
runs/RUN_ID/trainings/N.json    ids of the N-th attempt's jobs by candidate; written once, before they are submitted
runs/RUN_ID/failures/STEP.json  the last failure of a step that has no record yet
runs/RUN_ID/champion.json       the version that the candidates have to beat; written once, before they are judged
runs/RUN_ID/NAME.json           what a step found out (checks, evaluation, deployment, ...)
runs/RUN_ID/model/              the exported model

The structures of the documents are in shared/chain/documents.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api_core.exceptions import NotFound

from shared.chain.documents import RUN, StepDone, StepFailure
from shared.errors import Malformed, Permanent, told
from shared.events import EVENTS, Event
from shared.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    from google.cloud.storage import Bucket

    from shared.chain.documents import Document, OpenedRun


@dataclass(frozen=True)
class Life:
    """A run from its opening to a reset; `incarnation` is a number that a run opened anew does not keep."""

    run: OpenedRun
    incarnation: int


@dataclass(frozen=True)
class Record:
    """A finished step: what it said next, when it began and ended, and how many seconds it waited for BigQuery.

    `message_id` is Pub/Sub's id of the message whose delivery finished it.
    """

    step: str
    event: Event
    started_at: datetime
    finished_at: datetime
    bigquery_seconds: float
    message_id: str = ""


@dataclass(frozen=True)
class Failure:
    """Why a step has not finished; `is_permanent` when no retry will be made."""

    step: str
    reason: str
    is_permanent: bool
    failed_at: datetime


class Runs:
    """The runs' folders in the bucket. Every method raises google.api_core exceptions when storage fails."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._store = Store(bucket)

    def open(self, run: OpenedRun) -> None:
        """Write down the run's first event and what it reads, unless an earlier delivery has."""
        self._store.write_once(_path(run.event.run_id, "run"), run)

    def is_opened(self, run_id: str) -> bool:
        """Whether the run was opened, and not reset since.

        By a listing, which tells a missing bucket from a missing run.
        """
        return any(self._bucket.list_blobs(prefix=_path(run_id, "run"), max_results=1))

    def opened(self, run_id: str) -> Life:
        """Return what the run was opened with.

        Raises:
            Malformed: nobody opened the run, or it was reset.
            NotFound: the bucket is not there.
        """
        path = _path(run_id, "run")
        blob = self._bucket.blob(path)
        try:
            content = blob.download_as_bytes()
        except NotFound:
            if self.is_opened(run_id):
                raise
            raise Malformed(f"there is no run {run_id}: nobody opened it, or it was reset") from None
        return Life(self._store.decode(path, content, RUN.kind), blob.generation)

    def find(self, run_id: str) -> OpenedRun | None:
        """Return what the run was opened with; None where its folder has no record of it."""
        return self.read(run_id, RUN)

    def record(self, run_id: str, step: str) -> Record | None:
        """Return what the step did, or None when no delivery has finished it."""
        done = self._store.read(_path(run_id, f"steps/{step}"), StepDone)
        return None if done is None else _record(step, done)

    def went_on(self, run_id: str, record: Record) -> bool:
        """Whether a later step of the run has a record, so that this one's event has arrived."""
        return any(other.finished_at > record.finished_at for other in self.records(run_id))

    def finish(self, run_id: str, record: Record) -> Record:
        """Write the step's record once; return the one that stands, which may be another delivery's."""
        done = StepDone(
            topic=record.event.topic,
            event=record.event.to_json(),
            started_at=record.started_at,
            finished_at=record.finished_at,
            bigquery_seconds=round(record.bigquery_seconds, 3),
            message_id=record.message_id,
        )
        if self._store.write_once(_path(run_id, f"steps/{record.step}"), done):
            return record
        return self.record(run_id, record.step) or record

    def records(self, run_id: str) -> list[Record]:
        """Return the finished steps in the order in which they finished."""
        found = self._store.all(f"runs/{run_id}/steps/", StepDone)
        return sorted((_record(step, done) for step, done in found), key=lambda record: record.finished_at)

    def fail(self, run_id: str, failure: Failure) -> None:
        """Write down why the step failed this time."""
        failed = StepFailure(
            reason=told(failure.reason), is_permanent=failure.is_permanent, failed_at=failure.failed_at
        )
        self._store.write(_path(run_id, f"failures/{failure.step}"), failed)

    def failures(self, run_id: str) -> list[Failure]:
        """Return the last failure of each step that has not finished."""
        found = dict(self._store.all(f"runs/{run_id}/failures/", StepFailure))
        # Nearly always there are none, and the records need not be read.
        finished = {record.step for record in self.records(run_id)} if found else set()
        return [
            Failure(step, failed.reason, failed.is_permanent, failed.failed_at)
            for step, failed in found.items()
            if step not in finished
        ]

    def plan_trainings(self, run_id: str, attempt: int, jobs: dict[str, str]) -> dict[str, str]:
        """Write down an attempt's job ids by candidate, unless another delivery has; return those that stand."""
        return self._store.keep(_path(run_id, f"trainings/{attempt}"), jobs, dict[str, str])

    def trainings(self, run_id: str, attempt: int) -> dict[str, str]:
        """Return an attempt's job ids by candidate; none when nobody has written them down."""
        return self._store.read(_path(run_id, f"trainings/{attempt}"), dict[str, str]) or {}

    def keep[T](self, run_id: str, document: Document[T], value: T) -> T:
        """Keep what a step settled, unless another delivery has; return what stands."""
        return self._store.keep(_path(run_id, document.name), value, document.kind)

    def write[T](self, run_id: str, document: Document[T], value: T) -> None:
        """Keep what a step found out; writing it again replaces it."""
        self._store.write(_path(run_id, document.name), value)

    def read[T](self, run_id: str, document: Document[T]) -> T | None:
        """Return what `keep` or `write` kept, or None."""
        return self._store.read(_path(run_id, document.name), document.kind)

    def require[T](self, run_id: str, document: Document[T]) -> T:
        """Return what `keep` or `write` kept.

        Raises:
            Permanent: there is no such document; names run and document.
        """
        found = self.read(run_id, document)
        if found is None:
            raise Permanent(f"run {run_id} has no {document.name}.json, which an earlier step writes: was it removed?")
        return found

    def content(self, run_id: str, name: str) -> bytes | None:
        """Return a file of the run's folder, or None when it is not there."""
        try:
            return bytes(self._bucket.blob(f"runs/{run_id}/{name}").download_as_bytes())
        except NotFound:
            return None

    def uri(self, run_id: str, name: str) -> str:
        """Return the gs:// URI of something in the run's folder."""
        return f"gs://{self._bucket.name}/runs/{run_id}/{name}"

    def files(self, run_id: str, folder: str) -> list[str]:
        """Return the gs:// URIs of what lies in a folder of the run's, in order."""
        blobs = self._bucket.list_blobs(prefix=f"runs/{run_id}/{folder}")
        return sorted(f"gs://{self._bucket.name}/{blob.name}" for blob in blobs)

    def ids(self) -> list[str]:
        """Return the ids of all runs, oldest data first."""
        pages = self._bucket.list_blobs(prefix="runs/", delimiter="/").pages
        return sorted(prefix.split("/")[1] for page in pages for prefix in page.prefixes)

    def standing_event(self, run_id: str, before: datetime) -> Event | None:
        """Return the event that a standing run waits for: recorded before then, not the last, and not failed for good.

        A run that was opened and has no record waits for its first event.
        """
        run = self.find(run_id)
        if run is None:
            # It was reset while one of its steps was still writing.
            return None
        records = self.records(run_id)
        event: Event = records[-1].event if records else run.event
        since = records[-1].finished_at if records else run.opened_at
        if event.is_last or since > before or any(failure.is_permanent for failure in self.failures(run_id)):
            return None
        return event

    def remove(self, run_id: str) -> None:
        """Forget the run: all that lies in its folder."""
        self._store.remove_all(f"runs/{run_id}/")


def _path(run_id: str, name: str) -> str:
    return f"runs/{run_id}/{name}.json"


def _record(step: str, done: StepDone) -> Record:
    event = EVENTS[done.topic].from_json(done.event)
    return Record(step, event, done.started_at, done.finished_at, done.bigquery_seconds, done.message_id)
