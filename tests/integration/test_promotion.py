"""Which version becomes champion if a deployment and a rollback happen at the same time.

Uses the local Vertex AI and Cloud Storage.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

from fixtures.versions import FIRST, SECOND, name_champion, promote, who_serves
from functions import monitor_model
from shared import champion
from shared.calibration import Calibrator
from shared.chain import health, monitoring, pointer, promotion
from shared.chain.documents import EVALUATION, HEALTH, Calibration, Evaluation
from shared.chain.environment import StepContext
from shared.chain.guarded import Guarded
from shared.chain.opened_runs import MonitoringRun
from shared.events import ModelMonitored, MonitoringDue

DAY = date(2017, 8, 1)


def roll_back(clients):
    return promotion.roll_back(clients, promotion.Cause("rolled_back", "a person", "complaints"))


def calibrated(slope):
    """Return an evaluation in which the winner's calibrator has this slope."""
    calibration = Calibration(Calibrator(slope), "Platt", "calibrated", None, None)
    return Evaluation("logistic", None, True, [], {}, {}, [], {}, calibration=calibration)


def test_the_pointer_has_the_calibrators_of_all_serving_versions_before_and_after_a_rollback(clients):
    for version, slope in ((FIRST, 0.8), (SECOND, 1.2)):
        clients.runs.write(version.run_id, EVALUATION, calibrated(slope))

    def pointed():
        pointer.follow(clients)
        found = champion.read(clients.bucket.blob(champion.POINTER).download_as_bytes())
        return found.version, {version: one.slope for version, one in found.calibrators.items()}

    assert pointed() == ("1", {"1": 0.8, "2": 1.2})
    assert promote(clients) is None
    assert pointed() == ("2", {"1": 0.8, "2": 1.2})
    roll_back(clients)
    assert pointed() == ("1", {"1": 0.8, "2": 1.2})
    clients.runs.remove(SECOND.run_id)
    assert pointed() == ("1", {"1": 0.8, "2": 1.0})


def test_a_promotion_moves_alias_and_traffic_and_a_second_delivery_changes_nothing(clients):
    assert promote(clients) is None
    assert who_serves(clients) == (SECOND, {"2": 100})
    assert promote(clients) is None
    assert who_serves(clients) == (SECOND, {"2": 100})


def test_a_delivery_is_not_superseded_by_another_that_promotes_the_same_version(clients, monkeypatch):
    assert promotion.promote(FIRST.number, FIRST, None, "it is the first", clients) is None
    read, others = Guarded.read, iter([promote])

    def read_long_ago(document):
        found = read(document)
        for promoted_by_another in others:
            assert promoted_by_another(clients) is None
        return found

    monkeypatch.setattr(Guarded, "read", read_long_ago)
    assert promote(clients) is None
    assert who_serves(clients) == (SECOND, {"2": 100})


def test_a_rollback_is_not_undone_by_the_second_delivery_of_the_deployment(clients):
    assert promote(clients) is None
    assert roll_back(clients) == (SECOND, FIRST)
    assert promote(clients) == "its version was rolled back to version 1"
    assert who_serves(clients) == (FIRST, {"1": 100})


def test_a_rollback_right_after_the_promotion_is_not_undone(clients, monkeypatch):
    move = clients.registry.promote

    def moved_and_rolled_back(*arguments):
        move(*arguments)
        roll_back(clients)

    monkeypatch.setattr(clients.registry, "promote", moved_and_rolled_back)
    assert "rolled back" in promote(clients)
    assert who_serves(clients) == (FIRST, {"1": 100})


def test_a_late_delivery_that_has_moved_the_alias_after_a_rollback_moves_it_back(clients, monkeypatch):
    assert promote(clients) is None
    move, rollbacks = clients.registry.promote, iter([roll_back])

    def moved_late(*arguments):
        for rolled_back in rollbacks:
            rolled_back(clients)
        name_champion(clients, "2")
        move(*arguments)

    monkeypatch.setattr(clients.registry, "promote", moved_late)
    assert "rolled back" in promote(clients)
    assert who_serves(clients) == (FIRST, {"1": 100})


def test_a_rollback_can_be_rolled_back(clients):
    assert promote(clients) is None
    roll_back(clients)
    assert roll_back(clients) == (FIRST, SECOND)
    assert who_serves(clients) == (SECOND, {"2": 100})


def test_each_change_of_the_champion_is_recorded_once_with_its_cause_and_reason(clients):
    promote(clients)
    promote(clients)
    roll_back(clients)
    assert promote(clients)
    roll_back(clients)
    assert [(move.number, move.kind, move.from_version, move.to_version) for move in promotion.moves(clients)] == [
        (1, "promoted", "1", "2"),
        (2, "rolled_back", "2", "1"),
        (3, "rolled_back", "1", "2"),
    ]
    [first, second, _] = promotion.moves(clients)
    assert (first.decided_by, first.reason, first.run_id) == ("deploy_model", "it is better", SECOND.run_id)
    assert (second.decided_by, second.reason, second.run_id) == ("a person", "complaints", FIRST.run_id)


def test_two_changes_of_the_champion_at_once_are_both_recorded(clients, monkeypatch):
    promote(clients)
    replace, others = Guarded.replace, iter([promote])

    def replaced_late(*arguments):
        for promoted_by_another in others:
            promoted_by_another(clients)
            monkeypatch.undo()
            roll_back(clients)
            monkeypatch.setattr(Guarded, "replace", replaced_late)
        return replace(*arguments)

    monkeypatch.setattr(Guarded, "replace", replaced_late)
    roll_back(clients)
    assert [move.to_version for move in promotion.moves(clients)] == ["2", "1"]


def test_monitoring_returns_to_the_former_champion_once_and_never_back(clients, monkeypatch):
    promote(clients)
    worse = health.former_champion(0.05, 0.01, is_shown=True)
    monkeypatch.setattr(monitoring, "findings", lambda *_: [worse])
    event, now = MonitoringDue("20170802-00000003"), datetime.now(UTC)
    clients.runs.open(MonitoringRun(opened_at=now, event=event, as_of=DAY, today=DAY))
    context = StepContext(clients, event.run_id, "monitor_model", now, None)
    context.__dict__["warehouse"] = SimpleNamespace(query=lambda *_: [])
    monkeypatch.setattr(promotion, "record_moves", lambda _: None)
    for _ in range(2):
        assert monitor_model.step(event, context) == ModelMonitored(event.run_id, "warn", [], "1")
        assert who_serves(clients) == (FIRST, {"1": 100})
    assert clients.runs.read(event.run_id, HEALTH).returned == "1"
    assert [move.decided_by for move in promotion.moves(clients)] == ["deploy_model", "monitor_model"]
    assert monitoring.watched(replace(context, run_id="20170803-00000004")).former is None


def test_a_run_that_was_judged_against_another_champion_is_not_promoted(clients):
    assert promotion.promote("2", SECOND, None, "it is better", clients) == (
        "version 1 is champion now, but the gate compared this run with no champion"
    )
    assert who_serves(clients)[0] == FIRST


def test_a_reset_can_remove_the_last_decision_about_the_champion(clients):
    assert not promotion.is_decided(clients)
    assert promote(clients) is None
    assert promotion.is_decided(clients)
    promotion.forget(clients)
    promotion.forget(clients)
    assert not promotion.is_decided(clients)


def test_the_canary_of_a_superseded_run_is_withdrawn_and_champions_stay(clients):
    clients.registry.withdraw_run(SECOND.run_id)
    assert who_serves(clients) == (FIRST, {"1": 100})
    clients.registry.withdraw_run(FIRST.run_id)
    assert who_serves(clients) == (FIRST, {"1": 100})
