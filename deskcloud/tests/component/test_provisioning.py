"""A state that is kept is brought up to date with the document that it is started with."""

from deskcloud import provisioning
from deskcloud.document import Column, Dataset, Table


def test_a_kept_table_gets_the_columns_that_it_lacks_and_a_changed_view_is_replaced(bigquery_client, bigquery_url):
    def make(columns, query):
        tables = (
            Table("visits", columns=tuple(Column(name, "INT64") for name in columns)),
            Table("seen", query=query),
        )
        dataset = Dataset("brought_up", "US", tables)
        provisioning.make_datasets(bigquery_client.project, (dataset,), bigquery_url)

    make(["a"], "select a from `local-project.brought_up.visits`")
    bigquery_client.insert_rows_json("local-project.brought_up.visits", [{"a": 1}])
    for _ in range(2):
        make(["a", "b"], "select a, b from `local-project.brought_up.visits`")
    rows = bigquery_client.query_and_wait("select * from brought_up.seen")
    assert [dict(row) for row in rows] == [{"a": 1, "b": None}]
