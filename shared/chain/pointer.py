"""Have the champion's pointer in the bucket follow the registry's alias, which stays the truth.

Whoever moves the alias calls `follow` afterwards, and resume_runs calls it for those who died between the two. It may
be called at any time, by several at once: the pointer is made of the alias alone, and replaced only if nobody has
replaced it since before the alias was read. So the last one to write has read the alias after its last move.
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


def follow(environment: Environment) -> None:
    """Write the pointer at the champion of this moment, or remove it when there is none; as it is, it is left alone."""
    bucket = environment.bucket
    while not _has_followed(bucket, environment):
        log(PointerReplaced())


def champion_run(environment: Environment) -> str | None:
    """Return the run whose model is champion, as the pointer says; None when there is none."""
    try:
        return champion.read(environment.bucket.blob(champion.POINTER).download_as_bytes()).run_id
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
    )
