"""BigQuery refuses tables and views in which two columns have the same name."""

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

IN_A_RESULT = "Duplicate column names in the result are not supported when a destination table is present"


@pytest.fixture(scope="module")
def run(bigquery_client):
    bigquery_client.create_dataset("columns")
    bigquery_client.query_and_wait("CREATE TABLE columns.t AS SELECT 1 AS a, [STRUCT(2 AS a)] AS l")
    yield bigquery_client.query_and_wait
    bigquery_client.delete_dataset("columns", delete_contents=True)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TABLE columns.x AS SELECT 1 AS a, 2 AS A", "CREATE TABLE has columns with duplicate name A"),
        ("CREATE TABLE columns.x AS (SELECT 1 AS a, 2 AS a)", "CREATE TABLE has columns with duplicate name a"),
        (
            "CREATE TABLE columns.x AS SELECT * FROM columns.t, UNNEST(l)",
            "CREATE TABLE has columns with duplicate name a",
        ),
        (
            "CREATE OR REPLACE TABLE columns.x AS SELECT t.*, u.* EXCEPT (l) FROM columns.t, columns.t AS u",
            "CREATE TABLE has columns with duplicate name a",
        ),
        ("CREATE TEMP TABLE x AS SELECT 1 AS a, 2 AS a; SELECT 1", "CREATE TABLE has columns with duplicate name a"),
        ("CREATE VIEW columns.x AS SELECT 1 AS a, 2 AS a", "CREATE VIEW has columns with duplicate name a"),
        ("CREATE VIEW columns.x (a, A) AS SELECT 1, 2", "CREATE VIEW has columns with duplicate name A"),
        (
            "CREATE MATERIALIZED VIEW columns.x AS SELECT a, a FROM columns.t",
            "CREATE MATERIALIZED VIEW has columns with duplicate name a",
        ),
        ("CREATE TABLE columns.x (a INT64, A STRING)", "Duplicate column name A in CREATE TABLE"),
        ("CREATE TABLE columns.x AS SELECT 1 AS a, 2", "CREATE TABLE columns must be named, but column 2 has no name"),
        ("CREATE VIEW columns.x AS SELECT COUNT(*) FROM columns.t", "CREATE VIEW columns must be named, but column 1"),
        ("ALTER TABLE columns.t ADD COLUMN A STRING", "Column already exists: A"),
        ("INSERT columns.t (a, A) VALUES (1, 2)", "INSERT has columns with duplicate name: A"),
        ("UPDATE columns.t SET a = 1, A = 2 WHERE TRUE", "Update item A assigned more than once"),
    ],
)
def test_a_statement_that_would_name_two_columns_alike_is_refused(run, statement, message):
    with pytest.raises(BadRequest, match=message):
        run(statement)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_result_with_two_columns_of_one_name_cannot_be_written_to_a_table(run, bigquery_client, dry_run):
    table = f"{bigquery_client.project}.columns.x"
    config = bigquery.QueryJobConfig(destination=table, dry_run=dry_run, use_query_cache=False)
    with pytest.raises(BadRequest, match=rf"{IN_A_RESULT}\. Found duplicate\(s\): a, B\s"):
        bigquery_client.query("SELECT 1 AS a, 2 AS a, 3 AS b, 4 AS B, 5 AS a", job_config=config).result()


def test_in_a_result_without_a_table_columns_of_one_name_are_numbered(run):
    [row] = run("SELECT 1 AS a, 2 AS a")
    assert dict(row) == {"a": 1, "a_1": 2}


@pytest.mark.parametrize(
    "columns", [["a", "b", "A"], [bigquery.SchemaField("s", "RECORD", fields=[bigquery.SchemaField("a", "INT64")] * 2)]]
)
def test_a_schema_with_two_fields_of_one_name_is_refused(run, bigquery_client, columns):
    schema = [bigquery.SchemaField(one, "INT64") if isinstance(one, str) else one for one in columns]
    with pytest.raises(BadRequest, match=r"Field [Aa] already exists in schema"):
        bigquery_client.create_table(bigquery.Table(f"{bigquery_client.project}.columns.x", schema))


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("CREATE OR REPLACE TABLE columns.m (b INT64, c INT64) AS SELECT 1 AS a, 2 AS a", ["b", "c"]),
        ("CREATE OR REPLACE TABLE columns.m AS SELECT t.l, (a), l[0].a AS x FROM columns.t", ["l", "a", "x"]),
        ("CREATE OR REPLACE TABLE columns.m AS SELECT 1 AS a UNION ALL SELECT 2", ["a"]),
        (
            "CREATE OR REPLACE TABLE columns.m AS SELECT * EXCEPT (l) FROM columns.t JOIN columns.t AS u USING (a)",
            ["a"],
        ),
        ("CREATE OR REPLACE TABLE columns.m AS SELECT AS STRUCT 1 AS a, 2 AS b", ["a", "b"]),
    ],
)
def test_columns_with_different_names_become_the_columns_of_a_table(run, bigquery_client, statement, names):
    run(statement)
    assert [field.name for field in bigquery_client.get_table("columns.m").schema] == names


NUMBER, TEXT = bigquery.SchemaField("a", "INTEGER"), bigquery.SchemaField("b", "STRING")


def in_structs(*inner):
    """Return the schema of a table with a number, a struct that contains a struct, and an array of structs.

    All three structs have the fields `inner`.
    """
    deeper = bigquery.SchemaField("r", "RECORD", fields=inner)
    return [
        NUMBER,
        bigquery.SchemaField("s", "RECORD", fields=[*inner, deeper]),
        bigquery.SchemaField("l", "RECORD", "REPEATED", fields=inner),
    ]


def test_a_schema_adds_columns_inside_structs_and_removes_none(bigquery_client, run):
    table = bigquery_client.create_table(bigquery.Table("local-project.columns.nested", in_structs(NUMBER)))
    row = {"a": 1, "s": {"a": 2, "r": {"a": 3}}, "l": [{"a": 4}]}
    assert bigquery_client.insert_rows_json(table, [row]) == []
    table.schema = in_structs(NUMBER, TEXT)
    bigquery_client.update_table(table, ["schema"])
    new = {"a": 1, "s": {"a": 2, "b": "x", "r": {"a": 3, "b": "y"}}, "l": [{"a": 4, "b": "z"}]}
    assert bigquery_client.insert_rows_json("columns.nested", [new]) == []
    rows = [dict(one) for one in run("SELECT * FROM columns.nested ORDER BY s.b")]
    assert rows == [{"a": 1, "s": {"a": 2, "b": None, "r": {"a": 3, "b": None}}, "l": [{"a": 4, "b": None}]}, new]
    for inner, words in (
        ([NUMBER], "Cannot remove field: b"),
        ([NUMBER, TEXT, bigquery.SchemaField("c", "STRING", "REQUIRED")], "Cannot add required fields"),
    ):
        table = bigquery_client.get_table("columns.nested")
        table.schema = in_structs(*inner)
        with pytest.raises(BadRequest, match=rf"Provided Schema does not match Table .*nested\. {words}"):
            bigquery_client.update_table(table, ["schema"])
