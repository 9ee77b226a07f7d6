"""Update the champion's pointer in the bucket from the registry's aliases, which are authoritative.

The code that moves an alias or registers a version calls `follow` afterwards. resume_runs calls `follow` too, because a
process may have died before the call. Concurrent calls are safe: a call reads the pointer's generation, then the
registry, and replaces the pointer only if this generation has not changed. So a pointer that was computed from an older
state of the registry never replaces a pointer that was computed from a newer state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api_core.exceptions import NotFound, PreconditionFailed

from shared import champion, jsontext
from shared.chain.documents import DEPLOYMENT, SCORER
from shared.chain.log_events import PointerReplaced
from shared.log import log

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

    from shared.chain.environment import Environment
    from shared.chain.versions import Version
    from shared.champion import Pointer


def follow(environment: Environment) -> None:
    """Write the champion's pointer if it has changed, or delete the pointer if there is no champion."""
    bucket = environment.bucket
    while not _has_followed(bucket, environment):
        log(PointerReplaced())


def read(environment: Environment) -> Pointer | None:
    """Return the champion's pointer; None if there is no champion."""
    try:
        return champion.read(environment.bucket.blob(champion.POINTER).download_as_bytes())
    except NotFound:
        return None


def _has_followed(bucket: Bucket, environment: Environment) -> bool:
    blob = bucket.get_blob(champion.POINTER)
    serving = environment.registry.champion()
    if serving is None and blob is None:
        return True
    try:
        if serving is None:
            blob.delete(if_generation_match=blob.generation)
            return True
        content = jsontext.encode(_pointer(serving, bucket, environment), 1)
        if blob and blob.download_as_bytes(if_generation_match=blob.generation) == content:
            return True
        bucket.blob(champion.POINTER).upload_from_string(
            content, content_type="application/json", if_generation_match=blob.generation if blob else 0
        )
    except (NotFound, PreconditionFailed):
        return False
    return True


def _pointer(serving: Version, bucket: Bucket, environment: Environment) -> champion.Pointer:
    deployment = environment.runs.read(serving.run_id, DEPLOYMENT)
    scorer = f"runs/{serving.run_id}/{SCORER.name}.json"
    return champion.Pointer(
        version=serving.number,
        run_id=serving.run_id,
        candidate=serving.candidate,
        scorer=scorer if bucket.blob(scorer).exists() else None,
        inputs=deployment.inputs if deployment else {},
        percentiles=deployment.percentiles if deployment else [],
        calibrators={
            version.number: environment.runs.calibrator(version.run_id) for version in environment.registry.answering()
        },
    )
