"""While checkouts are scored, the test replaces, breaks or deletes the artefacts in the bucket.

Each checkout still gets a score.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from cli.declarations import ROOT
from deskcloud import storage as local_storage
from deskcloud.storage import Store
from deskcloud.web import serving
from fixtures.online import Bucket, Clock, probability
from shared.champion import POINTER
from shared.online.scorer import NoScorerError, OnlineScorer
from shared.recommendations import ARTEFACT as RECOMMENDATIONS
from shared.recommendations import OUT_OF_STOCK

THREADS, VERSIONS = 4, 8
REFRESH_SECONDS = 30
BROKEN_POINTERS = {
    "is empty": b"",
    "is no JSON": b"{version",
    "lacks a field": b'{"version": "4"}',
    "names an artefact that is not there": {"scorer": "runs/nowhere/scorer.json"},
}
BROKEN_ARTEFACTS = {
    "is no JSON": b"]",
    "is of an unknown kind": {"kind": "neural"},
    "lacks a part": {"kind": "boosted_trees", "inputs": []},
    "has a branch that leads nowhere": {
        "kind": "boosted_trees",
        "base_log_odds": 0.0,
        "inputs": [{"name": "hits", "mean": 1.0}],
        "trees": [[[0, 0.5, 1, 2, False], 0.1]],
    },
    "has a branch that leads to itself": {
        "kind": "boosted_trees",
        "base_log_odds": 0.0,
        "inputs": [{"name": "hits", "mean": 1.0}],
        "trees": [[[0, 0.5, 0, 0, False]]],
    },
}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def scorer(online_bucket, clock):
    """Return a scorer that has loaded version 1, the champion."""
    online_bucket.serve(1)
    made = OnlineScorer(online_bucket.settings(refresh_seconds=REFRESH_SECONDS), clock)
    assert made.score({}).version == "1"
    return made


def look_again(scorer, clock, seconds=REFRESH_SECONDS):
    """Advance the clock and take a snapshot, so that the scorer looks for a new champion. Wait until it has looked."""
    clock.now += seconds
    scorer.snapshot()
    for thread in threading.enumerate():
        if thread.name == "watch":
            thread.join()


def test_a_new_champion_is_noticed_after_a_while_and_the_old_one_answers_until_then(scorer, online_bucket, clock):
    online_bucket.serve(2)
    clock.now += REFRESH_SECONDS - 1
    assert scorer.score({}).version == "1"
    look_again(scorer, clock, 1)
    scored = scorer.score({})
    assert (scored.version, scored.probability) == ("2", pytest.approx(probability(2)))


@pytest.fixture
def often_switched():
    """Let Python switch between threads more often.

    By default, a computing thread keeps the interpreter for 5 ms. This slows down the storage's server in this process.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    yield
    sys.setswitchinterval(before)


@pytest.mark.slow
@pytest.mark.usefixtures("often_switched")
def test_changes_of_the_champion_under_load_lose_no_request_and_mix_no_versions(online_bucket):
    online_bucket.serve(1)
    scorer = OnlineScorer(online_bucket.settings(refresh_seconds=0.001))
    # The caller of the first request waits until the artefact is loaded. So the test breaks artefacts only later.
    assert scorer.score({}).version == "1"
    seen, is_seen, ending = {}, threading.Condition(), threading.Event()

    def load():
        answers = []
        while not ending.is_set():
            answers.append(scorer.score({"pageviews": 3}))
            if answers[-1].version not in seen:
                with is_seen:
                    seen[answers[-1].version] = True
                    is_seen.notify_all()
        return answers

    with ThreadPoolExecutor(THREADS) as pool:
        loads = [pool.submit(load) for _ in range(THREADS)]
        for version in range(2, VERSIONS + 1):
            online_bucket.put(POINTER, b"broken in between")
            online_bucket.serve(version)
            with is_seen:
                is_seen.wait_for(lambda wanted=str(version): wanted in seen, timeout=30)
        ending.set()
    assert list(seen) == [str(version) for version in range(1, VERSIONS + 1)]
    for answers in (one.result() for one in loads):
        versions = [int(one.version) for one in answers]
        assert versions == sorted(versions)
        assert all(one.probability == pytest.approx(probability(one.version)) for one in set(answers))


@pytest.mark.parametrize("what", BROKEN_POINTERS)
def test_with_a_broken_pointer_the_old_champion_stays_and_one_error_is_logged(
    scorer, online_bucket, clock, capfd, what
):
    broken = BROKEN_POINTERS[what]
    online_bucket.serve(2, **broken) if isinstance(broken, dict) else online_bucket.put(POINTER, broken)
    for _ in range(3):
        look_again(scorer, clock)
        assert scorer.score({}).version == "1"
    [error] = errors(capfd)
    assert "the last version read stays in use" in error
    online_bucket.serve(3)
    look_again(scorer, clock, 1)
    assert scorer.score({}).version == "3"


@pytest.mark.parametrize("what", BROKEN_ARTEFACTS)
def test_with_a_broken_artefact_the_old_champion_stays_and_the_artefact_is_tried_again(
    scorer, online_bucket, clock, capfd, what
):
    online_bucket.serve(2, artefact=BROKEN_ARTEFACTS[what])
    for _ in range(3):
        look_again(scorer, clock)
        assert scorer.score({}).version == "1"
    [error] = errors(capfd)
    assert POINTER in error
    online_bucket.put("runs/2/scorer.json", {"kind": "logistic", "intercept": 0.0, "numbers": {}, "categories": {}})
    look_again(scorer, clock, 1)
    assert (scorer.score({}).version, scorer.score({}).probability) == ("2", 0.5)


def errors(capfd):
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    return [line["message"] for line in lines if line["severity"] == "ERROR"]


def test_if_the_pointer_is_deleted_the_old_champion_stays(scorer, online_bucket, clock, capfd):
    online_bucket.gcs.blob(POINTER).delete()
    look_again(scorer, clock)
    assert scorer.score({}).version == "1"
    assert len(errors(capfd)) == 1


def test_the_former_champion_does_not_replace_a_champion_without_an_artefact(scorer, online_bucket, clock):
    online_bucket.serve(2, scorer=None)
    look_again(scorer, clock)
    with pytest.raises(NoScorerError, match="the champion has no embedded scorer"):
        scorer.score({})


def test_before_there_is_a_champion_nothing_scores_and_the_first_champion_is_noticed(online_bucket, clock, capfd):
    scorer = OnlineScorer(online_bucket.settings(refresh_seconds=REFRESH_SECONDS), clock)
    with pytest.raises(NoScorerError, match="no champion is known"):
        scorer.score({})
    assert errors(capfd) == []
    online_bucket.serve(1)
    look_again(scorer, clock)
    assert scorer.score({}).version == "1"


@contextlib.contextmanager
def scorer_of_a_storage_of_its_own(folder, monkeypatch, clock, app=None):
    """Yield a scorer that has read version 1 from a Cloud Storage. The storage stops at the end of the block.

    `app`, if given, is an ASGI function that gets the storage's app as its first argument.
    """
    with contextlib.closing(Store(folder)) as store:
        behind = local_storage.create_app(store)
        with serving.serve(partial(app, behind) if app else behind) as url:
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
            bucket = Bucket()
            bucket.serve(1)
            scorer = OnlineScorer(bucket.settings(refresh_seconds=REFRESH_SECONDS), clock)
            assert scorer.score({}).version == "1"
            yield scorer


@pytest.mark.usefixtures("credentials")
def test_if_the_bucket_cannot_be_reached_the_last_snapshot_stays(tmp_path, monkeypatch, clock, capfd):
    with scorer_of_a_storage_of_its_own(tmp_path, monkeypatch, clock) as scorer:
        pass
    look_again(scorer, clock)
    assert scorer.score({}).version == "1"
    told = errors(capfd)
    assert len(told) == 4
    assert all("cannot be read" in error for error in told)


@pytest.mark.usefixtures("credentials")
def test_a_bucket_that_hangs_keeps_no_request_waiting(tmp_path, monkeypatch, clock):
    let_go = threading.Event()
    let_go.set()

    async def hanging(behind, *asked):
        await asyncio.to_thread(let_go.wait)
        await behind(*asked)

    with scorer_of_a_storage_of_its_own(tmp_path, monkeypatch, clock, hanging) as scorer:
        let_go.clear()
        clock.now += REFRESH_SECONDS
        try:
            assert {scorer.score({}).version for _ in range(100)} == {"1"}
        finally:
            let_go.set()


def test_recommendations_and_stock_are_refreshed_together(scorer, online_bucket, clock):
    assert (scorer.snapshot().recommender, scorer.snapshot().out_of_stock) == (None, frozenset())
    document = {"run_id": "20170801-0a1b2c3d", "as_of": "2017-08-01", "opened_at": "2017-08-02T04:00:00Z"}
    document |= {"rules": [], "similar": {}, "popular": ["a", "b"]}
    online_bucket.put(RECOMMENDATIONS, document)
    online_bucket.put(OUT_OF_STOCK, ["a"])
    look_again(scorer, clock)
    served = scorer.snapshot()
    assert served.recommender.next_products([], served.out_of_stock, 5) == ["b"]
    # With a broken artefact, the former recommendations remain. Without a list of products that are out of stock, all
    # products count as in stock.
    online_bucket.put(RECOMMENDATIONS, b"[]")
    online_bucket.gcs.blob(OUT_OF_STOCK).delete()
    look_again(scorer, clock)
    served = scorer.snapshot()
    assert served.recommender.next_products([], served.out_of_stock, 5) == ["a", "b"]


def test_an_unchanged_object_is_not_read_again(scorer, clock):
    before = scorer.snapshot()
    look_again(scorer, clock)
    assert scorer.snapshot().champion is before.champion


HEAVY = ("google.cloud.aiplatform", "google.cloud.aiplatform_v1", "google.cloud.bigquery", "google.cloud.storage")
SCORE = """
import sys
from shared.online import scorer
print(scorer.current().score({}).version, *(name for name in sys.argv[1:] if name in sys.modules))
"""


def test_embedded_scoring_imports_no_client_of_google_and_no_data_frames(online_bucket, monkeypatch):
    online_bucket.serve(1)
    settings = {"bucket": online_bucket.gcs.name}
    monkeypatch.setenv("PROPENSITY_SETTINGS", json.dumps(settings))
    command = [sys.executable, "-c", SCORE, *HEAVY, "pandas", "sklearn", "numpy", "pyarrow", "grpc", "cryptography"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["1"]
