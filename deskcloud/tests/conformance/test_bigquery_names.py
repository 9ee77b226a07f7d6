"""The local BigQuery treats names, arrays, structs and wildcard tables as GoogleSQL does."""

# ruff: noqa: S608 - the statements come only from the tests of this file

from decimal import Decimal
from pathlib import Path

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from deskcloud.googlesql import reference
from deskcloud.googlesql.catalog import Catalog

QUERIES = Path(__file__).with_name("names_and_structs.sql").read_text().splitlines()[1:]
FIRST, SECOND, STREAMED = "one_20240101", "one_20240102", "one_intraday_20240103"


def rows(client, sql):
    return [tuple(row.values()) for row in client.query(sql).result()]


def plain(value):
    if isinstance(value, dict):
        return [plain(one) for one in value.values()]
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.fixture(scope="module")
def dataset(bigquery_client):
    bigquery_client.create_dataset("names", exists_ok=True)
    yield "names"
    bigquery_client.delete_dataset("names", delete_contents=True)


@pytest.fixture(scope="module")
def day_tables(bigquery_client, dataset):
    """Create three day-tables of an export whose schema changed from day to day. Return the tables' wildcard name."""
    for table, columns in (
        (FIRST, "1 AS a, STRUCT(1 AS x) AS s, [STRUCT('k' AS key)] AS l"),
        (SECOND, "'new' AS b, 2 AS a, STRUCT(1 AS x, 2 AS y) AS s, [STRUCT('k' AS key, 2 AS v)] AS l"),
        (STREAMED, "'now' AS b, 3 AS a, STRUCT(2 AS y, 3 AS x) AS s, [STRUCT('k' AS key, 3 AS v)] AS l"),
    ):
        bigquery_client.query(f"CREATE TABLE {dataset}.{table} AS SELECT {columns}").result()
    return f"`{dataset}.one_*`"


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_answers_as_googles_own_implementation_does(bigquery_client, query):
    wanted = reference.run(query, Catalog({}))
    result = bigquery_client.query(query).result()
    assert sorted(map(repr, map(plain, (row.values() for row in result)))) == sorted(map(repr, map(plain, wanted.rows)))
    names = [column.name for column in wanted.columns]
    assert [field.name for field in result.schema] == names


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "SELECT a, b, s.x, s.y, _TABLE_SUFFIX FROM {} ORDER BY a",
            [
                (1, None, 1, None, "20240101"),
                (2, "new", 1, 2, "20240102"),
                (3, "now", 3, 2, "intraday_20240103"),
            ],
        ),
        ("SELECT * EXCEPT (s, l) FROM {} WHERE a = 1", [(None, 1)]),
        ("SELECT a FROM {} WHERE _TABLE_SUFFIX = '20240101'", [(1,)]),
        ("SELECT t.* EXCEPT (s, l), t._table_suffix FROM {} AS t WHERE a = 2", [("new", 2, "20240102")]),
        (
            "SELECT key, v FROM {}, UNNEST(l) WHERE _TABLE_SUFFIX NOT LIKE 'intraday%' ORDER BY v",
            [("k", None), ("k", 2)],
        ),
        (
            "SELECT e.a FROM {} AS e JOIN {} AS f ON e.a + 1 = f.a AND e._table_suffix < f._table_suffix ORDER BY 1",
            [(1,), (2,)],
        ),
    ],
)
def test_a_wildcard_table_has_the_newest_tables_schema(bigquery_client, day_tables, query, expected):
    assert rows(bigquery_client, query.replace("{}", day_tables)) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            (
                "MERGE names.m USING UNNEST([STRUCT(1 AS id, 'A' AS n), (3, 'C')]) AS s ON m.id = s.id"
                " WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (id, n) VALUES (id, n)"
                " WHEN NOT MATCHED BY SOURCE AND m.id > 5 THEN DELETE"
            ),
            [(1, "A"), (2, "b"), (3, "C")],
        ),
        (
            (
                "MERGE names.m AS t USING UNNEST([2, 4]) AS s ON t.id = s"
                " WHEN MATCHED THEN UPDATE SET n = CONCAT(n, '!')"
                " WHEN NOT MATCHED THEN INSERT VALUES (s, 'new')"
            ),
            [(1, "a"), (2, "b!"), (4, "new"), (9, "z")],
        ),
        (
            (
                "MERGE names.m AS t USING (SELECT 9 AS id, 'nine' AS n UNION ALL SELECT 5, 'five') AS s ON t.id = s.id"
                " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT ROW"
                " WHEN NOT MATCHED BY SOURCE THEN UPDATE SET n = 'old'"
            ),
            [(1, "old"), (2, "old"), (5, "five")],
        ),
        (
            (
                "MERGE names.m AS `my t` USING (SELECT 2 AS id UNION ALL SELECT 5) AS `select`"
                " ON `my t`.id = `select`.id WHEN MATCHED THEN DELETE"
                " WHEN NOT MATCHED BY SOURCE AND `my t`.id > 5 THEN UPDATE SET n = NULL"
                " WHEN NOT MATCHED AND `select`.id > (SELECT 4) THEN INSERT (id) VALUES (`select`.id)"
            ),
            [(1, "a"), (5, None), (9, None)],
        ),
    ],
)
def test_a_merge_accepts_any_source(bigquery_client, dataset, statement, expected):
    bigquery_client.query(
        f"CREATE OR REPLACE TABLE {dataset}.m AS SELECT * FROM UNNEST([STRUCT(1 AS id, 'a' AS n), (2, 'b'), (9, 'z')])"
    ).result()
    bigquery_client.query(statement).result()
    assert rows(bigquery_client, f"SELECT id, n FROM {dataset}.m ORDER BY id") == expected


def test_a_merge_inserts_into_a_column_that_has_the_name_of_a_function(bigquery_client, dataset):
    run = bigquery_client.query_and_wait
    run(f"CREATE OR REPLACE TABLE {dataset}.days (id INT64, `current_date` INT64)")
    run(
        f"MERGE {dataset}.days AS t USING (SELECT 1 AS id) AS s ON t.id = s.id"
        " WHEN NOT MATCHED THEN INSERT (current_date, id) VALUES (7, s.id)"
    )
    assert rows(bigquery_client, f"SELECT id, `current_date` FROM {dataset}.days") == [(1, 7)]


def test_a_merge_reads_the_hour_in_a_time_zone_that_is_a_parameter(bigquery_client, dataset):
    bigquery_client.query(f"CREATE TABLE {dataset}.hours (hour INT64)").result()
    zone = bigquery.ScalarQueryParameter("zone", "STRING", "Asia/Kolkata")
    bigquery_client.query(
        f"MERGE {dataset}.hours USING (SELECT TIMESTAMP '2021-01-01 23:30:00+00' AS began) ON FALSE"
        " WHEN NOT MATCHED THEN INSERT VALUES (EXTRACT(HOUR FROM began AT TIME ZONE @zone))",
        job_config=bigquery.QueryJobConfig(query_parameters=[zone]),
    ).result()
    assert rows(bigquery_client, f"SELECT hour FROM {dataset}.hours") == [(5,)]


def test_structs_are_stored_by_position_and_changed_by_their_elements(bigquery_client, dataset):
    bigquery_client.query(
        f"CREATE TABLE {dataset}.stored (id INT64, s STRUCT<x INT64, y STRING>, l ARRAY<STRUCT<k STRING, v INT64>>);"
        f"INSERT {dataset}.stored SELECT 1, STRUCT(3 AS p, 'c' AS q), [STRUCT('m' AS kk, 3 AS vv)];"
        f"INSERT {dataset}.stored (id, s, l) VALUES (2, (4, 'd'), [STRUCT('n', 5), ('o', 6)]);"
        f"UPDATE {dataset}.stored SET l = ARRAY(SELECT AS STRUCT k, v + 1 FROM UNNEST(l))"
        " WHERE EXISTS (SELECT 1 FROM UNNEST(l) WHERE k = 'n')"
    ).result()
    assert rows(bigquery_client, f"SELECT s.x, s.y, k, v FROM {dataset}.stored, UNNEST(l) ORDER BY v") == [
        (3, "c", "m", 3),
        (4, "d", "n", 6),
        (4, "d", "o", 7),
    ]


@pytest.mark.parametrize(
    "script",
    [
        (
            "CREATE TEMP FUNCTION f(p ARRAY<STRUCT<k STRING, v INT64>>) AS ((SELECT v FROM UNNEST(p) WHERE k = 'x'));"
            "SELECT f([STRUCT('x' AS k, 7 AS v)])"
        ),
        (
            "CREATE TEMP FUNCTION f(p ANY TYPE) AS ((SELECT v FROM UNNEST(p) WHERE k = 'x'));"
            "SELECT f([STRUCT('x' AS k, 7 AS v)])"
        ),
        (
            "CREATE OR REPLACE FUNCTION names.f(p ARRAY<STRUCT<k STRING, v INT64>>, n STRING) AS"
            " ((SELECT v FROM UNNEST(p) WHERE k = n)); SELECT names.f([STRUCT('x' AS k, 7 AS v)], 'x')"
        ),
        (
            "CREATE TEMP TABLE e AS SELECT [STRUCT('x' AS k, STRUCT(7 AS v) AS value)] AS ps;"
            "SELECT (SELECT value.v FROM UNNEST(ps) WHERE k = 'x') FROM e"
        ),
        "DECLARE ps DEFAULT [STRUCT('x' AS k, 7 AS v), ('y', 8)]; SELECT v FROM UNNEST(ps) WHERE k = 'x'",
    ],
)
def test_fields_of_array_elements_are_found_in_functions_and_scripts(bigquery_client, dataset, script):
    assert rows(bigquery_client, script) == [(7,)]


EVENTS = (
    "(SELECT 'x' AS name, [STRUCT('x' AS key, STRUCT('s' AS text, 7 AS number) AS value), ('y', ('t', 8))] AS params)"
)


@pytest.mark.parametrize("create", ["CREATE TEMP FUNCTION param", "CREATE OR REPLACE FUNCTION names.param"])
@pytest.mark.parametrize(
    "body",
    [
        "(SELECT value.number FROM UNNEST(ps) WHERE key = k)",
        "(SELECT value.number FROM UNNEST(ps) AS p WHERE p.key = k)",
        "(SELECT AS STRUCT value.* FROM UNNEST(ps) WHERE key = k).number",
        "(SELECT p.value FROM UNNEST(ps) AS p WITH OFFSET AS i WHERE key = k ORDER BY i LIMIT 1).number",
        "ARRAY(SELECT AS STRUCT * EXCEPT (key) FROM UNNEST(ps) WHERE key = k)[OFFSET(0)].value.number",
    ],
)
@pytest.mark.parametrize(
    "query",
    [
        "SELECT param(params, 'x') FROM {e}",
        "SELECT param(e.params, e.name) FROM {e} AS e",
        "SELECT param(params, p.key) FROM {e} AS e, UNNEST(params) AS p WHERE p.value.text = 's'",
        "SELECT MAX(param(params, key)) FROM {e}, (SELECT 'x' AS key)",
        "SELECT param(params, 'x') FROM {e} WHERE param(params, 'y') = 8 GROUP BY param(params, 'x')",
        "WITH w AS (SELECT params AS l FROM {e}) SELECT (SELECT param(l, 'x')) FROM w",
    ],
)
def test_a_function_with_an_any_type_argument_knows_the_arguments_fields(bigquery_client, dataset, create, body, query):
    if "names." in create:
        query = query.replace("param(", f"{dataset}.param(")
    script = f"{create}(ps ANY TYPE, k STRING) AS ({body}); {query.replace('{e}', EVENTS)}"
    assert rows(bigquery_client, script) == [(7,)]


@pytest.mark.parametrize(
    ("function", "call", "expected"),
    [
        ("f(x ANY TYPE, y ANY TYPE) AS (x / y)", "f(NUMERIC '1', 4), f(1, 4)", (Decimal("0.25"), 0.25)),
        ("f(x ANY TYPE) RETURNS STRING AS (x)", "f(1.5), f('a')", ("1.5", "a")),
        ("f(x ANY TYPE) AS ((SELECT AS STRUCT x.*, 1 AS z))", "f(STRUCT('b' AS y))", ({"y": "b", "z": 1},)),
        ("f(x ANY TYPE) AS (x.y)", "f(STRUCT(1 AS y)), f(f(STRUCT(STRUCT(2 AS y) AS y)))", (1, 2)),
        ("f(x ANY TYPE) AS (SUM(x) + 1)", "f(i)", (4,)),
        ("f(x ANY TYPE) AS (x + 1)", "SAFE.f(9223372036854775807), SUM(f(i))", (None, 5)),
        ("g(x ANY TYPE) AS (x + 1); CREATE TEMP FUNCTION f(x ANY TYPE) AS (g(x) * 2)", "f(1), f(1.5)", (4, 5.0)),
        ("g(x ANY TYPE) AS (x[0]); CREATE TEMP FUNCTION f(x ARRAY<INT64>) AS (g(x))", "f([5])", (5,)),
    ],
)
def test_the_result_of_a_function_with_any_type_has_the_arguments_type(
    bigquery_client, dataset, function, call, expected
):
    script = f"CREATE TEMP FUNCTION {function}; SELECT {call} FROM UNNEST([1, 2]) AS i"
    assert set(map(repr, rows(bigquery_client, script))) == {repr(expected)}


def test_a_view_and_a_change_call_a_function_of_any_type(bigquery_client, dataset):
    bigquery_client.query(
        f"CREATE OR REPLACE FUNCTION {dataset}.number(ps ANY TYPE) AS ((SELECT MAX(value.number) FROM UNNEST(ps)));"
        f"CREATE TABLE {dataset}.events AS SELECT *, 0 AS n FROM {EVENTS};"
        f"UPDATE {dataset}.events SET n = {dataset}.number(params) WHERE {dataset}.number(params) = 8;"
        f"CREATE VIEW {dataset}.numbers AS SELECT n, {dataset}.number(params) AS m FROM {dataset}.events"
    ).result()
    assert rows(bigquery_client, f"SELECT * FROM {dataset}.numbers") == [(8, 8)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("f(p.params, p.name) FROM {e} AS p", "A call of f with the name p, which the function's body also uses"),
        ("f(params, name) OVER () FROM {e}", "f with OVER"),
    ],
)
def test_calls_that_cannot_be_replaced_by_the_functions_body_are_refused_by_name(
    bigquery_client, dataset, call, message
):
    function = "f(ps ANY TYPE, k STRING) AS ((SELECT value.number FROM UNNEST(ps) AS p WHERE p.key = k))"
    with pytest.raises(BadRequest, match=message):
        bigquery_client.query_and_wait(f"CREATE TEMP FUNCTION {function}; SELECT {call.replace('{e}', EVENTS)}")


def test_a_session_keeps_a_function_of_any_type(bigquery_client):
    create = bigquery.QueryJobConfig(create_session=True)
    made = bigquery_client.query("CREATE TEMP FUNCTION f(x ANY TYPE) AS (x.y); SELECT 1", job_config=create)
    made.result()
    session = [bigquery.ConnectionProperty("session_id", made.session_info.session_id)]
    later = bigquery.QueryJobConfig(connection_properties=session)
    [row] = bigquery_client.query("SELECT f(STRUCT(7 AS y))", job_config=later).result()
    assert tuple(row) == (7,)


MADE = "ARRAY<STRUCT<a INT64, b INT64>>"


@pytest.mark.parametrize(
    ("source", "columns"),
    [
        ("names.listed(1), UNNEST(l)", ["id", "l", "a", "b"]),
        ("names.listed(1) AS t, UNNEST(t.l) AS e", ["id", "l", "a", "b"]),
        ("names.listed(1), UNNEST(l) AS e WITH OFFSET AS i", ["id", "l", "a", "b", "i"]),
        ("UNNEST(names.made(1))", ["a", "b"]),
        ("(SELECT names.made(1) AS m), UNNEST(m) AS e", ["m", "a", "b"]),
        ("UNNEST((SELECT ARRAY_AGG(e) FROM UNNEST(names.made(1)) AS e))", ["a", "b"]),
        ("(SELECT 1 AS x) AS o, UNNEST(ARRAY_SLICE(names.made(o.x), 0, 0))", ["x", "a", "b"]),
        ("UNNEST(pairs(1))", ["a", "b"]),
        ("UNNEST(typed(1))", ["a", "b"]),
        ("UNNEST(ARRAY_CONCAT(@p, names.made(1))) LIMIT 1", ["a", "b"]),
        ("(WITH w AS (SELECT names.made(1) AS m), v AS (SELECT * FROM w) SELECT * FROM v, v.m)", ["m", "a", "b"]),
    ],
)
def test_fields_of_array_elements_become_columns_for_every_kind_of_array(bigquery_client, dataset, source, columns):
    bigquery_client.query(
        f"CREATE OR REPLACE FUNCTION {dataset}.made(x INT64) RETURNS {MADE} AS ([(x, x + 1)]);"
        f"CREATE OR REPLACE TABLE {dataset}.lists AS SELECT 1 AS id, [STRUCT(1 AS a, 2 AS b)] AS l;"
        f"CREATE OR REPLACE TABLE FUNCTION {dataset}.listed(n INT64) AS SELECT * FROM {dataset}.lists WHERE id = n"
    ).result()
    functions = (
        "CREATE TEMP FUNCTION pairs(x INT64) AS ([STRUCT(x AS a, x + 1 AS b)]);"
        f"CREATE TEMP FUNCTION typed(x INT64) RETURNS {MADE} LANGUAGE js AS 'return [{{a: 1, b: 2}}]';"
    )
    element = bigquery.StructQueryParameter(
        None, bigquery.ScalarQueryParameter("a", "INT64", 1), bigquery.ScalarQueryParameter("b", "INT64", 2)
    )
    given = bigquery.QueryJobConfig(query_parameters=[bigquery.ArrayQueryParameter("p", "STRUCT", [element])])
    result = bigquery_client.query_and_wait(f"{functions} SELECT * FROM {source}", job_config=given)
    assert [field.name for field in result.schema] == columns
    assert [(row["a"], row["b"]) for row in result] == [(1, 2)]
    assert rows(bigquery_client, f"{functions} SELECT a, b FROM {source.replace('@p', '[]')}") == [(1, 2)]


def test_a_view_over_a_wildcard_table_has_later_tables_and_their_columns(bigquery_client, dataset):
    def write(table, columns):
        bigquery_client.query(f"CREATE OR REPLACE TABLE {dataset}.{table} AS SELECT {columns}").result()

    write("late_20240101", "1 AS a")
    for name, query in (
        ("late", "SELECT *, _TABLE_SUFFIX AS day FROM `names.late_*` WHERE _TABLE_SUFFIX NOT LIKE '%9'"),
        ("later", f"WITH late AS (SELECT * FROM {dataset}.late) SELECT * FROM late"),
        ("latest", f"SELECT max(l.day) AS day, to_json_string(max(l.day)) AS text FROM {dataset}.later AS l"),
    ):
        bigquery_client.query(f"CREATE VIEW {dataset}.{name} AS {query}").result()
        assert bigquery_client.get_table(f"{dataset}.{name}").view_query == query
    assert rows(bigquery_client, f"SELECT * FROM {dataset}.later") == [(1, "20240101")]
    write("late_20240102", "'new' AS b, 2 AS a")
    write("late_20240109", "'not asked for' AS b, 9 AS a")
    assert rows(bigquery_client, f"SELECT * FROM {dataset}.late ORDER BY a") == [
        (None, 1, "20240101"),
        ("new", 2, "20240102"),
    ]
    assert rows(
        bigquery_client, f"SELECT l.a, later.b FROM {dataset}.late AS l JOIN {dataset}.later USING (day) ORDER BY 1"
    ) == [(1, None), (2, "new")]
    assert rows(bigquery_client, f"SELECT a FROM {dataset}.later WHERE day = '20240102'") == [(2,)]
    assert rows(bigquery_client, f"SELECT * FROM {dataset}.latest") == [("20240102", '"20240102"')]
    bigquery_client.query(f"CREATE TABLE {dataset}.copied AS SELECT a FROM {dataset}.late").result()
    assert rows(bigquery_client, f"SELECT count(*) FROM {dataset}.copied") == [(2,)]


def test_names_of_columns_of_a_view_over_a_wildcard_are_refused_by_name(bigquery_client, day_tables):
    with pytest.raises(BadRequest, match="names of columns in CREATE VIEW over a wildcard table"):
        bigquery_client.query(f"CREATE VIEW names.named (b) AS SELECT a FROM {day_tables}").result()
