"""Each error of the local BigQuery uses BigQuery's words or names a missing feature.

An error never shows an error text of DuckDB or Python.
"""

import pytest
from google.api_core.exceptions import BadRequest

LACKING = " is not supported by the local BigQuery"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select cast('x' as int64)", "Bad int64 value: x"),
        ("select cast('x' as float64)", "Bad double value: x"),
        ("select cast('x' as bool)", "Bad bool value: x"),
        ("select cast('x' as numeric)", "Invalid NUMERIC value: x"),
        ("select cast('2024-99-99' as timestamp)", "Invalid timestamp: '2024-99-99'"),
        ("select b'a' like b'a%'", "No matching signature for function LIKE"),
        ("select safe.sum(x) from unnest([1]) as x", f"An aggregate function with SAFE{LACKING}"),
        ("select json_keys(json '{}', mode => 'lax')", f"JSON_KEYS with these arguments{LACKING}"),
        ("select regexp_instr('ab1', r'b(1)')", f"REGEXP_INSTR with a group{LACKING}"),
        ("select round(numeric '2.45', 1, 'ROUND_HALF_EVEN')", f"ROUND with the mode ROUND_HALF_EVEN{LACKING}"),
        ("select percentile_cont(x, 0.5 respect nulls) over () from unnest([1]) as x", f"RESPECT NULLS{LACKING}"),
        ("select cast('0.1234567890123456789' as bignumeric)", f"more than 18 digits after the point{LACKING}"),
        ("select json_query(json '{}', 'lax $.a')", f"A JSONPath in lax mode{LACKING}"),
        ("select json_remove(json '[1]', '$[0]')", f"JSON_REMOVE with a path that has more than names{LACKING}"),
    ],
)
def test_an_error_names_the_mistake_or_the_missing_feature(bigquery_client, sql, words):
    with pytest.raises(BadRequest, match=r".") as refusal:
        bigquery_client.query_and_wait(sql, retry=None, job_retry=None)
    assert words in refusal.value.message
    assert refusal.value.errors[0]["reason"] == "invalidQuery"
