"""Google's own client loads the files of several days into the local BigQuery: either all of the files, or none."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import NotFound

from demo.generator import generate
from demo.loading import LoadError, load
from demo.schema import GA4, DayFile


@pytest.fixture(scope="module")
def day_files(tmp_path_factory):
    return generate(3, dt.date(2026, 1, 1), 3, 400, tmp_path_factory.mktemp("days"))


@pytest.fixture
def dataset(bigquery_client, request):
    """Return the name of a dataset that does not exist yet."""
    name = f"loading_{abs(hash(request.node.name)) % 10**9}"
    yield name
    bigquery_client.delete_dataset(name, delete_contents=True, not_found_ok=True)


def rows(client, sql):
    return [tuple(row.values()) for row in client.query(sql).result()]


def tables(client, dataset):
    return sorted(table.table_id for table in client.list_tables(dataset))


def test_every_file_becomes_a_table_with_its_rows_and_nested_records(bigquery_client, dataset, day_files):
    told = []
    load(day_files, bigquery_client, dataset, told.append)

    assert tables(bigquery_client, dataset) == [file.table for file in day_files]
    assert sorted(file.table for file in told) == [file.table for file in day_files]
    content = pa.concat_tables([pq.read_table(file.path) for file in day_files]).to_pylist()
    nested = rows(
        bigquery_client,
        f"""SELECT fullVisitorId, visitId, totals.bounces, ARRAY_LENGTH(hits),
            (SELECT COUNT(*) FROM UNNEST(hits) AS h, UNNEST(h.product)), hits[OFFSET(0)].page.pagePath,
            (SELECT d.value FROM UNNEST(customDimensions) AS d WHERE d.index = 4)
        FROM `{dataset}.ga_sessions_*` ORDER BY visitStartTime, fullVisitorId""",  # noqa: S608 - the statement contains only our own names
    )
    assert nested == [
        (
            row["fullVisitorId"],
            row["visitId"],
            row["totals"]["bounces"],
            len(row["hits"]),
            sum(len(hit["product"]) for hit in row["hits"]),
            row["hits"][0]["page"]["pagePath"],
            next((dimension["value"] for dimension in row["customDimensions"]), None),
        )
        for row in sorted(content, key=lambda row: (row["visitStartTime"], row["fullVisitorId"]))
    ]
    schema = {field.name: field for field in bigquery_client.get_table(f"{dataset}.{day_files[0].table}").schema}
    assert (schema["hits"].mode, schema["hits"].field_type) == ("REPEATED", "RECORD")
    assert (schema["visitId"].field_type, schema["fullVisitorId"].field_type) == ("INTEGER", "STRING")


def test_loading_twice_has_the_same_effect_as_loading_once(bigquery_client, dataset, day_files):
    for _ in range(2):
        load(day_files[:1], bigquery_client, dataset)
    assert bigquery_client.get_table(f"{dataset}.{day_files[0].table}").num_rows == day_files[0].rows


def test_the_error_about_a_refused_file_names_it_and_nothing_stays_behind(
    bigquery_client, dataset, day_files, tmp_path
):
    broken = tmp_path / "ga_sessions_20260105.parquet"
    broken.write_bytes(b"PAR1 is all it has of a Parquet file")
    told = []
    with pytest.raises(LoadError, match=str(broken)):
        load([*day_files, DayFile(dt.date(2026, 1, 5), broken, 1)], bigquery_client, dataset, told.append)
    assert len(told) <= len(day_files)
    with pytest.raises(NotFound):
        bigquery_client.get_dataset(dataset)


def test_tables_that_existed_before_survive_a_failed_load(bigquery_client, dataset, day_files, tmp_path):
    load(day_files[:1], bigquery_client, dataset)
    absent = DayFile(dt.date(2026, 1, 5), tmp_path / "ga_sessions_20260105.parquet", 1)
    with pytest.raises(LoadError, match="ga_sessions_20260105"):
        load([*day_files, absent], bigquery_client, dataset)
    assert tables(bigquery_client, dataset) == [day_files[0].table]
    assert bigquery_client.get_table(f"{dataset}.{day_files[0].table}").num_rows == day_files[0].rows


def test_a_caller_can_stop_the_load(bigquery_client, dataset, day_files):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(day_files, bigquery_client, dataset, interrupt)
    with pytest.raises(NotFound):
        bigquery_client.get_dataset(dataset)


def test_events_are_loaded_as_events(bigquery_client, dataset, tmp_path):
    event = {
        "event_date": "20201101",
        "event_timestamp": 1,
        "event_name": "page_view",
        "event_params": [{"key": "ga_session_id", "value": {"int_value": 5}}],
        "user_properties": [],
        "items": [],
    }
    path = tmp_path / "events_20201101.parquet"
    pq.write_table(pa.Table.from_pylist([event], GA4), path)
    load([DayFile(dt.date(2020, 11, 1), path, 1)], bigquery_client, dataset)
    sql = f"""SELECT event_name, (SELECT p.value.int_value FROM UNNEST(event_params) AS p WHERE p.key = 'ga_session_id')
        FROM `{dataset}.events_*`"""  # noqa: S608 - the statement contains only our own names
    assert rows(bigquery_client, sql) == [("page_view", 5)]
