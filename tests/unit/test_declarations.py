"""The declarations of functions, topics and schedules agree with the code and the SQL."""

import ast
import re
from contextlib import nullcontext
from dataclasses import fields
from datetime import date
from importlib import import_module
from importlib.util import find_spec, module_from_spec

import msgspec
import pytest
import sqlglot
from sqlglot import exp

import main
from cli import declarations
from deskcloud.googlesql.statements import ml_calls, own_statement
from deskcloud.googlesql.tokens import starts, tokenize
from deskcloud.logs import filter as log_filter
from faults import judge
from fixtures import googlesql
from shared import champion, measured_effect, pseudonyms, recommendations, withheld
from shared.chain import documents, refreshes
from shared.destinations import marketing_cloud, meta
from shared.events import EVENTS
from shared.messages import relay
from shared.online import openapi
from shared.settings import SettingsError
from shared.warehouse import SQL

ROOT = declarations.ROOT
DECLARED = declarations.read()
FUNCTIONS = DECLARED.functions
TABLES = {table.name: table for table in DECLARED.tables}
VIEWS = {name: table.query for name, table in TABLES.items() if table.query}
SINK_TABLES = {sink.table for sink in DECLARED.sinks.values() if sink.table}
HTTP = [name for name, function in FUNCTIONS.items() if function.http]
# Topics about checkouts. Their messages do not belong to a run.
CHECKOUTS = {"checkout-started", "checkout-scored"}
# The topic of campaign events. A campaign event does not belong to a run.
CAMPAIGNS = {"campaign-events"}
# A topic with batches of members of the audience, which the shop's own systems can read.
MEMBERS = {"audience-members"}
# The next constants name what functions read or write besides the tables that the chain fills. A name that ends with
# / is a folder of the bucket. LOADED: tables that the shop loads.
LOADED = {"crm_customers", "crm_visitors", "consents", "suppressions"}
# Tables that `propensity reset` keeps: members at the platforms, customers' arms and campaign events outlive a reset.
KEPT = {"destination_members", "assignments", "campaign_events", "campaign_suppressions"}
# Tables with records of erasures and of sent data. `propensity reset` keeps these tables.
AUDITED = {"erasure_key", "tombstones", "erasures", "sends"}
OTHERS = {"export", "models", "bucket"}
FOLDERS = {"runs/", "checkouts/", "dead-letters/", "serving/", "destinations/", "deliveries/", "messages/", "erasures/"}
OBJECTS = {withheld.PATH, measured_effect.PATH}
SCORERS = f"runs/*/{documents.SCORER.name}.json"


def tree(function):
    """Return the syntax tree of a function's module.

    The tree contains the module's calls, and the return annotation of `step`, which names the events.
    """
    return ast.parse((ROOT / "functions" / f"{function}.py").read_text())


def listed(docstring, heading):
    """Return the lines of the form `topic   Class(...)` that a docstring has under a heading, such as On or Emits."""
    block = re.search(rf"^{heading}\s+(.*?)(?=^\w|\Z)", docstring, re.DOTALL | re.MULTILINE)
    return [] if block is None else [line.strip() for line in block[1].splitlines() if line.strip()]


def test_every_function_is_declared_and_every_declared_function_exists():
    files = {path.stem for path in (ROOT / "functions").glob("*.py")} - {"__init__"}
    assert files == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_entry_point_is_named_for_its_file_and_found_by_main(name):
    assert getattr(main, name) is getattr(import_module(f"functions.{name}"), name)


def test_main_has_no_other_entry_points():
    with pytest.raises(AttributeError, match="functions/ has no function 'send_mail'"):
        main.send_mail  # noqa: B018 - the access to the attribute is tested


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_docstring_of_a_function_agrees_with_its_declaration(name):
    docstring = import_module(f"functions.{name}").__doc__
    assert [line.split()[0] for line in listed(docstring, "On")] == list(FUNCTIONS[name].topics)
    emits = listed(docstring, "Emits")
    if name == "resume_runs":
        assert emits == ["the last recorded event of each stalled run"]
        assert set(FUNCTIONS[name].emits) == {topic for topic, event in EVENTS.items() if not event.is_last}
        return
    assert [line.split()[0] for line in emits] == list(FUNCTIONS[name].emits)
    for line in listed(docstring, "On") + emits:
        topic, _, said = line.partition(" ")
        if event := re.match(r"([A-Z]\w+)\(([^)]*)\)", said.strip()):
            assert topic not in CHECKOUTS
            assert EVENTS[topic].__name__ == event[1]
            told = event[2].split(", ")
            assert told == [field.name for field in fields(EVENTS[topic])][: len(told)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_step_returns_exactly_the_events_that_it_declares(name):
    steps = [one for one in tree(name).body if isinstance(one, ast.FunctionDef) and one.name == "step"]
    if not steps:
        return
    returned = {one.id for one in ast.walk(steps[0].returns) if isinstance(one, ast.Name)}
    # Add RunFailed, because the handler can publish this event for every step.
    assert returned | {"RunFailed"} == {EVENTS[topic].__name__ for topic in FUNCTIONS[name].emits}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_statements_that_a_module_names_exist(name):
    for path in runs(name):
        assert (ROOT / path).exists(), path


def test_every_topic_has_a_reader_or_is_public():
    read = {topic for function in FUNCTIONS.values() for topic in function.topics}
    emitted = {topic for function in FUNCTIONS.values() for topic in function.emits}
    public = set(DECLARED.public_topics)
    assert emitted <= read | public
    assert public <= emitted
    assert {topic for topic, event in EVENTS.items() if event.is_last} | {"checkout-scored"} | MEMBERS == public


def test_only_three_subscribed_topics_accept_messages_from_outside():
    inbound = set(DECLARED.inbound_topics)
    assert inbound == {"data-refreshed", "checkout-started", "campaign-events", "erasure-requested"}
    assert inbound <= {topic for function in FUNCTIONS.values() for topic in function.topics}


def test_every_emitted_topic_is_an_event_and_every_event_has_its_topic():
    emitted = {topic for function in FUNCTIONS.values() for topic in function.emits}
    assert emitted - CHECKOUTS - CAMPAIGNS - MEMBERS == EVENTS.keys()
    others = {"resume-due", "checkouts-due", "dead-letters", "erasure-requested"}
    assert set(DECLARED.topics) == EVENTS.keys() | CHECKOUTS | CAMPAIGNS | MEMBERS | others


def test_a_function_either_listens_to_topics_or_answers_http():
    for name, function in FUNCTIONS.items():
        assert bool(function.http) == (not function.topics), name


@pytest.mark.parametrize("name", HTTP)
def test_the_docstring_of_an_http_function_says_what_it_serves(name):
    served = [line.split()[:2] for line in listed(import_module(f"functions.{name}").__doc__, "Serves")]
    assert served == [["POST", "/"], ["GET", "/health"], ["GET", "/openapi.json"]]
    assert (ROOT / "functions" / f"{name}.openapi.json").read_bytes() == openapi.document()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_with_declared_secrets_does_not_start_without_them(name, monkeypatch):
    secrets = FUNCTIONS[name].secrets
    checkouts, destinations = {pseudonyms.KEY, relay.USER, relay.PASSWORD}, {meta.TOKEN}
    destinations |= {marketing_cloud.CLIENT_ID, marketing_cloud.CLIENT_SECRET}
    assert set(secrets) <= checkouts | destinations
    for secret in secrets:
        monkeypatch.delenv(secret)
    spec = find_spec(f"functions.{name}")
    with pytest.raises(SettingsError, match="|".join(secrets)) if secrets else nullcontext():
        spec.loader.exec_module(module_from_spec(spec))


def test_objects_expire_only_after_no_message_can_need_them():
    prefixes = [rule.prefix for rule in DECLARED.lifecycle]
    assert prefixes == ["dead-letters/", "checkouts/", "backtests/", "deliveries/", "messages/", "erasures/"]
    assert all(rule.days > 7 for rule in DECLARED.lifecycle)


def test_each_topic_of_schedules_sinks_and_dead_letters_has_a_reader():
    read = {topic for function in FUNCTIONS.values() for topic in function.topics}
    assert {schedule.topic for schedule in DECLARED.schedules.values()} <= read
    for sink in DECLARED.sinks.values():
        assert (sink.topic in read, sink.table in TABLES) in {(True, False), (False, True)}
    assert DECLARED.delivery.dead_letter_topic in read


def loaded(email, table):
    """Return the audit log's entry about a load job of the account `email` that has written `table`."""
    job = {"jobConfig": {"loadConfig": {"destinationTable": table}}}
    payload = {
        "serviceName": "bigquery.googleapis.com",
        "authenticationInfo": {"principalEmail": f"{email}@system.gserviceaccount.com"},
        "metadata": {"jobChange": {"after": "DONE", "job": job}},
    }
    return {"logName": "data_access", "resource": {"type": "bigquery_project"}, "protoPayload": payload}


def is_told(entry, export):
    declared = DECLARED.sinks["export-loaded"]
    return log_filter.parse(declared.filter_for(f"{export.project}.{export.dataset}"))(entry)


@pytest.mark.parametrize("email", ["firebase-measurement", "analytics-processing-dev", "somebody"])
def test_a_day_table_that_google_analytics_has_loaded_is_announced(email):
    export = refreshes.Export("p", "d", "events_")
    entry = loaded(email, "projects/p/datasets/d/tables/events_20260101")
    assert is_told(entry, export) == (email != "somebody")
    assert refreshes.parse(entry, export) == refreshes.Refresh(date(2026, 1, 1))


@pytest.mark.parametrize(
    "table", ["projects/p/datasets/d2", "projects/p2/datasets/d", "projects/p/datasets/2d", "x/p/datasets/d"]
)
def test_a_day_table_of_another_dataset_is_neither_announced_nor_read(table):
    export = refreshes.Export("p", "d", "events_")
    entry = loaded("firebase-measurement", f"{table}/tables/events_20260101")
    assert not is_told(entry, export)
    assert refreshes.parse(entry, export) is None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_declared_tables_of_functions_exist(name):
    assert set(FUNCTIONS[name].reads) <= TABLES.keys() | OTHERS | FOLDERS | {SCORERS}
    assert set(FUNCTIONS[name].writes) <= TABLES.keys() - VIEWS.keys() | {"models"} | FOLDERS | OBJECTS


@pytest.mark.parametrize("name", ["score_checkout", "on_checkout"])
def test_checkout_functions_may_read_the_champion_its_scorer_and_recommendations_but_no_audience(name):
    read = FUNCTIONS[name].reads
    watched = [champion.POINTER, recommendations.ARTEFACT, recommendations.OUT_OF_STOCK, SCORERS.replace("*", "a run")]
    may = [re.compile(re.escape(one).replace(r"\*", ".*") + (".*" if one.endswith("/") else "")) for one in read]
    assert all(any(rule.fullmatch(one) for rule in may) for one in watched)
    assert not any(rule.fullmatch("runs/a run/audience/000.csv") for rule in may)


def test_a_reset_counts_the_rows_of_every_table_that_the_chain_fills():
    counted = {
        table.name
        for table in sqlglot.parse_one((SQL / "reset" / "rows.sql").read_text(), "bigquery").find_all(exp.Table)
    }
    assert (
        counted - {"owners"}
        == set(judge.TABLES) - KEPT
        == TABLES.keys() - VIEWS.keys() - SINK_TABLES - LOADED - KEPT - AUDITED
    )


def test_every_table_is_written_by_a_function_or_a_sink():
    written = {table for function in FUNCTIONS.values() for table in function.writes}
    written |= SINK_TABLES
    written -= LOADED | OTHERS | FOLDERS | OBJECTS
    assert written == {name for name, table in TABLES.items() if not table.query} - LOADED


def statements(function):
    """Return the statements that the docstring of a function's module names.

    A named folder stands for its files, without the files that the docstring of another module names.
    """
    alone = {line for name in FUNCTIONS for line in runs(name) if line.endswith(".sql") and name != function}
    paths = {found for line in runs(function) for found in [ROOT / line, *(ROOT / line).rglob("*.sql")]}
    found = [path for path in paths if path.is_file() and str(path.relative_to(ROOT)) not in alone]
    return [str(path.relative_to(SQL).with_suffix("")) for path in found]


def runs(function):
    return [
        path for line in listed(import_module(f"functions.{function}").__doc__, "Runs") for path in line.split(", ")
    ]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if runs(name)])
def test_the_tables_that_a_functions_statements_touch_are_declared(name):
    may_write, may_read = set(FUNCTIONS[name].writes), set(FUNCTIONS[name].reads)
    assert statements(name)
    for statement in statements(name):
        text = googlesql.text(statement)
        tokens, read = tokenize(text), googlesql.tables(text)
        if any(one.startswith(f"{googlesql.SOURCE}.") for one in read):
            read.add("export")
        if any(starts(argument, "MODEL") for call in ml_calls(tokens) for argument in call.arguments):
            read.add("models")
        written = {merge.this.name} if (merge := googlesql.merge(statement)) else set()
        if own_statement(tokens).endswith("_MODEL"):
            written.add("models")
        assert written <= may_write
        assert read & (TABLES.keys() | OTHERS) <= may_read | may_write


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_reads_a_view_may_read_its_tables(name):
    """No view is an authorised view, so BigQuery requires rights to the view and to the tables that the view reads."""
    may_read = {*FUNCTIONS[name].reads, *FUNCTIONS[name].writes}
    for view in may_read & VIEWS.keys():
        assert googlesql.tables(googlesql.view(view)) <= may_read


@pytest.mark.parametrize("name", FUNCTIONS)
def test_exactly_the_functions_that_use_bigquery_may_submit_jobs(name):
    touched = {*FUNCTIONS[name].reads, *FUNCTIONS[name].writes} & (TABLES.keys() | {"export", "models"})
    assert bool(touched) == ("bigquery.jobs.create" in FUNCTIONS[name].permissions)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_publishes_dead_letters_declares_it(name):
    calls = {ast.unparse(one.func) for one in ast.walk(tree(name)) if isinstance(one, ast.Call)}
    assert FUNCTIONS[name].rejects == bool(calls & {"handle", "dead_letters.reject"})


def test_no_function_has_a_role_that_opens_the_project():
    roles = {role for function in FUNCTIONS.values() for role in function.roles}
    assert roles == {"roles/aiplatform.admin"}


def test_no_function_has_a_permission_that_opens_the_project():
    permissions = {permission for function in FUNCTIONS.values() for permission in function.permissions}
    assert permissions == {
        "aiplatform.endpoints.get",
        "aiplatform.endpoints.predict",
        "aiplatform.endpoints.update",
        "aiplatform.models.get",
        "aiplatform.models.list",
        "aiplatform.models.update",
        "bigquery.jobs.create",
        "bigquery.jobs.get",
    }


def test_the_error_about_a_misspelt_name_in_the_declarations_names_its_place(tmp_path):
    text = (ROOT / "functions" / "functions.yaml").read_text()
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "functions.yaml").write_text(text.replace("    min_instances:", "    min_instance:", 1))
    with pytest.raises(msgspec.ValidationError, match=r"unknown field `min_instance` - at `\$\.functions\[\.\.\.\]`"):
        declarations.read(tmp_path)
