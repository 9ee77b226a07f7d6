"""What the local BigQuery says of a dataset's tables in one query, held against what it says of each."""

import uuid

import pytest


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


def test_the_list_of_tables_says_what_each_table_says(bigquery_client, dataset):
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
