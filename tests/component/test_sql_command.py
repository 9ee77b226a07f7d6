"""`propensity sql` prints statements in a form that BigQuery's console accepts."""

import re

import pytest
from typer.testing import CliRunner

from cli import main, sql

FIRST = "20170801-0a1b2c3d"


def run(*words):
    return CliRunner().invoke(main.app, words, catch_exceptions=False)


def test_the_statements_are_listed_with_the_first_sentence_of_their_header():
    listed = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in run("sql").stdout.splitlines())
    assert listed.keys() == set(sql.names())
    assert listed["evaluation/splits"] == (
        "Return the numbers of visitors and buyers, and the first and last day, of each split of the run"
    )


def test_a_statement_is_printed_with_the_settings_values_and_what_is_to_be_filled_in(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "shop-project")
    monkeypatch.setenv("PROPENSITY_SETTINGS", '{"dataset": "ours", "audience": {"max_decile": 3}}')
    lines = run("sql", "audience/summary").stdout.splitlines()
    assert lines[1:5] == [
        "declare p_day date default null;  -- fill in: day of the scores",
        "declare p_max_decile int64 default 3;  -- last decile of the audience, 1 to 10 (audience.max_decile)",
        "set @@dataset_project_id = 'shop-project';",
        "set @@dataset_id = 'ours';",
    ]
    assert "    countif(decile <= p_max_decile) as members," in lines


def test_the_note_above_a_statement_lists_the_names_that_only_a_run_knows():
    script = run("sql", "deployment/weights").stdout
    assert script.startswith("-- Replace a_model by another name.\n-- Return the weights of a logistic regression")
    assert script.endswith("from ml.weights(model `a_model`)\n")


def test_the_error_about_an_unknown_statement_suggests_a_similar_one(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["propensity", "sql", "scoring/score", "--run", FIRST])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: there is no statement 'scoring/score'; did you mean scoring/scores?\n"
