"""Google's client for the Storage Read API, which ibis and to_arrow() use, reads from the local BigQuery."""

import re
from pathlib import Path

import google.auth
import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from desk.bigquery import PROJECT

CLIENTS = Path(__file__).parents[2] / "docs" / "clients.md"


def channel(address, secret):
    """Return a gRPC channel to the Storage Read API, created as docs/clients.md describes."""
    token = grpc.access_token_call_credentials(secret)
    return grpc.secure_channel(address, grpc.composite_channel_credentials(grpc.local_channel_credentials(), token))


@pytest.fixture(scope="module")
def reading(bigquery_emulator):
    with channel(bigquery_emulator.grpc_address, bigquery_emulator.secret) as opened:
        yield BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=opened))


@pytest.fixture(scope="module")
def table(bigquery_client):
    bigquery_client.create_dataset("reading")
    bigquery_client.query_and_wait("CREATE TABLE reading.t AS SELECT i, [i] AS a FROM UNNEST([1, 2, 3]) AS i")
    yield "reading.t"
    bigquery_client.delete_dataset("reading", delete_contents=True)


def test_the_rows_of_a_table_and_of_a_query_are_read(bigquery_client, reading, table):
    rows = bigquery_client.list_rows(bigquery_client.get_table(table)).to_arrow(bqstorage_client=reading)
    assert sorted(rows.to_pylist(), key=lambda row: row["i"]) == [{"i": i, "a": [i]} for i in (1, 2, 3)]
    query = bigquery_client.query(f"SELECT SUM(i) AS s, 'x' AS t FROM {table}")  # noqa: S608
    assert query.to_arrow(bqstorage_client=reading).to_pylist() == [{"s": 6, "t": "x"}]


def test_the_example_of_the_documentation_runs_as_it_stands(bigquery_url, bigquery_emulator, monkeypatch):
    [example] = re.findall(r"```python\n(.*?)```", CLIENTS.read_text(), re.DOTALL)
    reached = bigquery_url.replace("//", f"//local:{bigquery_emulator.secret}@")
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", reached)
    monkeypatch.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", bigquery_emulator.grpc_address)
    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), PROJECT))
    names = {}
    exec(example, names)  # noqa: S102 - the executed example is from our own documentation
    assert names["table"].to_pylist() == [{"a": 1}]
    names["channel"].close()


def test_a_read_session_can_select_columns_and_rows(reading, table):
    name = f"projects/{PROJECT}/datasets/reading/tables/{table.partition('.')[2]}"
    options = {"selected_fields": ["i"], "row_restriction": "i > 1"}
    asked = types.ReadSession(table=name, data_format="ARROW", read_options=options)
    session = reading.create_read_session(parent=f"projects/{PROJECT}", read_session=asked, max_stream_count=1)
    rows = reading.read_rows(session.streams[0].name).to_arrow(session)
    assert sorted(rows["i"].to_pylist()) == [2, 3]
    assert rows.column_names == ["i"]


def test_predictions_are_read(bigquery_client, reading, table):
    options = "model_type='LOGISTIC_REG', data_split_method='NO_SPLIT'"
    rows = "SELECT MOD(i, 2) AS label, i FROM UNNEST(GENERATE_ARRAY(1, 50)) AS i"
    bigquery_client.query_and_wait(f"CREATE MODEL reading.m OPTIONS({options}) AS {rows}")
    query = bigquery_client.query(f"SELECT i, predicted_label FROM ML.PREDICT(MODEL reading.m, TABLE {table})")  # noqa: S608
    assert sorted(query.to_arrow(bqstorage_client=reading)["i"].to_pylist()) == [1, 2, 3]


def test_a_missing_table_is_not_found(reading):
    asked = types.ReadSession(table=f"projects/{PROJECT}/datasets/reading/tables/none", data_format="ARROW")
    with pytest.raises(exceptions.NotFound, match="none"):
        reading.create_read_session(parent=f"projects/{PROJECT}", read_session=asked)


def test_the_port_asks_for_the_secret(bigquery_emulator, table):
    asked = types.ReadSession(table=f"projects/{PROJECT}/datasets/reading/tables/t", data_format="ARROW")
    for credentials in (
        channel(bigquery_emulator.grpc_address, "x"),
        grpc.insecure_channel(bigquery_emulator.grpc_address),
    ):
        with credentials as opened:
            client = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=opened))
            with pytest.raises(exceptions.PermissionDenied, match=r"the secret in env\.sh"):
                client.create_read_session(parent=f"projects/{PROJECT}", read_session=asked)


def test_the_storage_write_api_is_refused_by_name(bigquery_emulator, table):
    with channel(bigquery_emulator.grpc_address, bigquery_emulator.secret) as opened:
        client = BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=opened))
        with pytest.raises(exceptions.MethodNotImplemented, match="supports only the Storage Read API"):
            client.create_write_stream(parent=f"projects/{PROJECT}/datasets/reading/tables/t", write_stream={})
