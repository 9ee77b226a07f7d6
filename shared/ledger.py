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
checkouts/NAME.json             the answer to one checkout-started, for the days that its message may come again
dead-letters/NAME.json          messages that nobody could use, with the reason
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage  # type: ignore[attr-defined]

from shared import jsontext
from shared.errors import Malformed, told
from shared.events import EVENTS, Event


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


class Ledger:
    """The runs' folder in the bucket. Every method raises google.api_core exceptions when storage fails."""

    def __init__(self, bucket: storage.Bucket) -> None:
        self._bucket = bucket

    def open_run(self, event: Event, reads: dict[str, Any], now: datetime) -> None:
        """Write down the run's first event and what it reads, unless an earlier delivery has."""
        document = {"opened_at": now, "topic": event.topic, "event": event.to_json(), **reads}
        self._write_once(f"runs/{event.run_id}/run.json", document)

    def is_opened(self, run_id: str) -> bool:
        """Whether the run was opened, and not reset since.

        By a listing, which tells a missing bucket from a missing run.
        """
        return any(self._bucket.list_blobs(prefix=f"runs/{run_id}/run.json", max_results=1))

    def run(self, run_id: str) -> dict[str, Any]:
        """Return what the run reads and, as `incarnation`, a number that a reset run does not keep.

        Raises:
            Malformed: nobody opened the run, or it was reset.
            NotFound: the bucket is not there.
        """
        blob = self._bucket.blob(f"runs/{run_id}/run.json")
        try:
            document = json.loads(blob.download_as_bytes())
        except NotFound:
            if self.is_opened(run_id):
                raise
            raise Malformed(f"there is no run {run_id}: nobody opened it, or it was reset") from None
        return {**document, "incarnation": blob.generation}

    def opened_at(self, run_id: str) -> str | None:
        """Return when the run was opened, in ISO 8601; None where its folder has no record of it."""
        document = self._read(f"runs/{run_id}/run.json")
        return None if document is None else str(document["opened_at"])

    def record(self, run_id: str, step: str) -> Record | None:
        """Return what the step did, or None when no delivery has finished it."""
        document = self._read(f"runs/{run_id}/steps/{step}.json")
        return None if document is None else _record(step, document)

    def went_on(self, run_id: str, record: Record) -> bool:
        """Whether a later step of the run has a record, so that this one's event has arrived."""
        return any(other.finished_at > record.finished_at for other in self.records(run_id))

    def finish(self, run_id: str, record: Record) -> Record:
        """Write the step's record once; return the one that stands, which may be another delivery's."""
        document = {
            "topic": record.event.topic,
            "event": record.event.to_json(),
            "started_at": record.started_at.isoformat(),
            "finished_at": record.finished_at.isoformat(),
            "bigquery_seconds": round(record.bigquery_seconds, 3),
            "message_id": record.message_id,
        }
        if self._write_once(f"runs/{run_id}/steps/{record.step}.json", document):
            return record
        standing = self.record(run_id, record.step)
        return standing or record

    def fail(self, run_id: str, failure: Failure) -> None:
        """Write down why the step failed this time."""
        document = {
            "reason": told(failure.reason),
            "is_permanent": failure.is_permanent,
            "failed_at": failure.failed_at.isoformat(),
        }
        self._write(f"runs/{run_id}/failures/{failure.step}.json", document)

    def plan_trainings(self, run_id: str, attempt: int, jobs: dict[str, str]) -> dict[str, str]:
        """Write down an attempt's job ids by candidate, unless another delivery has; return those that stand."""
        return self._keep(f"runs/{run_id}/trainings/{attempt}.json", jobs)

    def trainings(self, run_id: str, attempt: int) -> dict[str, str]:
        """Return an attempt's job ids by candidate; none when nobody has written them down."""
        return self._read(f"runs/{run_id}/trainings/{attempt}.json") or {}

    def keep(self, run_id: str, name: str, document: dict[str, Any]) -> dict[str, Any]:
        """Keep what a step settled, unless another delivery has; return what stands."""
        return self._keep(f"runs/{run_id}/{name}.json", document)

    def write(self, run_id: str, name: str, document: dict[str, Any]) -> None:
        """Keep what a step found out; writing it again replaces it."""
        self._write(f"runs/{run_id}/{name}.json", document)

    def read(self, run_id: str, name: str) -> dict[str, Any] | None:
        """Return what `keep` or `write` kept, or None."""
        return self._read(f"runs/{run_id}/{name}.json")

    def uri(self, run_id: str, name: str) -> str:
        """Return the gs:// URI of something in the run's folder."""
        return f"gs://{self._bucket.name}/runs/{run_id}/{name}"

    def runs(self) -> list[str]:
        """Return the ids of all runs, oldest data first."""
        pages = self._bucket.list_blobs(prefix="runs/", delimiter="/").pages
        return sorted(prefix.split("/")[1] for page in pages for prefix in page.prefixes)

    def records(self, run_id: str) -> list[Record]:
        """Return the finished steps in the order in which they finished."""
        records = [_record(step, document) for step, document in self._documents(f"runs/{run_id}/steps/")]
        return sorted(records, key=lambda record: record.finished_at)

    def failures(self, run_id: str) -> list[Failure]:
        """Return the last failure of each step that has not finished."""
        documents = dict(self._documents(f"runs/{run_id}/failures/"))
        # Nearly always there are none, and the records need not be read.
        finished = {record.step for record in self.records(run_id)} if documents else set()
        return [
            Failure(
                step,
                document["reason"],
                document["is_permanent"],
                datetime.fromisoformat(document["failed_at"]),
            )
            for step, document in documents.items()
            if step not in finished
        ]

    def files(self, run_id: str, folder: str) -> list[str]:
        """Return the gs:// URIs of what lies in a folder of the run's, in order."""
        blobs = self._bucket.list_blobs(prefix=f"runs/{run_id}/{folder}")
        return sorted(f"gs://{self._bucket.name}/{blob.name}" for blob in blobs)

    def content(self, run_id: str, name: str) -> bytes | None:
        """Return a file of the run's folder, or None when it is not there."""
        try:
            return bytes(self._bucket.blob(f"runs/{run_id}/{name}").download_as_bytes())
        except NotFound:
            return None

    def standing_event(self, run_id: str, before: datetime) -> Event | None:
        """Return the event that a standing run waits for: recorded before then, not the last, and not failed for good.

        A run that was opened and has no record waits for its first event.
        """
        run = self._read(f"runs/{run_id}/run.json")
        if run is None:
            # It was reset while one of its steps was still writing.
            return None
        records = self.records(run_id)
        event = records[-1].event if records else EVENTS[run["topic"]].from_json(run["event"])
        since = records[-1].finished_at if records else datetime.fromisoformat(run["opened_at"])
        if event.is_last or since > before or any(failure.is_permanent for failure in self.failures(run_id)):
            return None
        return event

    def remove(self, run_id: str) -> None:
        """Forget the run: all that lies in its folder."""
        self._remove(f"runs/{run_id}/")

    def remove_dead_letters(self) -> None:
        """Forget all dead letters."""
        self._remove("dead-letters/")

    def remove_dead_letter(self, name: str) -> None:
        """Forget one dead letter; twice is once."""
        with contextlib.suppress(NotFound):
            self._bucket.blob(f"dead-letters/{name}.json").delete()

    def answer(self, name: str) -> dict[str, Any] | None:
        """Return what a checkout was answered, or None when no delivery has answered it."""
        return self._read(f"checkouts/{name}.json")

    def keep_answer(self, name: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Write down what a checkout is answered, unless another delivery has; return what stands."""
        return self._keep(f"checkouts/{name}.json", answer)

    def bury(self, name: str, letter: dict[str, Any]) -> None:
        """Keep a dead letter; the same one arriving twice is one."""
        self._write_once(f"dead-letters/{name}.json", letter)

    def dead_letters(self) -> dict[str, dict[str, Any]]:
        """Return all dead letters by name."""
        return dict(self._documents("dead-letters/"))

    def _remove(self, prefix: str) -> None:
        for blob in self._bucket.list_blobs(prefix=prefix):
            with contextlib.suppress(NotFound):
                blob.delete()

    def _documents(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for blob in self._bucket.list_blobs(prefix=prefix):
            document = self._read(blob.name)
            if document is not None:
                yield blob.name.removeprefix(prefix).removesuffix(".json"), document

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = json.loads(self._bucket.blob(path).download_as_bytes())
        except NotFound:
            return None
        return document

    def _write(self, path: str, document: dict[str, Any]) -> None:
        content = jsontext.encode(document, 1)
        self._bucket.blob(path).upload_from_string(content, content_type="application/json")

    def _keep(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """Write it unless there is one; return the one that stands."""
        if self._write_once(path, document):
            return document
        return self._read(path) or document

    def _write_once(self, path: str, document: dict[str, Any]) -> bool:
        content = jsontext.encode(document, 1)
        blob = self._bucket.blob(path)
        try:
            blob.upload_from_string(content, content_type="application/json", if_generation_match=0)
        except PreconditionFailed:
            return False
        return True


def _record(step: str, document: dict[str, Any]) -> Record:
    return Record(
        step,
        EVENTS[document["topic"]].from_json(document["event"]),
        datetime.fromisoformat(document["started_at"]),
        datetime.fromisoformat(document["finished_at"]),
        document["bigquery_seconds"],
        document["message_id"],
    )
