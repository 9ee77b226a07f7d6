"""If a view's table is deleted, the view is still listed with its columns. A query of the view fails with an error that
names the missing table.
"""

# ruff: noqa: S608 - the statements come only from the tests of this file

import pytest
from google.api_core.exceptions import NotFound
from google.cloud import bigquery


@pytest.fixture(scope="module")
def run(bigquery_client):
    def run(text):
        return [tuple(row.values()) for row in bigquery_client.query(text).result()]

    bigquery_client.create_dataset("views")
    run(
        "CREATE TABLE views.base AS SELECT 1 AS a, [STRUCT('k' AS key)] AS l;"
        "CREATE TABLE views.other AS SELECT 1 AS x; CREATE VIEW views.direct AS SELECT a + 1 AS b, l FROM views.base;"
        "CREATE VIEW views.indirect AS SELECT * FROM views.direct;"
        "CREATE MATERIALIZED VIEW views.kept AS SELECT a FROM views.base"
    )
    made = bigquery.Table(f"{bigquery_client.project}.views.rest")
    made.view_query = "SELECT a AS c FROM `views.base`"
    bigquery_client.create_table(made)
    run("DROP TABLE views.base")
    yield run
    bigquery_client.delete_dataset("views", delete_contents=True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "SELECT table_name, table_type FROM views.INFORMATION_SCHEMA.TABLES",
            [
                ("direct", "VIEW"),
                ("indirect", "VIEW"),
                ("kept", "MATERIALIZED VIEW"),
                ("other", "BASE TABLE"),
                ("rest", "VIEW"),
            ],
        ),
        (
            "SELECT table_name, column_name, data_type FROM views.INFORMATION_SCHEMA.COLUMNS WHERE column_name != 'x'",
            [
                ("direct", "b", "INT64"),
                ("direct", "l", "ARRAY<STRUCT<key STRING>>"),
                ("indirect", "b", "INT64"),
                ("indirect", "l", "ARRAY<STRUCT<key STRING>>"),
                ("kept", "a", "INT64"),
                ("rest", "c", "INT64"),
            ],
        ),
        (
            "SELECT table_name, view_definition FROM views.INFORMATION_SCHEMA.VIEWS WHERE table_name LIKE '%direct'",
            [("direct", "SELECT a + 1 AS b, l FROM views.base"), ("indirect", "SELECT * FROM views.direct")],
        ),
    ],
)
def test_views_without_their_table_are_listed_with_their_columns(run, query, expected):
    assert run(f"{query} ORDER BY 1, 2") == expected


def test_the_resource_of_a_view_without_its_table_has_its_columns(run, bigquery_client):
    assert [field.name for field in bigquery_client.get_table("views.direct").schema] == ["b", "l"]
    assert "indirect" in [one.table_id for one in bigquery_client.list_tables("views")]


@pytest.mark.parametrize("view", ["direct", "indirect", "rest"])
def test_a_query_of_a_view_without_its_table_names_that_table(run, view):
    with pytest.raises(NotFound, match=r"Not found: Table local-project:views\.base was not found in location US"):
        run(f"SELECT * FROM views.{view}")


def test_a_changed_view_gives_new_rows_and_a_change_to_an_invalid_query_is_refused(bigquery_client):
    client = bigquery_client
    client.create_dataset("changed_views")
    view = bigquery.Table(f"{client.project}.changed_views.v")
    view.view_query = "SELECT 1 AS a"
    view = client.create_table(view)
    view.view_query = "SELECT 2 AS b"
    view = client.update_table(view, ["view_query"])
    assert [field.name for field in client.get_table(view).schema] == ["b"]
    assert [dict(row) for row in client.query_and_wait("SELECT * FROM changed_views.v")] == [{"b": 2}]
    view.view_query = "SELECT nothing FROM changed_views.nowhere"
    with pytest.raises(NotFound, match="nowhere"):
        client.update_table(view, ["view_query"])
    assert [dict(row) for row in client.query_and_wait("SELECT * FROM changed_views.v")] == [{"b": 2}]
