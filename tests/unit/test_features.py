"""Features are declared in sql/tables/visitor_features.yaml. All other lists of features must be complete."""

import json
import re
from datetime import UTC

import msgspec
import pytest
import sqlglot
from sqlglot import exp

from cli import declarations
from fixtures import googlesql
from functions import deploy_model
from shared.errors import Permanent
from shared.online import contract, openapi, sessions
from shared.warehouse import SQL

TABLES = {table.name: table for table in declarations.read().tables}
KEY, LABEL = ["visitor_id", "first_day"], ["will_buy_on_return_visit"]


def columns(table):
    return [column.name for column in TABLES[table].columns]


DECLARED = [name for name in columns("visitor_features") if name not in KEY + LABEL]


def selected(text):
    """Return the names of a query's columns, in their order."""
    query = sqlglot.parse_one(re.sub(r"\$\{(\w+)\}", r"\1", text), "bigquery")
    return [column.alias_or_name for column in query.selects]


def merged(name):
    """Return the names of the columns that the query inside a MERGE returns, in their order."""
    merge = sqlglot.parse_one((SQL / f"{name}.sql").read_text(), "bigquery")
    return [column.alias_or_name for column in merge.args["using"].this.selects]


def logged():
    [payload] = [one for one in TABLES["run_googleapis_com_stdout"].columns if one.name == "jsonPayload"]
    [prediction] = [one for one in payload.fields if one.name == "prediction"]
    [features] = [one for one in prediction.fields if one.name == "features"]
    return [one.name for one in features.fields]


def in_view():
    view = sqlglot.parse_one(re.sub(r"\$\{(\w+)\}", r"\1", TABLES["online_predictions"].query), "bigquery")
    return [one.alias_or_name for one in view.find(exp.Struct).expressions]


def unpivoted(*statements):
    queries = [sqlglot.parse_one(googlesql.text(one), "bigquery") for one in statements]
    pivots = [pivot for query in queries for pivot in query.find_all(exp.Pivot)]
    return [one.name for pivot in pivots for field in pivot.fields for one in field.expressions]


def ranked_alone():
    return unpivoted("evaluation/single_features")


def compared():
    # Drop the score, which the statement tests although it is no feature. Add the weekday, which the statement leaves
    # out: both periods are whole weeks, so the weekday cannot drift.
    return [*(name for name in unpivoted("monitoring/feature_shift") if name != "score"), "weekday"]


def of_a_visit():
    visit = contract.Visit(visit_start_time=0, hits=[])
    return list(sessions.features(contract.Session(visit=visit), UTC))


def in_openapi():
    return list(json.loads(openapi.document())["components"]["schemas"]["Features"]["properties"])


PLACES = {
    "sql/tables/sessions.yaml": lambda: columns("sessions"),
    "sql/sessions/from_ga360.sql": lambda: merged("sessions/from_ga360"),
    "sql/sessions/from_ga4.sql": lambda: merged("sessions/from_ga4"),
    "sql/tables/session_features.sql": lambda: selected(TABLES["session_features"].query),
    "sql/features/visitor_features.sql": lambda: merged("features/visitor_features"),
    "sql/tables/training_rows.yaml": lambda: columns("training_rows"),
    "sql/evaluation/single_features.sql": ranked_alone,
    "sql/monitoring/feature_shift.sql": compared,
    "sql/report/numbers.sql": lambda: unpivoted("report/numbers", "report/categories"),
    "shared/online/contract.py": lambda: list(msgspec.structs.asdict(contract.Features())),
    "shared/online/sessions.py": of_a_visit,
    "sql/tables/run_googleapis_com_stdout.yaml": logged,
    "sql/tables/online_predictions.sql": in_view,
    "functions/score_checkout.openapi.json": in_openapi,
}
# The places that list only features, and no other columns.
ALONE = [*PLACES][6:]


@pytest.mark.parametrize("place", PLACES)
def test_each_place_has_all_declared_features(place):
    lacking = [name for name in DECLARED if name not in PLACES[place]()]
    assert lacking == [], f"{place} lacks {', '.join(lacking)}: docs/add-a-feature.md says what to add"


@pytest.mark.parametrize("place", ALONE)
def test_no_place_has_an_undeclared_feature(place):
    assert sorted(PLACES[place]()) == sorted(DECLARED)


def test_a_model_with_an_input_that_no_checkout_can_send_is_not_deployed():
    deploy_model.require_known_online(DECLARED)
    with pytest.raises(Permanent, match=r"no checkout can send shoe_size: add it to shared/online/contract\.py"):
        deploy_model.require_known_online([*DECLARED, "shoe_size"])


def test_the_page_for_a_new_feature_names_each_place():
    page = (SQL.parent / "docs" / "add-a-feature.md").read_text()
    names = {place.rpartition("/")[2] for place in PLACES}
    assert {name for name in names if name not in page} == set()
