"""Two runs overlap, and their deliveries come in any order. The result must be that of two runs in sequence."""

import functools
import json
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from demo import generator, loading
from desk.bigquery import connect
from fixtures import alerts
from fixtures.deliveries import STEPS, Died, Export, with_many_buyers, write
from functions import build_features, deploy_model
from shared.chain import revisions
from shared.chain.documents import ROLLED_BACK, RolledBack
from shared.errors import Permanent

FIRST_DAY, KNOWN_DAYS, DAYS = date(2017, 3, 1), 6, 8
KNOWN_DAY = FIRST_DAY + timedelta(days=KNOWN_DAYS - 1)
# The first run reads an export with only half the sessions of the newest day, KNOWN_DAY. Then the export is replaced.
# The new export has the whole day KNOWN_DAY, and either no newer days or two newer days.
BEFORE = Export("meeting_before", KNOWN_DAYS)
AFTER = {"the day again": Export("meeting_after", KNOWN_DAYS), "newer days": Export("meeting_after", DAYS)}
PUBLIC = ("audience-published", "model-rejected", "run-superseded", "recommendations-built")
# This time is longer than `open_hours`. A run without progress for `open_hours` no longer counts as open.
SILENCE = timedelta(hours=7)


@pytest.fixture(scope="module")
def cloud(meeting_cloud, tmp_path_factory):
    """Load the exports BEFORE and AFTER, which the two runs read, into a local cloud. Return the cloud."""
    folder = tmp_path_factory.mktemp("exports")
    files = with_many_buyers(generator.generate(1, FIRST_DAY, DAYS, 600, folder))
    client = connect(meeting_cloud.bigquery_url)
    loading.load(files, client, AFTER["newer days"].dataset)
    *former, newest = files[:KNOWN_DAYS]
    whole = pq.read_table(newest.path)
    write(half := whole.slice(0, len(whole) // 2), newest.path)
    loading.load([*former, replace(newest, rows=len(half))], client, BEFORE.dataset)
    return meeting_cloud


def one_after_the_other(cloud, after, **options):
    world = cloud.world(BEFORE, **options)
    for export in (BEFORE, after):
        world.load(export)
        world.send("data-refreshed", {})
        while world.pending:
            world.deliver(world.pending[0])
    return world


def in_any_order(cloud, after, stands_still_before, seed, **options):
    """Make two overlapping runs, and return the world with their results.

    The first run stops for hours before the step number `stands_still_before`. Then the second run begins, and all
    deliveries come in random order. If `stands_still_before` is None, the first run does not stop, and the newer data
    come while the first run is open. `seed` decides which delivery is next, whether the delivery is repeated, and
    whether the process dies before it publishes.
    """
    chance = random.Random(f"{stands_still_before} {seed}")  # noqa: S311 - seeded, so that the deliveries can be repeated; not for security
    world = cloud.world(BEFORE, **options)
    world.send("data-refreshed", {})
    steps = chance.randrange(len(STEPS)) if stands_still_before is None else stands_still_before
    if steps == 0:
        # The run has recorded no step when it stops: its first process dies after it has built the sessions.
        world.after["sessions/from_ga360"] = die
    while not world.export_runs() or len(world.export_runs()[0].records) < steps:
        deliver_any(world, chance)
    world.load(after)
    if stands_still_before is not None:
        world.now += SILENCE
    world.send("data-refreshed", {})
    if chance.random() < 0.5:
        world.send("resume-due", {})
    late = {world.export_runs()[0].run_id: chance.choice((0.05, 1, 20))}
    while world.pending:
        deliver_any(world, chance, late)
    # No message is pending now. Send the messages that Cloud Scheduler would send half an hour later.
    world.now += timedelta(minutes=30)
    for topic in ("resume-due", "data-refreshed"):
        world.send(topic, {})
    while world.pending:
        deliver_any(world, chance)
    return world


def deliver_any(world, chance, weights=None):
    weight = [(weights or {}).get(one.run_id, 1) for one in world.pending]
    [delivery] = chance.choices(world.pending, weight)
    world.deliver(delivery, is_taken=chance.random() < 0.7, dies=chance.random() < 0.1)


def die():
    raise Died


def left_by(world):
    """Return the rows and the artefact that exist after both runs, without the runs' ids and version numbers."""
    by = ("run_id", "model_version")
    day = f"format_date('%Y%m%d', day) = '{world.export_runs()[-1].run_id[:8]}'"
    left = {table: world.rows(table) for table in ("sessions", "interactions", "visitor_features", "source_days")}
    left["scores"] = world.rows("scores", by, day)
    # The audience's next products are left out: they come from the recommendations of earlier days, and a run that is
    # superseded early makes no recommendations for its day.
    left["audience"] = world.rows("audience", (*by, "next_products"), day)
    if world.recommends:
        left |= {table: world.rows(table, by[:1], day) for table in ("product_rules", "visitor_recommendations")}
        left["artefact"] = world.artefact()
    return left


def assert_as_one_after_the_other(world, expected):
    for what, found in left_by(world).items():
        assert found == expected[what], what
    older, newer = world.export_runs()
    assert (newer.outcome, newer.reason) == ("published", "")
    assert world.serving() == (newer.run_id, {newer.run_id: 100}, newer.run_id)
    assert_superseded_unless_first(older, newer)
    runs = [world.run(run_id) for run_id in world.runs.ids()]
    assert [run.run_id for run in runs if not run.has_ended] == []
    said = [record.event for run in runs for record in run.records]
    for topic in PUBLIC:
        assert world.told(topic) == {json.dumps(event.to_json()) for event in said if event.topic == topic}
    assert world.told("dead-letters") == set()


def assert_superseded_unless_first(older, newer):
    """Check that the older run ended in one of two ways.

    Either its model became champion before the newer run was opened, or the newer run superseded the older run.
    """
    promoted = [record.finished_at for record in older.records if record.event.topic == "model-deployed"]
    assert all(at < newer.opened_at for at in promoted)
    assert older.outcome == ("published" if promoted else "superseded")
    assert older.reason == ("" if promoted else f"run {newer.run_id} reads newer data")


@pytest.fixture(scope="module")
def in_order(cloud):
    """Return a function that makes two runs in sequence, and returns the world with their results."""
    return functools.cache(lambda after, **options: one_after_the_other(cloud, AFTER[after], **options))


@pytest.fixture(scope="module")
def expected(in_order):
    """Return a function that makes two runs in sequence, and returns what `left_by` finds after both runs."""
    return functools.cache(lambda after, **options: left_by(in_order(after, **options)))


@pytest.mark.parametrize(
    ("begun", "part", "statement", "far"),
    [
        (0, (build_features, "fill_sessions"), "interactions/from_ga360", 6),
        (3, (revisions, "export"), "deployment/percentiles", 3),
    ],
)
@pytest.mark.slow
def test_a_delivery_stops_if_a_parallel_one_failed_for_good_and_another_run_is_open(
    cloud, expected, begun, part, statement, far
):
    world = cloud.world(BEFORE)
    world.send("data-refreshed", {})
    while begun and (not world.export_runs() or len(world.export_runs()[0].records) < begun):
        world.deliver(world.pending[0])
    both = world.pending[-1]

    def meanwhile():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(*part, fail_for_good)
            world.deliver(both, is_taken=False)
        [older] = world.export_runs()
        assert older.outcome == "failed"
        world.load(AFTER["newer days"])
        world.send("data-refreshed", {})
        while len(world.export_runs()) < 2 or len(world.export_runs()[1].records) < far:
            world.deliver(world.pending[-1])

    world.after[statement] = meanwhile
    world.deliver(both)
    while world.pending:
        world.deliver(world.pending[0])
    assert_as_one_after_the_other(world, expected("newer days"))
    assert alerts.firing(world.entries) == {"run_failed"}


@pytest.mark.slow
def test_a_delivery_that_fails_after_another_has_promoted_the_same_version_leaves_it_serving(cloud):
    world = cloud.world(BEFORE)
    world.send("data-refreshed", {})
    while not world.export_runs() or len(world.export_runs()[0].records) < 3:
        world.deliver(world.pending[0])
    both = world.pending[-1]
    with pytest.MonkeyPatch.context() as patch:

        def meanwhile():
            world.deliver(both, is_taken=False)
            patch.setattr(deploy_model, "require_parity", fail_for_good)

        world.after["deployment/golden_rows"] = meanwhile
        world.deliver(both)
    [run] = world.export_runs()
    assert run.records[-1].step == "deploy_model"
    assert world.serving() == (run.run_id, {run.run_id: 100}, run.run_id)
    assert "run_failed" not in alerts.firing(world.entries)


def fail_for_good(*_):
    raise Permanent("as a test wants it")


ORDERS = [
    (after, stands_still_before, seed)
    for seed in range(1, 5)
    for after in AFTER
    for stands_still_before in (*range(len(STEPS)), None)
]


@pytest.mark.slow
@pytest.mark.parametrize(("after", "stands_still_before", "seed"), ORDERS)
def test_two_runs_in_any_order_leave_the_same_data_as_in_sequence(cloud, expected, after, stands_still_before, seed):
    options = {"recommends": True} if seed in {2, 4} else {}
    world = in_any_order(cloud, AFTER[after], stands_still_before, seed, **options)
    assert_as_one_after_the_other(world, expected(after, **options))
    assert alerts.firing(world.entries) == set()


@pytest.mark.slow
def test_a_run_that_loses_a_race_publishes_the_stored_record_and_no_alert_fires(in_order, expected):
    world = in_order("newer days")
    assert expected("newer days")
    champion = world.registry.champion()
    world.entries.clear()
    world.send("data-refreshed", {"reason": "new campaign"})
    while len(world.export_runs()) < 3 or len(world.export_runs()[2].records) < 3:
        world.deliver(world.pending[0])
    world.runs.write(world.export_runs()[2].run_id, ROLLED_BACK, RolledBack(to=champion.number, at=datetime.now(UTC)))
    while world.pending:
        world.deliver(world.pending[0])
    run = world.export_runs()[2]
    assert (run.outcome, run.reason) == ("superseded", f"its version was rolled back to version {champion.number}")
    assert world.serving() == (champion.run_id, {champion.run_id: 100}, champion.run_id)
    assert json.dumps(run.records[-1].event.to_json()) in world.told("audience-published")
    assert alerts.firing(world.entries) == set()


@pytest.mark.slow
def test_a_late_delivery_of_an_evaluation_does_not_change_its_result(in_order):
    world = in_order("newer days")
    champion, known = world.registry.champion(), len(world.export_runs())
    world.send("data-refreshed", {"reason": "judged late"})
    while len(world.export_runs()) == known or not world.of(world.export_runs()[-1].run_id, "evaluate_models"):
        world.deliver(world.pending[0])
    run_id = world.export_runs()[-1].run_id
    judged = []

    def meanwhile():
        while world.pending:
            world.deliver(world.pending[0])
        assert world.registry.champion().run_id == run_id
        judged.append(world.document(f"runs/{run_id}/evaluation.json"))

    world.after["evaluation/predictions"] = meanwhile
    world.deliver(world.of(run_id, "evaluate_models"), is_taken=False)
    assert judged == [world.document(f"runs/{run_id}/evaluation.json")]
    assert judged[0]["champion"] == champion.number
