import ibis
import pandas as pd
import pytest

VISITS = {"visitor": ["a", "b", "a"], "hits": [1, 2, 3]}


@pytest.fixture(scope="module")
def connection(client, reading):
    return ibis.bigquery.connect(project_id=client.project, dataset_id="shop", client=client, storage_client=reading)


@pytest.fixture(scope="module")
def visits(connection):
    return connection.create_table("visits", pd.DataFrame(VISITS), overwrite=True)


def test_tables_are_listed_and_described(connection, visits):
    assert "visits" in connection.list_tables()
    assert "shop" in connection.list_databases()
    assert dict(visits.schema()) == {"visitor": ibis.dtype("string"), "hits": ibis.dtype("int64")}


def test_expressions_of_ibis_are_computed_by_bigquery(visits):
    hits = visits.group_by("visitor").agg(n=visits.hits.sum()).order_by("visitor").execute()
    assert hits.to_dict("list") == {"visitor": ["a", "b"], "n": [4, 2]}
    window = ibis.window(group_by="visitor", order_by="hits")
    numbered = visits.mutate(nth=ibis.row_number().over(window)).order_by("visitor", "hits")
    assert numbered.to_pyarrow()["nth"].to_pylist() == [0, 1, 0]
    assert sum(batch.num_rows for batch in visits.to_pyarrow_batches()) == 3


def test_data_frames_in_memory_are_joined_with_tables(visits):
    names = ibis.memtable(pd.DataFrame({"visitor": ["a"], "name": ["Ada"]}))
    assert visits.join(names, "visitor").name.execute().tolist() == ["Ada", "Ada"]


def test_views_and_tables_are_created_and_dropped(connection, visits):
    view = connection.create_view("many_hits", visits.filter(visits.hits > 1), overwrite=True)
    connection.insert("visits", pd.DataFrame({"visitor": ["c"], "hits": [9]}))
    assert sorted(view.hits.execute()) == [2, 3, 9]
    connection.drop_view("many_hits")
    connection.create_database("by_ibis")
    connection.drop_database("by_ibis")
    assert "by_ibis" not in connection.list_databases()
