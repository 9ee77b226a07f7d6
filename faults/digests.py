"""Compute fingerprints of whole tables, to compare two states of a dataset."""

import functools
import os
from collections.abc import Collection
from urllib.parse import urlsplit

import duckdb
import grpc
import pyarrow as pa
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession

type Digest = tuple[int, str]
"""The number of rows, and a fingerprint of columns and rows."""


def of_table(client: bigquery.Client, table: str, *, where: str = "true", without: Collection[str] = ()) -> Digest:
    """Return the number of a table's rows, and a fingerprint of the rows that does not depend on their order.

    The rows are read through the Storage Read API of the local cloud that the environment names. `where` is a condition
    in DuckDB's SQL. The columns in `without` are ignored.
    """
    with duckdb.connect() as connection:
        connection.register("read", _rows(bigquery.TableReference.from_string(table, client.project)))
        kept = connection.sql(f"select * from read where {where}")  # noqa: S608 - our own
        kept = kept.project(", ".join(f'"{name}"' for name in kept.columns if name not in without))
        columns = list(zip(kept.columns, map(str, kept.types), strict=True))
        # A sum detects duplicate rows. With bit_xor instead, a row that appears twice would cancel out.
        statement = "select count(*), cast(sum(hash(kept)) as varchar) from kept"
        count, fingerprint = connection.sql(statement).fetchall()[0]
    return count, f"{columns} {fingerprint}"


def _rows(table: bigquery.TableReference) -> pa.Table:
    reader = _reader()
    wanted = ReadSession(table=table.path.removeprefix("/"), data_format=DataFormat.ARROW)
    session = reader.create_read_session(parent=f"projects/{table.project}", read_session=wanted, max_stream_count=1)
    schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
    batches = [
        pa.ipc.read_record_batch(pa.py_buffer(answer.arrow_record_batch.serialized_record_batch), schema)
        for stream in session.streams
        for answer in reader.read_rows(stream.name)
    ]
    return pa.Table.from_batches(batches, schema)


def _reader() -> BigQueryReadClient:
    address = os.environ["BIGQUERY_STORAGE_EMULATOR_HOST"]
    return _reader_at(address, urlsplit(os.environ["BIGQUERY_EMULATOR_HOST"]).password or "")


@functools.cache
def _reader_at(address: str, secret: str) -> BigQueryReadClient:
    credentials = grpc.composite_channel_credentials(
        grpc.local_channel_credentials(), grpc.access_token_call_credentials(secret)
    )
    # A block of rows may exceed gRPC's default limit of 4 MB.
    channel = grpc.secure_channel(address, credentials, options=[("grpc.max_receive_message_length", -1)])
    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
