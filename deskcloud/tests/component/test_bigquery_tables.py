"""Behaviour of the package local-bigquery that this project corrects.

The corrections concern the list of tables, temporary tables, the ingestion time, and the function DIV.
"""

import uuid

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery


@pytest.fixture
def dataset(bigquery_client):
    name = f"tables_{uuid.uuid4().hex[:8]}"
    bigquery_client.create_dataset(name)
    for statement in (
        "create table {0}.loaded as select x, [struct(x as y, 'a' as z)] as nested from unnest([1, 2, 3]) as x",
        "create table {0}.bare (x int64, y string)",
        "create view {0}.seen as select x from {0}.loaded",
        "insert into {0}.bare values (1, 'a')",
    ):
        bigquery_client.query_and_wait(statement.format(name))
    yield name
    bigquery_client.delete_dataset(name, delete_contents=True)


def test_the_list_of_tables_agrees_with_each_tables_resource(bigquery_client, dataset):
    rows = bigquery_client.query_and_wait(f"select * from `{bigquery_client.project}.{dataset}.__TABLES__`")  # noqa: S608
    listed = {
        row.table_id: (
            row.dataset_id,
            row.row_count,
            row.size_bytes,
            row.type,
            row.creation_time,
            row.last_modified_time,
        )
        for row in rows
    }
    each = [bigquery_client.get_table(f"{dataset}.{name}") for name in ("bare", "loaded", "seen")]

    def milliseconds(moment):
        return round(moment.timestamp() * 1000)

    assert listed == {
        one.table_id: (
            dataset,
            one.num_rows or 0,
            one.num_bytes or 0,
            1 if one.table_type == "TABLE" else 2,
            milliseconds(one.created),
            milliseconds(one.modified),
        )
        for one in each
    }


def test_a_session_keeps_its_temporary_table_and_nobody_else_sees_it(bigquery_client):
    opening = bigquery_client.query(
        "create temp table kept as select 7 as x", job_config=bigquery.QueryJobConfig(create_session=True)
    )
    opening.result()
    session = bigquery.ConnectionProperty("session_id", opening.session_info.session_id)
    inside = bigquery.QueryJobConfig(connection_properties=[session])
    assert [row.x for row in bigquery_client.query_and_wait("select x from kept", job_config=inside)] == [7]
    with pytest.raises(GoogleAPICallError, match="kept"):
        bigquery_client.query_and_wait("select x from kept")


def test_a_script_sees_the_temporary_table_that_it_made(bigquery_client):
    rows = bigquery_client.query_and_wait("create temp table made as select 7 as x; select x from made")
    assert [row.x for row in rows] == [7]


def test_the_ingestion_time_is_only_in_results_that_ask_for_it(bigquery_client, dataset):
    name = f"{dataset}.ingested"
    bigquery_client.query_and_wait(f"create table {name} (x int64) partition by _PARTITIONDATE")
    bigquery_client.query_and_wait(f"insert into {name} (x) values (7)")  # noqa: S608
    assert [dict(row) for row in bigquery_client.query_and_wait(f"select * from {name}")] == [{"x": 7}]  # noqa: S608
    [row] = bigquery_client.query_and_wait(f"select x, _PARTITIONTIME is not null as has_time from {name}")  # noqa: S608
    assert dict(row) == {"x": 7, "has_time": True}


def test_div_has_precedence_over_the_operators_around_it(bigquery_client):
    [row] = bigquery_client.query_and_wait("select 9 * div(12, 10) + 1 as behind, div(12, 10) * 9 as before")
    assert dict(row) == {"behind": 10, "before": 9}
