"""Google's own analyzer, which gets the declared tables, models and parameters, accepts each file of sql/."""

import re
from operator import attrgetter

import pytest
from twice import NOT_RUN

from cli import sql
from deskcloud.googlesql import analysis
from deskcloud.googlesql.tokens import tokenize
from fixtures import googlesql
from shared import warehouse
from shared.chain import source
from shared.settings import Settings

SETTINGS = Settings(project="local-project", bucket="statements", dataset="statements")
TWO_OF_ONE_NAME = re.compile(r"\s*merge into (\w+) .*\$\{dataset\}\.\1`", re.DOTALL)
DECLARATION = re.compile(r"declare (\w+) (\S+) default (.+);  -- .+\n")


@pytest.fixture(params=sql.names())
def statement(request):
    return request.param


def analyze(statement, text, parameters):
    analysis.analyze(text, googlesql.with_models(googlesql.model_kind(statement)), parameters)


def test_google_accepts_each_statement(statement):
    analyze(statement, googlesql.text(statement), googlesql.parameter_types(statement))


def test_google_accepts_the_statement_for_an_export_without_optional_columns():
    lacking = source.optional_columns("ga4", ())
    statement = "sessions/from_ga4"
    analyze(statement, googlesql.text(statement, **lacking), googlesql.parameter_types(statement))


def test_the_script_for_the_console_is_the_accepted_statement_with_variables_for_parameters(statement):
    """The analyzer does not support scripts, so the default of each variable is analyzed alone."""
    printed = sql.script(statement, SETTINGS).replace("a_table", "destination_members")
    variables = DECLARATION.findall(printed)
    for _, kind, value in variables:
        analyze(statement, f"select cast({value} as {kind})", {})
    types = {name.removeprefix("p_"): googlesql.typed(kind.upper()) for name, kind, _ in variables}
    assert types == googlesql.parameter_types(statement)
    body = re.sub(r"set @@dataset\w*_id = '.+';\n", "", DECLARATION.sub("", printed))
    accepted = googlesql.text(statement, uri="gs://statements/console/*.csv", folder="gs://statements/console/")
    assert words(re.sub(r"\bp_(\w+)", r"@\1", body)) == words(accepted)


def words(text):
    return [token.text for token in tokenize(text)]


def test_each_file_documents_the_parameters_that_it_uses(statement):
    documented = [one.name for one in sql.parameters(sql.text(statement))]
    assert sorted(documented) == sorted(googlesql.used_parameters(statement))


def test_a_parameter_that_names_a_setting_has_the_settings_type(statement):
    for one in sql.parameters(sql.text(statement)):
        if one.setting:
            value = attrgetter(one.setting)(SETTINGS)
            value = list(value) if isinstance(value, tuple) else value
            sent = googlesql.sent_type(warehouse.parameter(one.name, value))
            assert sent == googlesql.typed(one.type), one


def test_a_parameter_has_the_same_type_in_all_files():
    every = googlesql.every_parameter_type()
    for statement in sql.names():
        for name, kind in googlesql.parameter_types(statement).items():
            assert kind == every[name], (statement, name)


def test_the_statements_that_the_reference_cannot_run_are_named_with_their_reason():
    """warehouse.py also runs the statements that are not in NOT_RUN on Google's reference implementation."""
    without = {statement for statement in sql.names() if _needs_more_than_sql(googlesql.raw(statement))}
    assert without == set(NOT_RUN)


def _needs_more_than_sql(text: str) -> bool:
    words = ("ml.", "model `", "export data", "truncate table", "__TABLES__")
    return any(one in text for one in words) or bool(TWO_OF_ONE_NAME.match(text))
