"""How the smoke test judges the end of a run. The ledger is real, but the chain and the registry are fakes."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from cli import smoke
from cli.errors import CommandError
from shared.chain import pointer
from shared.chain.opened_runs import ExportRun
from shared.chain.runs import Failure, Record, Runs
from shared.chain.versions import Version
from shared.dead_letters import DeadLetters, Letter
from shared.errors import Permanent
from shared.events import AudiencePublished, DataRefreshed, FeaturesBuilt, ModelRejected
from shared.settings import Settings

DAY = date(2017, 8, 1)
NOW = datetime(2017, 8, 2, 3, 4, 5, tzinfo=UTC)
OURS, ANOTHERS = "20170801-0a1b2c3d", "20170801-4e5f6071"
PUBLISHED = AudiencePublished(OURS, DAY, "gs://shop/manifest.json", 7)
SCHEDULED = Letter(function="build_features", reason="no day-table", received_at=NOW)


class Registry:
    """A fake registry. The last of `versions` is the champion, and the one before is the former champion."""

    def __init__(self, *versions):
        self.versions = list(versions)

    def champion(self):
        return self.versions[-1] if self.versions else None

    def champion_and(self, _):
        if len(self.versions) < 2:
            raise Permanent("there is none to return to")
        return self.versions[-1], self.versions[-2]

    def make_champion(self, number):
        self.versions = [one for one in self.versions if one.number <= number]


class World:
    """Clients with a fake chain. When data-refreshed is published, they call the test's function `chain`."""

    def __init__(self, bucket, chain):
        self.storage, self.bucket = bucket.client, bucket
        self.settings = Settings.from_document({"project": "shop-project", "bucket": bucket.name})
        self.runs = Runs(bucket)
        self.dead_letters = DeadLetters(bucket)
        self.registry = Registry(Version("1", ANOTHERS, "logistic"))
        self.chain = chain
        self.followed = []

    def send(self, topic, body):
        if topic == "data-refreshed":
            self.chain(self, body["reason"])

    def query(self, name, parameters):
        self.recorded = (name, parameters["kinds"], parameters["decided_by"])

    def run(self, reason, *events, run_id=OURS):
        self.runs.open(ExportRun(opened_at=NOW, event=DataRefreshed(run_id, DAY, reason), as_of=DAY, reason=reason))
        for number, event in enumerate(events):
            self.runs.finish(run_id, Record(f"step_{number}", event, NOW, NOW, 0))

    def fails(self, reason):
        self.run(reason, FeaturesBuilt(OURS, DAY))
        self.runs.fail(OURS, Failure("score_visitors", "no such column", is_permanent=True, failed_at=NOW))

    def deploys(self):
        self.registry.versions.append(Version("2", OURS, "boosted_trees"))


@pytest.fixture
def tested(bucket, monkeypatch):
    """Return a function that creates a world with a fake chain, and a function that runs the smoke test in this world.

    The fake chain ends at once, so the smoke test does not wait.
    """

    def test(chain, limit_seconds=60):
        world = World(bucket, chain)
        monkeypatch.setattr(pointer, "follow", world.followed.append)
        return world, lambda: smoke.run(world, "build 7", limit_seconds, wait=lambda _: None)

    return test


@pytest.mark.parametrize("end", [PUBLISHED, ModelRejected(OURS, ["ROC AUC 0.61 is below 0.7"])])
def test_a_run_that_publishes_an_audience_or_rejects_a_model_passes(tested, end):
    world, test = tested(lambda world, reason: (world.deploys(), world.run(reason, end)))
    assert test().run_id == OURS
    assert world.registry.champion().number == "2"


def test_if_a_failed_run_has_not_changed_the_champion_it_stays(tested):
    world, test = tested(World.fails)
    with pytest.raises(CommandError, match=r"score_visitors: no such column.*The champion has not changed"):
        test()
    assert (world.registry.champion().number, world.followed) == ("1", [])


def test_if_the_model_of_a_failed_run_is_champion_the_former_one_returns(tested):
    world, test = tested(lambda world, reason: (world.deploys(), world.fails(reason)))
    with pytest.raises(CommandError, match="version 2, was champion; version 1 is champion again"):
        test()
    assert (world.registry.champion().number, world.followed) == ("1", [world])
    assert world.recorded == ("champion/record_moves", ["rolled_back"], ["smoke-test"])


def test_if_there_was_no_former_champion_the_error_says_so(tested):
    def chain(world, reason):
        world.registry.versions.clear()
        world.deploys()
        world.fails(reason)

    world, test = tested(chain)
    with pytest.raises(CommandError, match=r"no such column.*version 2, is still champion: there is none to return to"):
        test()
    assert world.registry.champion().number == "2"


def test_a_run_that_does_not_end_within_the_limit_has_failed(tested):
    _, test = tested(lambda world, reason: world.run(reason, FeaturesBuilt(OURS, DAY)), limit_seconds=0.2)
    with pytest.raises(CommandError, match=f"run {OURS} is running: the run has not ended within"):
        test()


def test_a_refused_message_fails_the_smoke_test_at_once(tested):
    _, test = tested(lambda world, _: world.dead_letters.bury("1", SCHEDULED))
    with pytest.raises(CommandError, match="no run was opened"):
        test()


def test_other_runs_and_dead_letters_of_checkouts_are_not_taken_for_those_of_the_smoke_test(tested):
    def chain(world, reason):
        checkout = msgspec.structs.replace(
            SCHEDULED, function="projects/shop/subscriptions/on-checkout-checkout-started"
        )
        world.dead_letters.bury("2", checkout)
        world.run("", run_id="20170731-4e5f6071")
        world.run(reason, PUBLISHED)

    _, test = tested(chain)
    assert test().run_id == OURS
