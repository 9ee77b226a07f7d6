"""The scripts that `propensity sql` prints can be run, after the values that only a run knows are filled in."""

import json
import re
from datetime import UTC, date, datetime

import pytest
from google.cloud import bigquery
from google.cloud import storage as gcs
from learning import RUN, training_rows
from typer.testing import CliRunner

from cli import main, sql, world
from shared.calibration import IDENTITY
from shared.chain.environment import Environment
from shared.chain.opened_runs import ExportRun
from shared.deadline import Deadline
from shared.events import DataRefreshed
from shared.settings import CANDIDATES
from shared.value import valuing
from shared.warehouse import Warehouse

# The values of the variables that belong to a run. A person fills them in to read the run's rows or to train with
# these rows.
RUNS_OWN = {"p_run_id": f'"{RUN["run_id"]}"', "p_created_on": f"date '{RUN['created_on']}'", "p_is_final": "true"}
# Maps a statement to the values of its variables that must not stay NULL. checks/warn/freshness is one of these
# statements, because the local BigQuery refuses FORMAT('%t, %d', day, NULL).
FILLED = {
    "erasure/record": {
        "p_created_on": "date '2017-08-10'",
        "p_request_id": "'a request'",
        "p_run_id": "'a run'",
        "p_accepted_at": "timestamp '2017-08-10'",
        "p_row_count": "1",
        "p_object_count": "1",
        "p_is_completed": "true",
        "p_now": "timestamp '2017-08-10'",
    },
    "checks/warn/freshness": {"p_as_of": "date '2017-08-10'", "p_today": "date '2017-08-11'"},
    "recommendations/factorization": RUNS_OWN,
    **{f"models/{candidate}": RUNS_OWN for candidate in CANDIDATES},
    **{
        f"value/{method}": {**RUNS_OWN, "p_as_of": "date '2017-08-10'", "p_is_revenue": "true"}
        for method in valuing.REGRESSIONS
    },
}
DAY_TABLES = {"ga_sessions_20170801": [{"fullVisitorId": "1"}], "events_20170801": [{"event_date": "20170801"}]}
INTERESTS = [
    {**RUN, "visitor_id": str(one), "product_id": str(one % 3), "rating": 1.0, "is_held_out": False} for one in range(9)
]

VALUED = [
    {
        **RUN,
        "as_of": date(2017, 8, 10),
        "customer_id": str(one),
        "frequency": one % 3,
        "recency": 5 * (one % 3),
        "age": 20 + one,
        "mean_value": 10.0,
        "revenue": 30.0,
        "later_orders": one % 2,
        "later_revenue": 10.0 * (one % 2),
    }
    for one in range(9)
]


def printed(*words):
    answer = CliRunner().invoke(main.app, ["sql", *words])
    assert answer.exit_code == 0, answer
    return answer.stdout


@pytest.fixture(scope="module")
def console(whole_warehouse):
    """Return a client like that of an operator's console. Its project has the rows and the models of one run."""
    whole_warehouse.fill({"training_rows": training_rows(), "visitor_products": INTERESTS, **DAY_TABLES})
    whole_warehouse.fill({"customer_histories": VALUED})
    whole_warehouse.run("models/logistic", RUN, model="a_model")
    whole_warehouse.run("recommendations/factorization", {**RUN, "is_final": True}, model="factors")
    for of in ("revenue", "orders"):
        about = {**RUN, "as_of": VALUED[0]["as_of"], "is_revenue": of == "revenue"}
        whole_warehouse.run("value/linear", about, model=f"{of}_a_model")
    path = f"{whole_warehouse.client.project}.{whole_warehouse.settings.dataset}.a_table"
    columns = [bigquery.SchemaField(name, "STRING") for name in ("run_id", "customer_id", "destination")]
    whole_warehouse.client.create_table(bigquery.Table(path, columns))
    settings = {"bucket": whole_warehouse.settings.bucket, "dataset": whole_warehouse.settings.dataset}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOOGLE_CLOUD_PROJECT", whole_warehouse.client.project)
        patch.setenv("PROPENSITY_SETTINGS", json.dumps(settings))
        # Unlike the jobs of the functions, the jobs of a person's client have no default dataset.
        yield whole_warehouse.client
    whole_warehouse.client.delete_table(path)
    # The printed statement erasure/record has written into this table.
    whole_warehouse.filled.add("erasures")
    whole_warehouse.clean()


@pytest.mark.slow
@pytest.mark.parametrize("statement", [one for one in sql.names() if one != "deployment/register_model"])
def test_a_statement_runs_as_it_is_printed(statement, console):
    script = printed(statement)
    for name, value in FILLED.get(statement, {}).items():
        script = re.sub(rf"(declare {name} \S+ default )null;", rf"\g<1>{value};", script)
    if "create or replace model" in script:
        script = script.replace("a_model", "another_model")
    if statement == "recommendations/by_matrix_factorization":
        script = script.replace("a_model", "factors")
    console.query_and_wait(script)


@pytest.fixture
def a_run(console, whole_warehouse, monkeypatch):
    """Open a run in the ledger that the command `propensity sql` reads. Return the warehouse of this run."""
    clients = Environment(whole_warehouse.settings)
    clients.__dict__ |= {"bigquery": console, "storage": gcs.Client(console.project)}
    monkeypatch.setattr(world, "connected", lambda: clients)
    day = date(2017, 8, 10)
    clients.runs.open(ExportRun(opened_at=datetime.now(UTC), event=DataRefreshed(RUN["run_id"], day), as_of=day))
    return Warehouse(console, clients.settings, RUN["run_id"], "evaluate_models", 1, Deadline(60))


def test_a_runs_script_has_the_values_and_names_of_the_runs_job(a_run, console):
    asked = {**RUN, "rows": 20, **IDENTITY.parameters}
    expected = a_run.query("deployment/golden_rows", asked, model="a_model")
    script = printed("deployment/golden_rows", "--run", RUN["run_id"])
    assert re.match(rf"-- Job {RUN['run_id']}-evaluate_models-deployment-golden_rows-[0-9a-f]{{8}}-a1\.\n", script)
    assert "declare p_rows int64 default 20;  -- maximum number of rows" in script
    assert "null" not in script.partition("set @@")[0]
    assert [dict(row) for row in console.query_and_wait(script)] == expected


def test_a_runs_script_has_the_lists_and_texts_of_its_last_job(a_run, console):
    for products in (["a"], ["it's", 'a "b"\\\n'], []):
        a_run.query("recommendations/artefact_popular", {**RUN, "unavailable": products, "most_popular": 3})
        script = printed("recommendations/artefact_popular", "--run", RUN["run_id"])
        [(told,)] = console.query_and_wait(script.partition("set @@")[0] + "select to_json(p_unavailable)")
        assert told == products


def test_without_a_job_a_runs_script_has_the_known_values_of_the_run(a_run):
    script = printed("recommendations/rules", "--run", RUN["run_id"])
    assert script.startswith(f"-- BigQuery knows no job of run {RUN['run_id']} that ran this.\n-- Replace the ")
    assert f'declare p_run_id string default "{RUN["run_id"]}";  -- id of the run\n' in script
    assert "declare p_as_of date default date '2017-08-10';  -- last day of the export" in script


def test_a_run_that_nobody_opened_is_refused(a_run):
    answer = CliRunner().invoke(main.app, ["sql", "evaluation/splits", "--run", "20990101-ffffffff"])
    assert "there is no run 20990101-ffffffff" in str(answer.exception)
