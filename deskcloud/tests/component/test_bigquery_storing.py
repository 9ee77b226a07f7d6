"""The local BigQuery stores only what the schema allows, however the rows arrive."""

# ruff: noqa: S608 - the names in the statements come only from the tests

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from desk.bigquery import PROJECT

DATASET = "storing"
FIELDS = [
    SchemaField("id", "INT64", "REQUIRED"),
    SchemaField("name", "STRING"),
    SchemaField("price", "FLOAT64"),
    SchemaField("day", "DATE"),
    SchemaField("items", "RECORD", "REPEATED", fields=[SchemaField("count", "INT64", "REQUIRED")]),
]
ID, NAME, *_ = FIELDS
JSON = "NEWLINE_DELIMITED_JSON"


@pytest.fixture(scope="module")
def client(bigquery_client):
    bigquery_client.create_dataset(DATASET)
    return bigquery_client


@pytest.fixture(scope="module")
def visits(client):
    """Create a table with all columns of FIELDS and one row, and return the table's name."""
    client.create_table(bigquery.Table(f"{PROJECT}.{DATASET}.visits", schema=FIELDS))
    client.query_and_wait(f"INSERT {DATASET}.visits (id) VALUES (1)")
    return f"{PROJECT}.{DATASET}.visits"


def load(client, content, fields, kind=JSON, table="loaded", **options):
    """Replace the rows of a table by the content. Return the load job, which may have failed."""
    config = bigquery.LoadJobConfig(source_format=kind, schema=fields, write_disposition="WRITE_TRUNCATE", **options)
    job = client.load_table_from_file(io.BytesIO(content), f"{DATASET}.{table}", job_config=config)
    job.exception()
    return job


def rows(client, table="loaded"):
    return [tuple(row.values()) for row in client.list_rows(f"{PROJECT}.{DATASET}.{table}")]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"id": 2, "colour": "red"}, "No such field: colour."),
        ({"id": 2, "items": [{"count": 1, "size": 3}]}, "No such field: items.size."),
        ({"name": "no id"}, "Missing required field: id."),
        ({"id": None}, "Only optional fields can be set to NULL. Field: id; Value: NULL"),
        ({"id": 2, "items": [{}]}, "Missing required field: items.count."),
        ({"id": 1.5}, "Could not convert value 'value: 1.5' to integer. Field: id; Value: 1.5"),
        ({"id": "bad"}, """Could not convert value 'string_value: "bad"' to integer. Field: id; Value: bad"""),
        ({"id": 2**63}, "to integer. Field: id"),
        ({"id": True}, "Could not convert value 'bool_value: true' to integer"),
        ({"id": 2, "day": "2024-02-30"}, "to date. Field: day"),
        ({"id": 2, "items": {"count": 1}}, "to array. Field: items"),
        ({"id": 2, "items": [{"count": 1.5}]}, "to integer. Field: items.count; Value: 1.5"),
    ],
)
def test_a_load_job_names_the_line_and_the_field_that_the_schema_forbids(client, row, told):
    content = json.dumps({"id": 1}) + "\n" + json.dumps(row) + "\n"
    job = load(client, content.encode(), FIELDS)
    assert job.error_result["message"].endswith(
        "JSON table encountered too many errors, giving up. Rows: 2; errors: 1. "
        "Please look into the errors[] collection for more details."
    )
    last = job.errors[-1]["message"]
    assert "in row starting at position 10, line 2: " in last
    assert told in last


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1.5,a", "Could not parse '1.5' as INT64 for field id (position 0) starting at location 4, line 2"),
        (",a", "Required column value for column index: 0 is missing in row starting at position: 4, line 2"),
        ("2,a,more", "Too many values in row starting at position: 4, line 2."),
        (
            "2",
            "CSV table references column position 1, but line starting at position:4, line 2 contains only 1 columns.",
        ),
    ],
)
def test_a_load_job_of_csv_names_the_line_and_the_field_too(client, line, told):
    job = load(client, f"1,a\n{line}\n".encode(), [ID, NAME], "CSV")
    assert told in job.errors[-1]["message"]


def test_a_load_job_accepts_allowed_deviations_and_keeps_the_schema(client):
    content = b'{"id": "7", "colour": 1}\n{"id": 1.5}\n{"id": 8.0}\n'
    job = load(client, gzip.compress(content), [ID, NAME], max_bad_records=1, ignore_unknown_values=True)
    assert (job.output_rows, rows(client)) == (2, [(7, None), (8, None)])
    assert [field.mode for field in client.get_table(f"{DATASET}.loaded").schema] == ["REQUIRED", "NULLABLE"]
    job = load(client, b"id,name\n7,a\n8\n", [ID, NAME], "CSV", skip_leading_rows=1, allow_jagged_rows=True)
    assert rows(client) == [(7, "a"), (8, None)]


def test_columns_of_a_parquet_file_are_checked_against_the_schema(client):
    def content(**columns):
        file = io.BytesIO()
        pq.write_table(pa.table(columns), file)
        return file.getvalue()

    for columns, told in (
        ({"id": [1.5]}, "Parquet column 'id' has type FLOAT which does not match the target type INTEGER"),
        ({"id": [1], "colour": ["red"]}, "Cannot add fields (field: colour)"),
        ({"name": ["a"]}, "Provided schema is missing required field id"),
        ({"id": pa.array([None], pa.int64())}, "Required field id cannot be null"),
    ):
        job = load(client, content(**columns), [ID, NAME], "PARQUET")
        assert told in job.error_result["message"]
    load(client, content(id=[1], name=["a"]), [ID, NAME], "PARQUET")
    assert rows(client) == [(1, "a")]


def test_a_job_without_a_schema_loads_by_the_schema_of_the_table(client, visits):
    config = bigquery.LoadJobConfig(source_format=JSON, autodetect=False)
    job = client.load_table_from_file(io.BytesIO(b'{"id": 1.5}'), visits, job_config=config)
    assert "Field: id; Value: 1.5" in str(job.exception() and job.errors)
    with pytest.raises(BadRequest, match=r"Schema has no fields\. Table: none"):
        client.load_table_from_file(io.BytesIO(b'{"id": 1}'), f"{DATASET}.none", job_config=config).result()


def test_a_load_job_that_declares_another_type_or_mode_is_refused(client, visits):
    for fields, told in (
        ([SchemaField("id", "STRING", "REQUIRED")], "Field id has changed type from INTEGER to STRING"),
        ([SchemaField("id", "INT64")], "Field id has changed mode from REQUIRED to NULLABLE"),
        ([NAME], "Required field id cannot be null"),
    ):
        config = bigquery.LoadJobConfig(source_format=JSON, schema=fields)
        with pytest.raises(
            BadRequest, match=f"Provided Schema does not match Table {PROJECT}:{DATASET}.visits. {told}"
        ):
            client.load_table_from_json([{fields[0].name: "5"}], visits, job_config=config).result()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT 1.5 AS id", "Field id has changed type from INTEGER to FLOAT"),
        ("SELECT 2 AS id, 3 AS colour", "Cannot add fields (field: colour)"),
        ("SELECT 'x' AS name", "Required field id cannot be null"),
        ("SELECT CAST(NULL AS INT64) AS id", "Required field id cannot be null"),
        (
            "SELECT 2 AS id, [STRUCT(CAST(NULL AS INT64) AS count)] AS items",
            "Required field items.count cannot be null",
        ),
        ("SELECT 2 AS id, ['x'] AS name", "Field name has changed mode from NULLABLE to REPEATED"),
    ],
)
def test_a_query_appends_only_rows_that_the_schema_allows(client, visits, query, told):
    config = bigquery.QueryJobConfig(destination=visits, write_disposition="WRITE_APPEND")
    with pytest.raises(BadRequest) as refusal:
        client.query(query, job_config=config).result()
    assert told in str(refusal.value)
    client.query(f"SELECT * FROM {DATASET}.visits WHERE FALSE", job_config=config).result()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("INSERT {} (id) VALUES (1.5)", "Value has type FLOAT64 which cannot be inserted into column id, .* INT64"),
        (
            "INSERT {} (id, name) SELECT 2, 5",
            "Value has type INT64 which cannot be inserted into column name, .* STRING",
        ),
        ("INSERT {} (name) VALUES ('no id')", "Required field id cannot be null"),
        ("INSERT {} (id) VALUES (NULL)", "Required field id cannot be null"),
        ("UPDATE {} SET id = 1.5 WHERE TRUE", "Value of type FLOAT64 cannot be assigned to id, which has type INT64"),
        ("UPDATE {} SET id = NULL WHERE TRUE", "Required field id cannot be null"),
        (
            "MERGE {} AS t USING (SELECT 1.5 AS b) AS s ON t.id = s.b WHEN NOT MATCHED THEN INSERT (id) VALUES (b)",
            "Value has type FLOAT64 which cannot be inserted into column id",
        ),
    ],
)
def test_a_statement_assigns_only_values_of_the_column_s_type(client, visits, statement, told):
    with pytest.raises(BadRequest, match=told):
        client.query_and_wait(statement.format(f"{DATASET}.visits"))


def test_a_statement_assigns_values_that_bigquery_coerces(client):
    client.query_and_wait(f"CREATE OR REPLACE TABLE {DATASET}.coerced (f FLOAT64, d DATE, n NUMERIC)")
    client.query_and_wait(f"INSERT {DATASET}.coerced VALUES (1, '2024-01-01', 1.5), (NULL, NULL, 2)")
    client.query_and_wait(f"UPDATE {DATASET}.coerced SET f = 2, d = '2024-01-02' WHERE TRUE")
    found = client.query_and_wait(f"SELECT f, CAST(d AS STRING), CAST(n AS FLOAT64) FROM {DATASET}.coerced ORDER BY n")
    assert [tuple(row.values()) for row in found] == [(2.0, "2024-01-02", 1.5), (2.0, "2024-01-02", 2.0)]


def test_a_copy_appends_only_to_a_table_with_the_same_schema(client, visits):
    client.query_and_wait(f"CREATE OR REPLACE TABLE {DATASET}.other AS SELECT 'x' AS id")
    config = bigquery.CopyJobConfig(write_disposition="WRITE_APPEND")
    with pytest.raises(BadRequest, match="Field id has changed type from INTEGER to STRING"):
        client.copy_table(f"{PROJECT}.{DATASET}.other", visits, job_config=config).result()


def test_streaming_names_each_fault_and_stores_nothing_else(client, visits):
    given = [
        {"id": 1.5},
        {"id": 2, "items": [{"count": "x", "size": 1}]},
        {"name": "no id"},
        {"id": 3, "items": None},
        {"id": 4},
    ]
    told = {
        one["index"]: [(e["location"], e["message"]) for e in one["errors"]]
        for one in client.insert_rows_json(visits, given)
    }
    assert told == {
        0: [("id", "Cannot convert value to integer (bad value): 1.5")],
        1: [
            ("items.count", "Cannot convert value to integer (bad value): x"),
            ("items.size", "no such field: items.size."),
        ],
        2: [("id", "Missing required field: id.")],
        3: [("items", "Field value of items cannot be empty.")],
        4: [("", "")],
    }
    before = client.get_table(visits).num_rows
    client.insert_rows_json(
        visits, [{"id": 9, "colour": 1}, {"id": 1.5}], ignore_unknown_values=True, skip_invalid_rows=True
    )
    assert client.get_table(visits).num_rows == before + 1
