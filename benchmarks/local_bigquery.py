"""Start the local BigQuery without the rest of the cloud, for benchmarks of BigQuery ML."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from deskcloud.bigquery.emulator import launch
from deskcloud.bigquery.gateway import app
from deskcloud.web import serving

PROJECT = "benchmarks"
DATASET = "bench"


@contextlib.contextmanager
def started() -> Iterator[bigquery.Client]:
    """Yield Google's client for a local BigQuery with one empty dataset, which is the default for queries."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        state = Path(folder)
        warehouse = stack.enter_context(launch.run(state / "emulator", project=PROJECT))
        url = stack.enter_context(serving.serve(app.create_app(warehouse, state / "gateway")))
        client = bigquery.Client(
            PROJECT,
            AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": url},
            default_query_job_config=bigquery.QueryJobConfig(default_dataset=f"{PROJECT}.{DATASET}"),
        )
        client.create_dataset(DATASET)
        yield client


def load(client: bigquery.Client, name: str, table: pa.Table, dataset: str = f"{PROJECT}.{DATASET}") -> None:
    """Load an Arrow table into the dataset as the table `name`."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        pq.write_table(table, file.name)
        config = bigquery.LoadJobConfig(source_format=bigquery.SourceFormat.PARQUET)
        client.load_table_from_file(file, f"{dataset}.{name}", job_config=config).result()


def run(client: bigquery.Client, statement: str) -> None:
    """Run a statement and wait for its end."""
    client.query(statement).result()
