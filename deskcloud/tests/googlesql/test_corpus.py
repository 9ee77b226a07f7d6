"""Except for the listed differences, the local BigQuery gives the results of GoogleSQL's reference implementation."""

import corpus
import differential
import pytest


@pytest.fixture(scope="module")
def local(bigquery_client):
    return differential.Local.prepare(bigquery_client)


def listed(theme):
    return {sql: kind for kind, of_kind in differential.known().get(theme, {}).items() for sql in of_kind}


@pytest.mark.parametrize("theme", corpus.themes())
def test_each_statement_gives_what_googlesql_gives_or_is_listed(local, theme):
    """All expressions are run, many of them in one statement. Of other statements, every fifth is run."""
    statements = corpus.themes()[theme] if theme not in corpus.expressions() else []
    left_out = set(statements) - set(statements[::5])
    assert local.differences(theme, every=5) == {
        sql: kind for sql, kind in listed(theme).items() if sql not in left_out
    }


@pytest.mark.slow
@pytest.mark.parametrize("theme", corpus.queries() | corpus.changes())
def test_each_of_all_whole_statements_gives_what_googlesql_gives_or_is_listed(local, theme):
    assert local.differences(theme) == listed(theme)


def test_the_corpus_is_large():
    assert sum(map(len, corpus.themes().values())) >= 500


def test_no_more_statements_give_other_rows_silently():
    assert sum(len(of_theme.get("rows", {})) for of_theme in differential.known().values()) == 0


def test_the_page_of_differences_is_up_to_date():
    assert differential.PAGE.read_text() == differential.page()
