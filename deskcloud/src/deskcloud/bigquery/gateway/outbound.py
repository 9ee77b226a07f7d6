"""Run EXPORT DATA and extract jobs, which write to Cloud Storage.

The emulator can only write plain files. Only the storage service can create an object with metadata and a generation.
The emulator therefore writes into the scratch folder, and the gateway uploads the files.
"""

from typing import Any, Self

from deskcloud.bigquery.gateway import model_statements
from deskcloud.bigquery.gateway.clauses import option_list
from deskcloud.bigquery.gateway.errors import BigQueryError, unsupported
from deskcloud.bigquery.gateway.kept_models import Reference
from deskcloud.bigquery.gateway.ml_rewrite import Rewriting
from deskcloud.bigquery.gateway.uploading import Storage
from deskcloud.bigquery.gateway.work import Work
from deskcloud.googlesql.statements import Statement
from deskcloud.googlesql.tokens import starts


def export_data(work: Work, statement: Statement, job_id: str) -> dict[str, Any]:
    """Run EXPORT DATA OPTIONS(uri='gs://...', ...) AS query. Return the emulator's finished job."""
    with Rewriting(work, statement) as rewriting:
        if not starts(statement.tokens[2:], "OPTIONS"):
            return work.run_query(rewriting.text, job_id)
        options, _ = option_list(statement.tokens[2:])
        texts = {name: statement.text[value[0].start : value[-1].end] for name, value in options.items()}
        values = work.evaluate({name: texts[name] for name in ("uri", "overwrite") if name in texts})
        uri = values.get("uri")
        if not isinstance(uri, str) or not uri.startswith("gs://") or work.is_dry_run:
            return work.run_query(rewriting.text, job_id)
        storage = _storage(work)
        if not values.get("overwrite") and storage.names(uri.partition("*")[0]):
            raise BigQueryError("invalidQuery", f"{uri} is not empty: set overwrite=true or export to another place")
        with _Shards(work, [uri]) as shards:
            token = options["uri"]
            rewriting.replace(token[0].start, token[-1].end, f"'{shards.local[0]}'")
            job = work.run_query(rewriting.text, job_id)
            shards.upload(storage)
            return job


def extract(work: Work, job_id: str) -> dict[str, Any]:
    """Run an extract job for a table or a model. Return the job's statistics."""
    configuration = work.configuration["extract"]
    uris: list[str] = configuration.get("destinationUris") or [configuration.get("destinationUri", "")]
    if source := configuration.get("sourceModel"):
        reference = Reference(source["projectId"], source["datasetId"], source["modelId"])
        count = model_statements.write(work, reference, uris[0], configuration.get("destinationFormat"))
        return {"destinationUriFileCounts": [str(count)]}
    storage = _storage(work)
    with _Shards(work, uris) as shards:
        rewritten = {k: v for k, v in configuration.items() if k != "destinationUri"}
        rewritten |= {"destinationUris": shards.local}
        job = work.services.emulator.run(
            work.project, work.configuration | {"extract": rewritten}, job_id, work.cancelled
        )
        shards.upload(storage)
    statistics: dict[str, Any] = job["statistics"].get("extract", {})
    return statistics


def is_ours(configuration: dict[str, Any]) -> bool:
    """Return whether an extract job reads a model or writes to Cloud Storage."""
    uris = [*configuration.get("destinationUris", []), configuration.get("destinationUri", "")]
    return "sourceModel" in configuration or any(uri.startswith("gs://") for uri in uris)


def _storage(work: Work) -> Storage:
    if work.services.storage is None:
        raise unsupported("Writing to gs:// while no storage service is configured")
    return work.services.storage


class _Shards:
    """Local files that the emulator writes in place of gs:// URIs, one file per URI.

    The end of the context deletes the files.
    """

    def __init__(self, work: Work, uris: list[str]) -> None:
        self._uris = uris
        made = [work.services.emulator.handed_over("shard") for _ in uris]
        self._files = [file for file, _ in made]
        self.local = [uri for _, uri in made]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.unlink(missing_ok=True)

    def upload(self, storage: Storage) -> None:
        """Upload each file to its gs:// URI. The number 000000000000 replaces a `*`."""
        for file, uri in zip(self._files, self._uris, strict=True):
            storage.upload(file, uri.replace("*", "000000000000"))
