"""Google's own analyzer takes each file of sql/, with the tables, models and parameters that it meets."""

import pytest
from twice import NOT_RUN

from deskcloud.googlesql import analysis
from fixtures import googlesql


@pytest.mark.parametrize("statement", googlesql.statements())
def test_google_takes(statement):
    kind = "factorization" if statement.startswith("recommendations/") else "classifier"
    table = {"table": "scores"} if statement.startswith("reset/") else {}
    kinds = googlesql.parameter_types()
    used = {name: kinds[name] for name in googlesql.used_parameters(statement)}
    analysis.analyze(googlesql.text(statement, **table), googlesql.with_models(kind), used)


def test_the_statements_that_the_reference_cannot_run_are_named_with_their_reason():
    """Each of the others is run on it by its cases; see warehouse.py."""
    without = {statement for statement in googlesql.statements() if _needs_more_than_sql(googlesql.raw(statement))}
    assert without == set(NOT_RUN)


def _needs_more_than_sql(text: str) -> bool:
    return any(words in text for words in ("ml.", "model `", "export data", "truncate table", "__TABLES__"))
