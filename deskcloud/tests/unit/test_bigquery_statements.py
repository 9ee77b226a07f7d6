"""The gateway parses statements. Comments and literals that look like SQL are not taken for statements."""

# ruff: noqa: S608 - the statements come only from the tests of this file

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskcloud.bigquery.gateway.clauses import option_list
from deskcloud.bigquery.gateway.errors import BigQueryError
from deskcloud.bigquery.gateway.work import name_positional_parameters
from deskcloud.googlesql import statements
from deskcloud.googlesql.tokens import UnterminatedError, tokenize

WILD = st.text(max_size=60) | st.sampled_from(
    ["ML.PREDICT(MODEL m, TABLE t)", "CREATE MODEL m", "; DROP MODEL m;", "?", "@x", "END", "(", "--", "/*", "#"]
)


def quoted(text, quote):
    return quote + text.replace("\\", "\\\\").replace(quote[0], "\\" + quote[0]).replace("\n", "\\n") + quote


LITERALS = st.one_of(
    st.builds(quoted, WILD, st.sampled_from(["'", '"', "'''", '"""', "`"])),
    st.builds(lambda text: f"r{quoted(text, '"')}", WILD),
)
COMMENTS = st.one_of(
    st.builds(lambda text, mark: mark + text.replace("\n", " ") + "\n", WILD, st.sampled_from(["--", "#"])),
    st.builds(lambda text: f"/*{text.replace('*/', '')} */", WILD),
)


@given(st.lists(LITERALS | COMMENTS, max_size=5))
def test_nothing_in_strings_names_and_comments_is_taken_for_sql(parts):
    text = "SELECT 1 AS a, " + " ".join(parts)
    assert not statements.is_ours(text)
    assert len(statements.parse(text)) == 1


@given(st.lists(LITERALS | COMMENTS, max_size=5), st.lists(LITERALS | COMMENTS, max_size=5))
def test_an_ml_call_is_found_whatever_text_surrounds_it(before, after):
    head, tail = " ".join(before), " ".join(after)
    text = f"SELECT {head} FROM ml . predict(MODEL d.m, TABLE t) {tail}"
    (statement,) = statements.parse(text)
    (call,) = statements.ml_calls(statement.tokens)
    assert text[call.start : call.end] == "ml . predict(MODEL d.m, TABLE t)"


@given(st.text())
def test_any_text_is_either_tokens_in_order_or_unterminated(text):
    try:
        tokens = tokenize(text)
    except UnterminatedError:
        return
    assert all(text[token.start : token.end] == token.text for token in tokens)
    assert all(a.end <= b.start for a, b in itertools.pairwise(tokens))


@given(st.lists(LITERALS | COMMENTS | st.just("?"), max_size=8))
def test_only_the_question_marks_of_parameters_are_replaced_by_names(parts):
    text = " ".join(["SELECT", *parts])
    count = parts.count("?")
    query = {"query": text, "parameterMode": "POSITIONAL", "queryParameters": [{} for _ in range(count)]}
    named = name_positional_parameters(query)
    assert [p["name"] for p in named["queryParameters"]] == [f"positional_{i}" for i in range(count)]
    kinds = [(t.kind, t.text) for t in tokenize(text)]
    renamed = [(t.kind, "?" if t.text.startswith("@positional_") else t.text) for t in tokenize(named["query"])]
    assert renamed == kinds


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("m", ["m"]),
        ("d.m", ["d", "m"]),
        ("`p-x.d.m`", ["p-x", "d", "m"]),
        ("`p`.`d`.`m`", ["p", "d", "m"]),
        ("my-project-1.d.m", ["my-project-1", "d", "m"]),
    ],
)
def test_a_path_has_the_same_parts_however_it_is_written(text, parts):
    found, rest = statements.path(tokenize(f"{text} OPTIONS"))
    assert found == parts
    assert [token.text for token in rest] == ["OPTIONS"]


def test_a_script_is_split_where_its_statements_end():
    text = """DECLARE x INT64 DEFAULT 1;
      IF (x = 1) THEN SELECT CASE WHEN x = 1 THEN IF(TRUE, 1, 2) ELSE 3 END; ELSE SELECT 2; END IF;
      BEGIN TRANSACTION; COMMIT TRANSACTION;
      BEGIN WHILE x < 3 DO SET x = x + 1; END WHILE; EXCEPTION WHEN ERROR THEN SELECT 1; END;
      SELECT ';'"""
    first_words = [statement.source.split()[0].strip(";") for statement in statements.parse(text)]
    assert first_words == ["DECLARE", "IF", "BEGIN", "COMMIT", "BEGIN", "SELECT"]


def test_nested_calls_are_found_from_the_innermost_outwards():
    (statement,) = statements.parse("SELECT * FROM ML.EVALUATE(MODEL a, (SELECT * FROM ML.PREDICT(MODEL b, TABLE t)))")
    assert [call.name for call in statements.ml_calls(statement.tokens)] == ["ML.PREDICT", "ML.EVALUATE"]


@pytest.mark.parametrize(
    "text",
    [
        "create model m options() as select 1",
        "/* x */ CREATE OR REPLACE MODEL IF NOT EXISTS m",
        "SELECT 1; drop model m",
        "EXPORT MODEL m",
        "alter model m set options()",
        "BEGIN DROP MODEL m; END",
    ],
)
def test_statements_about_models_are_for_the_gateway(text):
    assert statements.is_ours(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ml, model FROM t",
        "SELECT ml.x FROM t AS ml",
        "SELECT * FROM ml.t",
        "CREATE TABLE ml.t AS SELECT 'CREATE MODEL'",
        "SELECT 'unterminated ML.PREDICT(",
        "SELECT t.ml.predict(x)",
    ],
)
def test_a_text_that_only_looks_like_a_gateway_statement_is_not_one(text):
    assert not statements.is_ours(text)


def test_an_option_given_twice_is_refused():
    with pytest.raises(BigQueryError, match="Duplicate option uri"):
        option_list(tokenize("OPTIONS(uri='a', URI='b')"))
