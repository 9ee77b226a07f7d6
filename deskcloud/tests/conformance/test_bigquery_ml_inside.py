"""The local BigQuery does not support calls of BigQuery ML functions inside certain statements.

The error names the function, and says what to write instead.
"""

# ruff: noqa: S608 - the statements come only from the tests of this file

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

LOGISTIC = "OPTIONS(model_type='LOGISTIC_REG', labels=['label'])"


@pytest.fixture(scope="module")
def run(bigquery_client):
    bigquery_client.create_dataset("inside")
    bigquery_client.query_and_wait("CREATE TABLE inside.visits AS SELECT 1 AS time_on_site, 0 AS label")
    yield bigquery_client.query_and_wait
    bigquery_client.delete_dataset("inside", delete_contents=True)


def fails(run, text, message):
    with pytest.raises(exceptions.BadRequest, match=message):
        run(text)


PREDICTED = "SELECT * FROM ML.PREDICT(MODEL inside.trees, TABLE inside.visits)"
MADE = f"CREATE OR REPLACE MODEL inside.made {LOGISTIC} AS SELECT * FROM inside.visits"


@pytest.mark.parametrize("inner", [PREDICTED, MADE, "DROP MODEL inside.trees", "ALTER MODEL inside.t SET OPTIONS()"])
@pytest.mark.parametrize(
    ("outer", "where"),
    [
        ("CREATE PROCEDURE inside.p() BEGIN {}; END", "CREATE PROCEDURE"),
        ("CREATE OR REPLACE PROCEDURE inside.p() BEGIN IF TRUE THEN {}; END IF; END", "CREATE PROCEDURE"),
        ("BEGIN {}; END", "BEGIN"),
        ("BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN {}; END", "BEGIN"),
        ("IF TRUE THEN {}; END IF", "IF"),
        ("IF FALSE THEN SELECT 1; ELSE {}; END IF", "IF"),
        ("CASE WHEN TRUE THEN {}; END CASE", "CASE"),
        ("LOOP {}; LEAVE; END LOOP", "LOOP"),
        ("WHILE TRUE DO {}; BREAK; END WHILE", "WHILE"),
        ("REPEAT {}; UNTIL TRUE END REPEAT", "REPEAT"),
        ("FOR r IN (SELECT 1) DO {}; END FOR", "FOR"),
        ("SELECT 1; BEGIN {}; END", "BEGIN"),
        ('EXECUTE IMMEDIATE """{}"""', "EXECUTE IMMEDIATE"),
        ('EXECUTE IMMEDIATE REPLACE("""{}""", "M", CONCAT("", "M"))', "EXECUTE IMMEDIATE"),
        (
            'DECLARE t STRING DEFAULT REPLACE("""{}""", "~", ""); EXECUTE IMMEDIATE t',
            "EXECUTE IMMEDIATE of a computed text",
        ),
    ],
)
def test_bigquery_ml_inside_other_statements_is_refused_by_name(run, outer, where, inner):
    inner = inner.replace("M", "M~") if "~" in outer else inner
    fails(run, outer.replace("{}", inner), f"BigQuery ML inside {where}.* send the statement by itself")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"CREATE VIEW inside.v AS {PREDICTED}", "CREATE VIEW"),
        (f"CREATE VIEW inside.v AS WITH p AS ({PREDICTED}) SELECT * FROM p", "CREATE VIEW"),
        (f"CREATE OR REPLACE MATERIALIZED VIEW inside.v AS {PREDICTED}", "CREATE VIEW"),
        (f"CREATE FUNCTION inside.f() AS ((SELECT COUNT(*) FROM ({PREDICTED})))", "CREATE FUNCTION"),
        (f"CREATE TABLE FUNCTION inside.f() AS {PREDICTED}", "CREATE FUNCTION"),
        (
            f"CREATE ROW ACCESS POLICY p ON inside.visits GRANT TO ('x') FILTER USING (EXISTS ({PREDICTED}))",
            "CREATE POLICY",
        ),
        (f"FOR r IN ({PREDICTED}) DO SELECT 1; END FOR", "FOR"),
        (f"IF EXISTS ({PREDICTED}) THEN SELECT 1; END IF", "IF"),
        (f"WHILE EXISTS ({PREDICTED}) DO BREAK; END WHILE", "WHILE"),
    ],
)
def test_bigquery_ml_in_a_stored_definition_or_a_condition_is_refused_by_name(run, text, where):
    fails(run, text, f"BigQuery ML inside {where}.* keep rows that others need in a table")


def test_bigquery_ml_in_a_view_or_procedure_made_by_the_rest_api_is_refused_by_name(run, bigquery_client):
    view = bigquery.Table(f"{bigquery_client.project}.inside.v")
    view.view_query = PREDICTED
    with pytest.raises(exceptions.BadRequest, match=r"BigQuery ML inside .* view made by the REST API"):
        bigquery_client.create_table(view)
    bigquery_client.create_dataset("kept")
    for body in (MADE, PREDICTED, f"FOR r IN ({PREDICTED}) DO SELECT 1; END FOR"):
        name = f"{bigquery_client.project}.kept.rest"
        routine = bigquery.Routine(name, type_="PROCEDURE", language="SQL", body=f"BEGIN {body}; END")
        bigquery_client.create_routine(routine)
        fails(run, "CALL kept.rest()", "BigQuery ML inside .* procedure or view made by the REST API")
        bigquery_client.delete_routine(routine)
    bigquery_client.delete_dataset("kept")
    with pytest.raises(exceptions.NotFound):
        bigquery_client.get_model("inside.made")
