"""In a script on the local BigQuery, one SET statement can set several variables."""

import pytest
from google.api_core.exceptions import BadRequest


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SET (a, b) = (3, 'x')", (3, "x")),
        ("SET (a, b) = (a + 1, CAST(a AS STRING))", (2, "1")),
        ("SET (a, b) = (SELECT AS STRUCT 3, 'x')", (3, "x")),
        ("SET (a, b) = STRUCT(3, 'x')", (3, "x")),
        ("SET (a, b) = STRUCT(3 AS n, 'x' AS t)", (3, "x")),
        ("SET (a, b) = (SELECT AS STRUCT 3, 'x' FROM UNNEST([1]) AS n WHERE n > 1)", (None, None)),
        ("SET (a) = (SELECT AS STRUCT MAX(n) FROM UNNEST([3, 4]) AS n)", (4, "one")),
        ("SET (a) = (5)", (5, "one")),
        ("SET a = 6", (6, "one")),
    ],
)
def test_several_variables_are_set_at_once(bigquery_client, statement, expected):
    script = f"DECLARE a INT64 DEFAULT 1; DECLARE b STRING DEFAULT 'one'; {statement}; SELECT a, b"
    assert [tuple(row) for row in bigquery_client.query(script).result()] == [expected]


@pytest.mark.parametrize("value", ["(1, 2, 3)", "(SELECT AS STRUCT 1)"])
def test_set_needs_as_many_values_as_variables(bigquery_client, value):
    with pytest.raises(BadRequest, match=r"SET has 2 variables and \d values"):
        bigquery_client.query(f"DECLARE a, b INT64; SET (a, b) = {value}").result()
