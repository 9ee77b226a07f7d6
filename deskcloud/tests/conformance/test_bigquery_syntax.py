"""A syntax error has the words of Google's parser, and names the unexpected token's position in the whole script."""

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound

from deskcloud.googlesql import analysis
from deskcloud.googlesql.catalog import Catalog
from deskcloud.googlesql.errors import Refused


def refusal(client, sql, kind=BadRequest):
    with pytest.raises(kind, match=r".") as refused:
        client.query_and_wait(sql, retry=None, job_retry=None)
    return refused.value.errors[0]["message"]


@pytest.mark.parametrize(
    "sql",
    [
        "select 2 from",
        "select 2 from where a = 1",
        "selec 1",
        "select 1 +",
        "select (select 1",
        "select a b c from t",
        "select a `b` `c d` from t",
        "select count(* from t",
        "with a as select 1 select * from a",
        "select cast(1 as )",
        "select cast(1 int64)",
        "select 1 'a' r'b'",
        "select 1 2.5",
        "select\n1\n  from t\n  wher a",
        "from t |> foo",
        "from t |>",
    ],
)
def test_a_syntax_error_has_googles_words_and_place(bigquery_client, sql):
    with pytest.raises(Refused) as refused:
        analysis.analyze(sql, Catalog({}))
    words = str(refused.value).replace(" [at ", " at [").replace("end of statement", "end of script")
    assert refusal(bigquery_client, sql) == words


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select 1; select 2 from; select 3", 'Syntax error: Unexpected ";" at [1:24]'),
        (
            "select 1;\nselect 2\n frm t x; select 3",
            'Syntax error: Expected end of input but got identifier "t" at [3:6]',
        ),
        ("begin select 1; select 2 where; end", 'Syntax error: Unexpected ";" at [1:31]'),
        ("if true then\n select 1 + ; end if", 'Syntax error: Unexpected ";" at [2:13]'),
        ("select 1; select 'abc", "Syntax error: Unclosed string literal at [1:18]"),
        ("select 1; select * from `t", "Syntax error: Unclosed identifier literal at [1:25]"),
        ("select 1; select nosuch(1)", "Function not found: nosuch at [1:18]"),
        ("from (select 1 as a) |> assert a = 1", "The pipe operator ASSERT is not supported by the local BigQuery"),
        ("from (select 1 as a) |> call f()", "The pipe operator CALL is not supported by the local BigQuery"),
    ],
)
def test_an_error_in_a_script_names_the_position_in_the_script(bigquery_client, sql, words):
    assert refusal(bigquery_client, sql) == words


@pytest.mark.parametrize(
    "statement",
    [
        "create table nowhere.x (a int64)",
        "create table nowhere.x as select 1 as a",
        "create or replace view nowhere.x as select 1 as a",
        "create materialized view nowhere.x as select 1 as a",
        "create function nowhere.x(a int64) as (a)",
        "create table function nowhere.x() as select 1 as a",
        "create procedure nowhere.x() begin select 1; end",
        "insert nowhere.x values (1)",
        "drop table nowhere.x",
        "drop schema nowhere",
    ],
)
def test_an_error_names_the_missing_dataset(bigquery_client, statement):
    words = f"Not found: Dataset {bigquery_client.project}:nowhere was not found in location US"
    assert refusal(bigquery_client, statement, NotFound) == words


def test_an_error_names_a_function_that_is_missing_or_exists_already(bigquery_client):
    bigquery_client.create_dataset("syntax")
    name = f"{bigquery_client.project}:syntax.f"
    assert refusal(bigquery_client, "drop function syntax.f", NotFound) == f"Not found: Routine {name}"
    bigquery_client.query_and_wait("create function syntax.f(x int64) as (x)")
    with pytest.raises(Conflict, match=f"Already Exists: Routine {name}"):
        bigquery_client.query_and_wait("create function syntax.f(x int64) as (x)")
    bigquery_client.delete_dataset("syntax", delete_contents=True)


@pytest.mark.parametrize(
    "call",
    [
        "parse_date('%Y%m%d', '2017x')",
        "parse_date('%F', '2017-13-01')",
        "parse_timestamp('%F %T', '2017-01-01')",
        "parse_datetime('%F', '')",
        "parse_time('%T', '99:00:00')",
    ],
)
def test_an_error_names_a_text_that_does_not_have_the_expected_format(bigquery_client, call):
    [*_, text, _] = call.split("'")
    assert refusal(bigquery_client, f"select {call}") == f'Failed to parse input string "{text}"'
