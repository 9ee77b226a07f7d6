"""The emulator finds the columns of a query's result without running the query."""

import duckdb
import pytest

from deskcloud.bigquery.emulator import descriptions

FAILS = "SELECT error('this query ran') AS a, $x AS b, 1 AS b"


@pytest.fixture
def cursor():
    with duckdb.connect() as connection:
        yield connection


def test_a_query_with_parameters_is_described_and_does_not_run(cursor):
    names, kinds = descriptions.of_query(cursor, FAILS, {"x": 1.5})
    assert names == ["a", "b", "b"]
    assert list(map(str, kinds[1:])) == ["DOUBLE", "INTEGER"]
    assert descriptions.Describing(cursor).sql(FAILS, params={"x": 1.5}).columns == names
    with pytest.raises(duckdb.InvalidInputException, match="this query ran"):
        cursor.execute(FAILS, {"x": 1.5}).fetchall()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT NULL AS n, [] AS e, '{}'::JSON AS j, uuid() AS u, 1::HUGEINT AS h, 'a'::ENUM('a') AS m",
        """SELECT {'a b': [1.5::DECIMAL(38, 9)], 'q"q': {'t': now()}} AS "x""y", map([1], ['a']) AS m""",
        "SELECT INTERVAL 1 DAY AS i, TIME '10:00' AS t, TIMESTAMP_NS '2020-01-01' AS s, 'x'::BLOB AS b",
        "SELECT row(1, row('a', 2)) AS without_names",
        "WITH w AS (SELECT 1 AS x) SELECT * FROM w ORDER BY 1",
    ],
)
def test_the_described_types_are_those_of_the_rows(cursor, query):
    relation = cursor.sql(query)
    assert descriptions.of_query(cursor, query) == (relation.columns, relation.types)


def test_a_wrong_query_is_refused(cursor):
    with pytest.raises(duckdb.BinderException, match="nothing"):
        descriptions.of_query(cursor, "SELECT nothing", {})
