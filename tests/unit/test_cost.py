"""How the monthly cost is computed, from the bytes that statements read, a list of prices, and assumptions."""

import datetime as dt
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import declarations
from cli.cost import statements
from cli.cost.estimate import Environment, environment, estimate
from cli.cost.prices import assumptions, price_list
from cli.cost.statements import LEAST_BYTES, Reading
from cli.cost.usage import DAYS, usage
from cli.cost.volumes import Inputs, Volumes
from cli.errors import CommandError, UsageError
from fixtures.readings import SMALL, environment_of, readings
from shared.warehouse import SQL

LARGE = replace(SMALL, sessions_per_day=4_000_000, checkouts_per_day=1_000_000, runs_per_day=5)
# If a statement reads one of these tables, it reads several days of the table, and not only one partition.
WINDOWED = {
    "run_googleapis_com_stdout",
    "export",
    "order_reports",
    "orders",
    "sessions",
    "interactions",
    "conversions",
    "visitor_features",
}

inputs = st.builds(
    Inputs,
    sessions_per_day=st.floats(0, 1e8),
    sessions_per_visitor=st.floats(1, 50),
    checkouts_per_day=st.floats(0, 1e8),
    runs_per_day=st.floats(0, 50),
    history_days=st.integers(1, 2000),
    products=st.integers(0, 1_000_000),
    export_bytes=st.none() | st.floats(0, 1e6),
)
kinds = st.sampled_from(["ga360", "ga4"])


@pytest.fixture(autouse=True)
def defaults(monkeypatch):
    monkeypatch.delenv("PROPENSITY_SETTINGS", raising=False)
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)


def described(given, *assignments) -> Environment:
    return environment(given, list(assignments))


BY_KIND = {kind: environment_of(kind) for kind in ("ga360", "ga4")}
# Folders of statements that the cost leaves out, because only commands or erasures run them, a few times a month.
SELDOM = ("tables/", "reset/", "backtest/", "planning/", "why/", "audit/", "erasure/")
EVENTS = {"ga360": "Contact/Form sent", "ga4": "generate_lead"}


def volumes(given, *assignments) -> Volumes:
    return described(given, *assignments).volumes


@settings(max_examples=30, deadline=None)
@given(given=inputs, kind=kinds)
def test_each_line_is_a_quantity_at_its_price_and_the_lines_sum_to_the_total(given, kind):
    world = replace(BY_KIND[kind], inputs=given)
    found = estimate(world)
    prices = price_list().prices
    by_price = {}
    for one in usage(world):
        assert one.quantity >= 0
        by_price[one.price] = by_price.get(one.price, 0) + one.quantity
    assert {line.name: line.quantity for line in found.lines} == by_price
    charged = [max(quantity - prices[name].free, 0) * prices[name].price for name, quantity in by_price.items()]
    assert found.total == pytest.approx(sum(charged))


@settings(max_examples=30, deadline=None)
@given(given=inputs, kind=kinds)
def test_idle_is_the_cost_of_the_environment_without_traffic(given, kind):
    world = replace(BY_KIND[kind], inputs=given)
    nothing = replace(given, sessions_per_day=0, checkouts_per_day=0, runs_per_day=0)
    found, idle = estimate(world), estimate(replace(world, inputs=nothing))
    assert found.idle == pytest.approx(idle.total)
    assert idle.total == idle.idle
    assert 0 < found.idle <= found.total


@settings(max_examples=50, deadline=None)
@given(
    given=inputs,
    kind=kinds,
    more=st.sampled_from(["sessions_per_day", "checkouts_per_day", "runs_per_day", "history_days", "products"]),
    by=st.integers(1, 1_000_000),
)
def test_more_of_anything_never_costs_less(given, kind, more, by):
    world = replace(BY_KIND[kind], inputs=given)
    grown = replace(
        world, inputs=replace(given, **{more: getattr(given, more) + (by % 3000 if "days" in more else by)})
    )
    before, after = ({line.name: line.cost for line in estimate(one).lines} for one in (world, grown))
    assert all(after[name] >= cost * (1 - 1e-9) for name, cost in before.items())


def test_if_visitors_come_more_often_fewer_visitors_are_scored():
    often = replace(LARGE, sessions_per_visitor=5)
    assert estimate(described(often)).total < estimate(described(LARGE)).total


def test_free_quantities_lower_the_total_and_not_the_marginal_costs():
    found = estimate(described(SMALL))
    [calls] = [line for line in found.lines if line.name == "gateway"]
    assert (calls.cost, calls.quantity) == (0, pytest.approx(500 * DAYS / 1e6))
    assert found.per_1000_checkouts > 1000 * price_list().prices["gateway"].price / 1e6


def test_checkouts_that_cause_an_e_mail_cost_a_query_each():
    on = ["mail.mode=on", "mail.relay=smtp.example.com:587", "mail.sender=hello@shop.example"]
    without, found = estimate(described(SMALL)), estimate(described(SMALL, *on))
    assert found.idle == pytest.approx(without.idle, abs=1)
    # The query reads seven tables, and BigQuery charges at least 10 MiB for each. A TiB costs $6.25.
    assert found.per_1000_checkouts - without.per_1000_checkouts > 1000 * 6 * 10 / 2**20 * 6.25


def test_a_checkout_costs_its_call_its_processor_its_memory_and_its_log():
    """The expected cost is computed by hand.

    A checkout uses 1 vCPU and 0.5 GiB for 0.1 s, and 2,500 bytes of log, which are both stored and streamed.
    """
    by_hand = 3 / 1e6 + 0.4 / 1e6 + 0.1 * (0.000024 + 0.5 * 0.0000025) + 2500 / 2**30 * (0.5 + 0.05)
    found = estimate(described(LARGE))
    looks = 3 * 2 * 60 * 24 / LARGE.checkouts_per_day * 0.0004 / 1000
    assert found.per_1000_checkouts == pytest.approx(1000 * (by_hand + looks))


@pytest.mark.parametrize("kind", ["ga360", "ga4"])
def test_every_statement_is_counted_or_known_to_be_free(kind):
    other = "ga4" if kind == "ga360" else "ga360"
    there = {str(path.relative_to(SQL).with_suffix("")) for path in SQL.rglob("*.sql")}
    of_runs = {name for name in there if not name.startswith(SELDOM) and not name.endswith(other)}
    leads = described(SMALL, f"source.kind={kind}", f"label.event={EVENTS[kind]}")
    of_leads = {one.statement for one in statements.refresh(leads.volumes, leads.settings)}
    sampling = described(SMALL, "training.max_rows=1000")
    of_sampling = {one.statement for one in statements.monitoring(sampling.volumes, sampling.settings)}
    counted = {one.statement for one in readings(kind)} | of_leads | of_sampling
    assert counted - {"erasure/due"} == of_runs - statements.NOT_CHARGED
    assert of_leads - {one.statement for one in readings(kind)} == {f"conversions/from_{kind}"}
    assert there >= statements.NOT_CHARGED


@pytest.mark.parametrize("kind", ["ga360", "ga4"])
def test_a_reading_names_every_table_from_which_its_statement_reads_several_days(kind):
    for one in readings(kind):
        _, _, read = statements.parsed(one.statement)
        # From each of these tables, some statements read at most one day, and other statements read several days.
        one_or_more = {"visitor_recommendations", "customer_value", "scores", "erasures", "training_rows"}
        assert set(one.days) - one_or_more == set(read) & WINDOWED, one.statement


def test_a_statements_tables_are_declared_by_its_function():
    declared = declarations.read().functions
    world = BY_KIND["ga360"]
    for name, group in (
        ("build_features", statements.refresh),
        ("score_visitors", lambda *about: statements.scoring(*about)[:1]),
        ("publish_audience", lambda *about: statements.scoring(*about)[1:]),
        ("build_recommendations", statements.recommendations),
        ("value_customers", statements.value),
    ):
        touched = {*declared[name].reads, *declared[name].writes}
        for one in group(world.volumes, world.settings):
            target, _, read = statements.parsed(one.statement)
            # `day_tables` is the list of the export's day-tables, `__TABLES__`. It belongs to the declared `export`.
            assert ({target} if target else set()) <= set(declared[name].writes), one.statement
            assert {"export" if table == "day_tables" else table for table in read} <= touched, one.statement


def test_a_statement_is_charged_for_the_columns_that_it_names():
    """The statement reads one column of 400 days of sessions, 8 bytes a session, to find the newest day.

    It reads the table source_days too, for which BigQuery charges the least number of bytes, 10 MiB.
    """
    found = Reading("scoring/newest_day", {"sessions": 400}).bytes(volumes(LARGE))
    assert found == 4_000_000 * 400 * 8 + LEAST_BYTES


def test_a_merge_is_also_charged_for_the_partitions_that_it_replaces():
    counted = volumes(LARGE)
    one, two = (Reading("audience/audience", replaced=partitions).bytes(counted) for partitions in (1, 2))
    assert two - one == counted.partition_bytes("audience")


def test_a_statement_that_selects_all_columns_is_charged_for_all():
    counted = volumes(LARGE)
    trees = Reading("models/boosted_trees").bytes(counted)
    assert trees == counted.partition_bytes("training_rows") > 2 * Reading("models/baseline").bytes(counted)


def test_with_max_rows_create_model_reads_the_sample_and_the_evaluation_rows():
    full, limit = described(LARGE), described(LARGE, "training.max_rows=10000000")
    rows = full.volumes.partition_bytes("training_rows")
    [before, after] = (
        {one.statement: one.bytes(world.volumes) for one in statements.training(world.volumes, world.settings)}
        for world in (full, limit)
    )
    learnt = 10_000_000 + 0.2 * limit.volumes.visitors(76)
    assert before["models/boosted_trees"] == rows
    assert after["models/boosted_trees"] == pytest.approx(rows * learnt / limit.volumes.visitors(76))
    # The statements that do not train a candidate read all rows, as before.
    assert {name for name, one in after.items() if one != before[name]} == {
        "models/baseline",
        "models/logistic",
        "models/boosted_trees",
    }
    assert estimate(limit).total < estimate(full).total


@pytest.mark.parametrize(
    "shares", [(), ("training.evaluation_share=0.1", "training.test_share=0.1")], ids=["default shares", "small shares"]
)
def test_the_guide_states_what_a_sample_saves_at_25_million_sessions_a_day(shares):
    given = Inputs(25_000_000, assumptions().sessions_per_visitor, 500_000, 1, 400, 1_000)
    found = estimate(described(given, "training.max_rows=20000000", *shares))
    guide = (SQL.parent / "docs" / "deploy.md").read_text()
    assert f"${found.total:,.0f}" in guide
    if not shares:
        [models] = [line for line in found.lines if line.name == statements.CREATE_MODEL]
        assert f"CREATE MODEL costs ${models.cost:,.0f} instead" in guide


def test_a_small_table_counts_as_ten_megabytes():
    assert Reading("recommendations/state").bytes(volumes(SMALL)) == 10 * 2**20


def test_a_ga4_run_reads_the_days_that_google_still_changes_and_their_neighbours():
    ga360, ga4 = (
        next(one for one in readings(kind) if one.statement == f"sessions/from_{kind}") for kind in ("ga360", "ga4")
    )
    assert (ga360.days["export"], ga360.replaced) == (3, 2)
    assert (ga4.days["export"], ga4.replaced) == (6, 5)


def test_candidates_that_are_not_trained_cost_nothing():
    used = usage(described(SMALL, 'training.candidates=["logistic"]'))
    found = {one.price for one in used if one.purpose == "training"}
    assert "bigquery_create_model" in found
    assert not found & {"bigquery_create_external_model", "vertex_training_hour"}


def test_a_candidates_price_depends_on_its_model_type_and_not_on_its_name(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    for name, text in (("forest", "boosted_trees"), ("boosted_trees", "logistic")):
        (tmp_path / "models" / f"{name}.sql").write_text((SQL / "models" / f"{text}.sql").read_text())
    monkeypatch.setattr(statements, "SQL", tmp_path)
    assert Reading("models/forest").price == "bigquery_create_external_model"
    assert Reading("models/boosted_trees").price == "bigquery_create_model"


def test_the_error_about_a_machine_without_a_price_names_the_known_machines_and_a_remedy():
    told = (
        r"machine_type is n1-standard-8, but cli/cost/prices.yaml only has a price for n1-standard-2: estimate with "
        r"`--set serving.machine_type=n1-standard-2`, or look up .* and add it there as vertex_node_n1-standard-8"
    )
    with pytest.raises(CommandError, match=told):
        estimate(described(SMALL, "serving.machine_type=n1-standard-8"))


def test_the_error_about_an_invalid_setting_names_it():
    with pytest.raises(UsageError, match="window_days"):
        described(SMALL, "audience.window_days=0")


def test_the_cost_is_computed_with_the_settings_of_the_environment(monkeypatch):
    monkeypatch.setenv("PROPENSITY_SETTINGS", '{"audience": {"window_days": 60}}')
    assert described(SMALL).settings.audience.window_days == 60


def test_the_cost_does_not_depend_on_the_project(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "No Project")
    assert estimate(described(SMALL)).total > 0


def test_a_run_reads_all_its_own_rows_even_if_runs_are_rare():
    daily, weekly = described(SMALL), described(replace(SMALL, runs_per_day=1 / 7))
    for table in ("training_rows", "evaluation_rows", "visitor_products", "product_similarities"):
        assert weekly.volumes.partition_bytes(table) == daily.volumes.partition_bytes(table), table
        assert sum(weekly.volumes.stored(table)) == pytest.approx(sum(daily.volumes.stored(table)) / 7), table
    assert estimate(weekly).per_run == pytest.approx(estimate(daily).per_run)


def test_the_tables_that_hold_the_rows_of_every_run_are_those_clustered_by_run():
    every = "training.min_hours=0"
    daily, twice = volumes(LARGE, every), volumes(replace(LARGE, runs_per_day=10), every)
    grown = {table for table in daily.tables if twice.partition_bytes(table) > daily.partition_bytes(table)}
    assert grown == {table.name for table in declarations.read().tables if "run_id" in table.cluster}


def test_runs_that_come_too_soon_after_a_training_refresh_and_do_not_train():
    daily, often = volumes(replace(SMALL, runs_per_day=1)), volumes(replace(SMALL, runs_per_day=4))
    assert (daily.trainings_per_day, often.trainings_per_day) == (1, 24 / 20)
    assert often.recommendations_per_day == 24 / 20 + 1
    assert volumes(replace(SMALL, runs_per_day=4), "training.min_hours=0").trainings_per_day == 4


def test_with_several_runs_per_day_the_sum_is_called_an_upper_bound():
    one, many = estimate(described(SMALL)), estimate(described(replace(SMALL, runs_per_day=24)))
    assert many.per_run > one.per_run
    assert one.notes == []
    assert re.match(r"With 24 runs a day, the sum is an upper bound\. .* `--runs 1` shows", many.notes[0])


def test_each_price_has_a_date_and_a_source():
    listed = price_list()
    assert dt.date.fromisoformat(listed.as_of)
    for price in listed.prices.values():
        assert price.source
        assert price.sure != "listed" or "https://" in price.source, price


def test_every_function_except_quick_ones_has_an_assumed_duration():
    declared = declarations.read()
    idle = {"resume_runs", "watch_checkouts", "record_dead_letter", "on_checkout"}
    assert assumptions().seconds.keys() == declared.functions.keys() - idle
    assert set(declared.schedules) == statements.ticks(BY_KIND["ga360"].volumes).keys()


def test_every_price_in_the_list_is_used():
    used = usage(described(LARGE))
    assert {one.purpose for one in used} == {
        "standing",
        "refresh",
        "training",
        "scoring",
        "monitoring",
        "campaigns",
        "recommendations",
        "value",
        "checkout",
        "storage",
    }
    # The list has no price for idle instances, because min_instances is 0 everywhere.
    assert {one.price for one in used if one.quantity > 0} == price_list().prices.keys()


def test_a_table_with_an_expiration_stores_only_its_days():
    counted = volumes(LARGE)
    day = counted.partition_bytes("training_rows")
    assert counted.stored("training_rows") == (60 * day, 0)
    day = counted.partition_bytes("sessions")
    assert counted.stored("sessions") == (90 * day, 310 * day)
