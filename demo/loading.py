"""Load day files into BigQuery as day-tables, by concurrent load jobs. If a job fails, delete the new tables."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

import pyarrow as pa
import requests
from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud import bigquery

from demo.schema import FLAG, INT, REAL, TEXT, DayFile

# Two concurrent jobs use two cores of the local BigQuery. With four jobs or more, their conflicting commits cost more
# time than the concurrency saves.
PARALLEL_JOBS: Final = 2

_BIGQUERY_TYPES: Final = {INT: "INT64", REAL: "FLOAT64", TEXT: "STRING", FLAG: "BOOL"}


class LoadError(Exception):
    """A file could not be loaded; the message names the file and gives BigQuery's reason."""


def load(
    day_files: Sequence[DayFile],
    client: bigquery.Client,
    dataset: str,
    progress: Callable[[DayFile], object] = lambda _: None,
) -> None:
    """Load each file as a table of `dataset`, replace existing tables, and call `progress` after each file.

    The dataset is created if it does not exist. If a file fails, tables and dataset that this call created are deleted;
    a table that existed before has either its old rows or the rows of its file.

    Raises:
        LoadError: a file could not be read or sent, or BigQuery refused it; the error is about the first such file.
    """
    reference = bigquery.DatasetReference(client.project, dataset)
    before = _tables(client, reference)
    if before is None:
        client.create_dataset(reference, exists_ok=True)
    try:
        _load_all(day_files, client, reference, progress)
    except BaseException:
        for day_file in day_files:
            if day_file.table not in (before or ()):
                client.delete_table(reference.table(day_file.table), not_found_ok=True)
        if before is None:
            client.delete_dataset(reference, not_found_ok=True)
        raise


def _tables(client: bigquery.Client, dataset: bigquery.DatasetReference) -> set[str] | None:
    """Return the names of the dataset's tables, or None if the dataset does not exist."""
    try:
        return {table.table_id for table in client.list_tables(dataset)}
    except NotFound:
        return None


def _load_all(
    day_files: Sequence[DayFile],
    client: bigquery.Client,
    dataset: bigquery.DatasetReference,
    progress: Callable[[DayFile], object],
) -> None:
    with ThreadPoolExecutor(PARALLEL_JOBS, "load") as executor:
        futures = {executor.submit(_load_one, file, client, dataset): file for file in day_files}
        try:
            for future in as_completed(futures):
                future.result()
                progress(futures[future])
        except BaseException:
            # Cancel the load jobs that have not begun. Wait until all running jobs have ended, so that the caller can
            # delete their tables.
            executor.shutdown(cancel_futures=True)
            raise


def _load_one(day_file: DayFile, client: bigquery.Client, dataset: bigquery.DatasetReference) -> None:
    parquet = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
    parquet.enable_list_inference = True  # load a list as a REPEATED column instead of a nested record
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        parquet_options=parquet,
        schema=bigquery_schema(day_file.export.schema),
    )
    try:
        with day_file.path.open("rb") as content:
            job = client.load_table_from_file(
                content,
                dataset.table(day_file.table),
                size=day_file.path.stat().st_size,
                job_id_prefix=f"load_{day_file.table}_",
                job_config=config,
            )
            job.result()
    except (GoogleAPICallError, requests.RequestException, OSError) as error:
        raise LoadError(f"{day_file.path}: BigQuery did not load it as {day_file.table}: {error}") from error


def bigquery_schema(schema: pa.Schema) -> list[bigquery.SchemaField]:
    """Return the BigQuery schema of an Arrow schema; a list becomes a REPEATED column."""
    return [_field(field.name, field.type) for field in schema]


def _field(name: str, kind: pa.DataType, mode: str = "NULLABLE") -> bigquery.SchemaField:
    if pa.types.is_list(kind):
        return _field(name, kind.value_type, "REPEATED")
    if pa.types.is_struct(kind):
        return bigquery.SchemaField(name, "RECORD", mode, fields=[_field(f.name, f.type) for f in kind])
    return bigquery.SchemaField(name, _BIGQUERY_TYPES[kind], mode)
