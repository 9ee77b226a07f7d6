from decimal import Decimal

import pandas as pd
import pytest
import sqlalchemy as sa


@pytest.fixture(scope="module")
def engine(client):
    made = sa.create_engine(f"bigquery://{client.project}/shop")
    yield made
    made.dispose()


def test_a_table_is_made_described_changed_and_dropped(engine):
    metadata = sa.MetaData()
    items = sa.Table(
        "items",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, comment="What the shop calls it."),
        sa.Column("price", sa.Numeric),
    )
    metadata.create_all(engine)
    found = sa.inspect(engine)
    assert found.has_table("items")
    assert [(one["name"], one["comment"]) for one in found.get_columns("items")] == [
        ("id", None),
        ("name", "What the shop calls it."),
        ("price", None),
    ]
    with engine.connect() as connection:
        rows = [{"id": 1, "name": "a", "price": Decimal("1.5")}, {"id": 2, "name": None, "price": None}]
        connection.execute(items.insert(), rows)
        assert connection.execute(items.update().where(items.c.id == 2).values(name="b")).rowcount == 1
        ordered = sa.select(items).order_by(items.c.id)
        assert connection.execute(ordered).fetchall() == [(1, "a", Decimal("1.5")), (2, "b", None)]
        assert connection.execute(items.delete().where(items.c.id.in_([2, 3]))).rowcount == 1
    metadata.drop_all(engine)
    assert not sa.inspect(engine).has_table("items")


def test_pandas_reads_and_writes_through_an_sqlalchemy_engine(engine):
    pd.DataFrame({"a": [1, 2]}).to_sql("from_pandas", engine, if_exists="replace", index=False)
    assert pd.read_sql("select sum(a) as s from from_pandas", engine)["s"].tolist() == [3]
