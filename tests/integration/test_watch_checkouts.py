"""If log lines show that a new champion fails at checkouts, watch_checkouts rolls back to the former champion."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from cli import declarations, local_cloud
from deskcloud import provisioning
from fixtures.pubsub import pushed
from fixtures.versions import FIRST, SECOND, promote, who_serves
from functions import watch_checkouts
from shared.chain import promotion

TABLES = {"run_googleapis_com_stdout", "champion_history"}


@pytest.fixture
def shop(clients, bigquery_client, bigquery_url, monkeypatch):
    """Return the functions' clients. Of the two deployed versions, the second is the champion.

    The tables that the function watch_checkouts reads exist.
    """
    name = f"watched_{os.urandom(4).hex()}"
    tables = tuple(table for table in declarations.read().tables if table.name in TABLES)
    provisioning.make_datasets(
        bigquery_client.project, (local_cloud.dataset(bigquery_client.project, name, tables),), bigquery_url
    )
    clients.settings = clients.settings.__class__.from_document(
        {"project": bigquery_client.project, "bucket": clients.settings.bucket, "dataset": name}
    )
    clients.__dict__["bigquery"] = bigquery_client
    sent = []
    monkeypatch.setattr(clients, "send", lambda topic, body: sent.append((topic, body)))
    monkeypatch.setattr(watch_checkouts, "environment", lambda: clients)
    clients.sent = sent
    assert promote(clients) is None
    return clients


def checkouts(version, count, *, ago=timedelta(0), **prediction):
    """Return `count` log lines about checkouts that `version` answered. The lines are `ago` older than now."""
    answered = {"model_version": version, "source": "score_checkout", "scored_by": "embedded", "latency_ms": 2.0}
    return [(ago, {"event": "checkout_scored", "prediction": answered | prediction})] * count


def unanswered(version, count):
    return [(timedelta(0), {"event": "no_scorer", "model_version": version})] * count


def log(shop, *lines):
    now = datetime.now(UTC)
    rows = [{"timestamp": (now - ago).isoformat(), "jsonPayload": payload} for one in lines for ago, payload in one]
    table = f"{shop.settings.project}.{shop.settings.dataset}.run_googleapis_com_stdout"
    assert shop.bigquery.insert_rows_json(table, rows) == []


def look(times=1):
    for _ in range(times):
        assert watch_checkouts.watch_checkouts(pushed(b"{}", "checkouts-due")) == ("", 204)


YESTERDAY = timedelta(hours=5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (unanswered("2", 5), "5 of 45 checkouts with version 2 got no score; 1% are allowed"),
        (
            checkouts("2", 15, scored_by="endpoint"),
            "15 of 55 checkouts with version 2 were scored by the stand-in; 5% are allowed",
        ),
        (checkouts("2", 15, latency_ms=900.0), "15 of 55 checkouts with version 2 took too long; 5% are allowed"),
    ],
)
def test_a_champion_that_fails_at_the_checkout_is_replaced_once(shop, faults, said):
    log(shop, checkouts("1", 40, ago=YESTERDAY), checkouts("2", 40), faults)
    look(times=2)
    assert who_serves(shop) == (FIRST, {"1": 100})
    [_, move] = promotion.moves(shop)
    assert (move.kind, move.decided_by, move.reason) == ("rolled_back", "watch_checkouts", said)
    # The second call repeats the rollback and publishes scoring-due again. Both events open the same scoring run.
    assert shop.sent == [("scoring-due", {})] * 2
    moves = shop.bigquery.list_rows(f"{shop.settings.project}.{shop.settings.dataset}.champion_history")
    assert sorted((row["number"], row["to_version"]) for row in moves) == [(1, "2"), (2, "1")]


@pytest.mark.parametrize(
    "served",
    [
        pytest.param([], id="nobody came"),
        pytest.param(checkouts("2", 19, scored_by="endpoint"), id="too few"),
        pytest.param(checkouts("2", 100) + checkouts("2", 6, scored_by="endpoint"), id="a few faults"),
        pytest.param(checkouts("1", 40, scored_by="endpoint"), id="the former champion's faults"),
        pytest.param(checkouts("2", 40, source="on_checkout", latency_ms=900.0), id="a shop that does not wait"),
    ],
)
def test_a_champion_without_a_proven_fault_stays(shop, served):
    log(shop, checkouts("1", 40, ago=YESTERDAY), served)
    look()
    assert who_serves(shop) == (SECOND, {"2": 100})
    assert shop.sent == []


def test_a_fault_that_the_former_champion_had_too_causes_no_rollback(shop):
    log(shop, checkouts("1", 40, ago=YESTERDAY, scored_by="endpoint"), checkouts("2", 40, scored_by="endpoint"))
    look()
    assert who_serves(shop) == (SECOND, {"2": 100})


def test_after_the_first_hours_the_former_champion_does_not_return(shop, monkeypatch):
    log(shop, checkouts("2", 40, scored_by="endpoint"))
    late = datetime.now(UTC) + timedelta(hours=shop.settings.monitoring.early_hours)
    monkeypatch.setattr(watch_checkouts, "datetime", type("Later", (), {"now": staticmethod(lambda _: late)}))
    look()
    assert who_serves(shop) == (SECOND, {"2": 100})


@pytest.mark.slow
def test_if_the_process_dies_before_a_decided_rollback_the_next_call_carries_it_out(shop, monkeypatch):
    log(shop, checkouts("2", 40, scored_by="endpoint"))

    def die(*_):
        raise ConnectionError("the bucket is out of reach")

    with monkeypatch.context() as patch:
        patch.setattr(watch_checkouts.pointer, "follow", die)
        with pytest.raises(ConnectionError):
            watch_checkouts.watch_checkouts(pushed(b"{}", "checkouts-due"))
    assert shop.sent == []
    look()
    assert shop.sent == [("scoring-due", {})]
    assert len(promotion.moves(shop)) == 2
