"""A local cloud that restarts on its former state with a changed document applies the changes of the document."""

import pytest
from google.cloud.bigquery import SchemaField, TimePartitioning

from deskcloud import provisioning
from deskcloud.document import Column, Dataset, Table
from deskcloud.errors import CommandError


def test_a_table_and_a_view_are_made_as_the_document_says(bigquery_client, bigquery_url):
    columns = (
        Column("day", "DATE", "the day", required=True),
        Column("visitor", "STRING"),
        Column("hits", "RECORD", repeated=True, fields=(Column("at", "TIMESTAMP", "when", required=True),)),
    )
    table = Table("visits", "Who came", columns, partition="day", cluster=("visitor",), expiration_days=60)
    view = Table("seen", "Who was seen", query="select visitor from `local-project.as_told.visits`")
    provisioning.make_datasets(bigquery_client.project, (Dataset("as_told", "US", (view, table)),), bigquery_url)
    made = bigquery_client.get_table("as_told.visits")
    assert made.description == "Who came"
    assert made.schema == [
        SchemaField("day", "DATE", "REQUIRED", description="the day"),
        SchemaField("visitor", "STRING", description=""),
        SchemaField(
            "hits",
            "RECORD",
            "REPEATED",
            description="",
            fields=[
                SchemaField("at", "TIMESTAMP", "REQUIRED", description="when"),
            ],
        ),
    ]
    assert made.time_partitioning == TimePartitioning(field="day", expiration_ms=60 * 86_400_000)
    assert made.clustering_fields == ["visitor"]
    seen = bigquery_client.get_table("as_told.seen")
    assert (seen.view_query, seen.description) == (view.query, "Who was seen")


def test_an_existing_table_gets_missing_columns_and_a_changed_view_is_replaced(bigquery_client, bigquery_url):
    def make(names, query):
        columns = tuple(Column(name, "INT64") for name in names)
        visits = Table("visits", columns=(Column("first", "RECORD", fields=columns), *columns))
        dataset = Dataset("brought_up", "US", (visits, Table("seen", query=query)))
        provisioning.make_datasets(bigquery_client.project, (dataset,), bigquery_url)

    make(["a"], "select a from `local-project.brought_up.visits`")
    bigquery_client.insert_rows_json("local-project.brought_up.visits", [{"a": 1, "first": {"a": 2}}])
    for _ in range(2):
        make(["a", "b"], "select a, b, first.b as c from `local-project.brought_up.visits`")
    rows = bigquery_client.query_and_wait("select * from brought_up.seen")
    assert [dict(row) for row in rows] == [{"a": 1, "b": None, "c": None}]


def test_a_new_column_must_be_declared_last_because_bigquery_adds_it_at_the_end(bigquery_client, bigquery_url):
    def make(*names):
        table = Table("visits", columns=tuple(Column(name, "INT64") for name in names))
        provisioning.make_datasets(bigquery_client.project, (Dataset("in_order", "US", (table,)),), bigquery_url)

    make("a", "b")
    with pytest.raises(CommandError, match=r"table visits: declare new columns last, .* at the end: a, b, c"):
        make("a", "c", "b")
    make("a", "b", "c")
    assert [one.name for one in bigquery_client.get_table("in_order.visits").schema] == ["a", "b", "c"]
