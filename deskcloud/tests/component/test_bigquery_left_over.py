"""If a table cannot be created, e.g. because its dataset is missing or its name is taken, no file of it remains."""

import duckdb
import pytest
from local_bigquery.errors import BigQueryError

from deskcloud.bigquery.emulator import launch, making


@pytest.fixture
def writer(tmp_path, monkeypatch):
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        [(version,)] = connection.execute("SELECT version()").fetchall()
        connection.execute(f"LOAD '{launch.extension('ducklake', version)}'")
        options = f"(DATA_PATH '{tmp_path}/p/', DATA_INLINING_ROW_LIMIT 0)"
        connection.execute(f"ATTACH 'ducklake:{tmp_path}/p.ducklake' AS p {options}")
        connection.execute("CREATE SCHEMA p.d; CREATE TABLE p.d.taken (a INT)")
        monkeypatch.setattr(making.settings, "data_dir", tmp_path)
        yield connection


@pytest.mark.parametrize(("dataset", "table", "reason"), [("gone", "t", "notFound"), ("d", "taken", "duplicate")])
def test_a_table_that_cannot_be_created_leaves_no_file(writer, tmp_path, dataset, table, reason):
    with pytest.raises(BigQueryError) as refusal:
        making.make(writer, ("p", dataset, table), "SELECT 1 AS a", None, [])
    assert refusal.value.reason == reason
    assert list(tmp_path.rglob("*.parquet")) == []
    making.make(writer, ("p", "d", "t"), "SELECT 1 AS a", None, [])
    assert writer.execute("SELECT a FROM p.d.t").fetchall() == [(1,)]
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
