"""What the daily check finds in a shop with a planted change, and when it requests a training."""

import datetime as dt

import msgspec
import numpy as np
import pytest
from google.cloud import storage as gcs

from shared.calibration import Calibrator
from shared.chain import current, evaluation, monitoring, training
from shared.chain.documents import EVALUATION, Evaluation, Monitored, Split
from shared.chain.environment import Environment, StepContext
from shared.chain.guarded import Guarded
from shared.chain.opened_runs import ExportRun, MonitoringRun, Reading
from shared.chain.versions import Version
from shared.deadline import Deadline
from shared.events import DataRefreshed, MonitoringDue

pytestmark = pytest.mark.slow

FIRST_DAY = dt.date(2017, 5, 1)
VISITORS_A_DAY = 80
# The champion was trained with data until day LEARNT. The daily check is made on day CHECKED.
LEARNT, CHECKED = 30, 62
TRAINED = "20170531-0a1b2c3d"
MONITORED = "20170702-0a1b2c3d"
TRAINED_AT = dt.datetime(2017, 6, 1, 3, tzinfo=dt.UTC)
NOW = dt.datetime(2017, 7, 3, 7, tzinfo=dt.UTC)


def day(number):
    return FIRST_DAY + dt.timedelta(number)


def shop(*, mail=lambda _: 0.3, device=("mobile", "desktop"), learnable=lambda _: True, known_until=None):
    """Return the first visits of 63 days.

    `learnable` and `mail` are functions of the day's number. On a day that is `learnable`, visitors who stay long or
    come by mail buy more often; on the other days, purchases are random. `mail` gives the share of visitors who come
    by mail. `device` lists the devices of the last week; in earlier weeks, the devices are mobile and desktop.
    Outcomes are known for visits until day `known_until`.
    """
    random = np.random.default_rng(3)
    known_until = CHECKED - 14 if known_until is None else known_until
    return [_visit(random, number, mail, device, learnable, known_until) for number in range(63 * VISITORS_A_DAY)]


def _visit(random, number, mail, device, learnable, known_until):
    of = number // VISITORS_A_DAY
    seconds, by_mail = int(random.exponential(200)), random.random() < mail(of)
    log_odds = -2.2 + 0.005 * seconds + 2 * by_mail if learnable(of) else -1
    buys = int(random.random() < 1 / (1 + np.exp(-log_odds)))
    return {
        "visitor_id": f"{number:05d}",
        "first_day": day(of),
        "bounces": int(seconds < 10),
        "time_on_site": seconds,
        "pageviews": int(random.integers(1, 9)),
        "hits": int(random.integers(1, 9)),
        "furthest_step": int(random.integers(0, 4)),
        "products_viewed": 0,
        "products_added": 0,
        "hour": int(random.integers(0, 24)),
        "weekday": day(of).strftime("%A"),
        "source": "mail" if by_mail else "google",
        "medium": "organic",
        "channel": "Organic Search",
        "device": str(random.choice(device if of > CHECKED - 7 else ("mobile", "desktop"))),
        "country": "France",
        "will_buy_on_return_visit": buys if of <= known_until else None,
    }


@pytest.fixture(scope="module")
def trained(whole_warehouse):
    """Train models with the data until day LEARNT. Return the versions by candidate, and the metrics of `logistic`."""
    environment = connected(whole_warehouse)
    whole_warehouse.fill({"visitor_features": shop(known_until=LEARNT - 14)})
    event = DataRefreshed(TRAINED, day(LEARNT))
    environment.runs.open(ExportRun(opened_at=TRAINED_AT, event=event, as_of=day(LEARNT), trains=True))
    context = StepContext(environment, TRAINED, "train_models", TRAINED_AT, Deadline(120))
    training.write_rows(FIRST_DAY, day(LEARNT), 0.5, 0.25, context)
    versions = {}
    for number, candidate in enumerate(("baseline", "logistic"), 1):
        versions[candidate] = version = Version(str(number), TRAINED, candidate)
        whole_warehouse.run(f"models/{candidate}", training.rows_of_run(context), model=version.model)
    evaluation.predict("logistic", versions["logistic"].model, "test", Calibrator(), context)
    measured, _ = evaluation.measured("test", context)
    whole_warehouse.filled |= {"training_rows", "evaluation_rows"}
    whole_warehouse.clean()
    return versions, measured


@pytest.fixture
def environment(warehouse, trained):
    """Return an environment whose ledger holds the evaluation of the run that trained the champion."""
    environment = connected(warehouse)
    judged = Evaluation("logistic", None, True, [], {}, {}, [], {}, test=trained[1])
    environment.runs.write(TRAINED, EVALUATION, judged)
    warehouse.filled |= {"training_rows", "evaluation_rows"}
    yield environment
    environment.runs.remove(MONITORED)
    environment.bucket.delete_blobs(list(environment.bucket.list_blobs(prefix=current.PATH)))


def connected(warehouse):
    environment = Environment(warehouse.settings)
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(warehouse.settings.project)
    return environment


def checked(warehouse, environment, visitors, champion, former=None, today=NOW):
    """Make the daily check. Return the check's findings by name, and the context of the step monitor_model."""
    tables = {"visitor_features": visitors, "scores": [score(day(CHECKED))]}
    warehouse.fill(tables)
    read = Reading(as_of=day(CHECKED))
    held = current.Current(
        TRAINED, day(CHECKED), "", read, TRAINED_AT, TRAINED_AT, trained=current.Training(TRAINED, TRAINED_AT)
    )
    Guarded(current.PATH, current.Current, environment).replace(held, 0)
    event = MonitoringDue(MONITORED)
    run = MonitoringRun(opened_at=today, event=event, as_of=day(CHECKED), today=today.date())
    environment.runs.open(run)
    context = StepContext(environment, MONITORED, "monitor_model", today, Deadline(120))
    found = monitoring.findings(Monitored(champion, former), context)
    return {one.check: one for one in found}, context


def score(of):
    return {"day": of, "visitor_id": "1", "probability": 0.5, "decile": 1, "offer": "none", "model_version": "2"} | {
        "run_id": TRAINED
    }


def not_fine(found):
    return {name: one.state for name, one in found.items() if one.state != "fine"}


def test_in_a_shop_without_changes_all_checks_are_fine(warehouse, environment, trained):
    found, context = checked(warehouse, environment, shop(), trained[0]["logistic"], trained[0]["baseline"])
    assert not_fine(found) == {}
    assert found.keys() == {
        "data_age",
        "scores_age",
        "run_cost",
        "champion_age",
        "performance",
        "former_champion",
        "score_drift",
        "drift",
        "skew",
        "served_answers",
    }
    assert found["former_champion"].value < 0
    assert monitoring.reasons_to_train(list(found.values()), context) == ([], "")


def test_visitors_from_another_source_cause_drift_and_other_scores(warehouse, environment, trained):
    visitors = shop(mail=lambda of: 0.8 if of > CHECKED - 7 else 0.3)
    found, context = checked(warehouse, environment, visitors, trained[0]["logistic"])
    assert not_fine(found) == {"score_drift": "warn", "drift": "warn", "skew": "warn"}
    assert found["drift"].found.startswith("drifted: source by 5")
    assert "source (0." in found["skew"].found
    # No training is requested, because a drift alone is no reason to train.
    assert monitoring.reasons_to_train(list(found.values()), context) == ([], "")


def test_a_drift_that_changes_neither_scores_nor_metrics_is_only_information(warehouse, environment, trained):
    found, _ = checked(warehouse, environment, shop(device=("mobile",)), trained[0]["logistic"])
    assert not_fine(found) == {}
    assert found["drift"].found.startswith("drifted: device by ")
    assert found["drift"].found.endswith(" of the visitors; neither scores nor metrics have changed")


def test_after_a_sample_skew_compares_with_all_visitors_of_the_training_days(warehouse, environment, trained):
    splits = [Split("train", FIRST_DAY, day(15), 900, 450), Split("unused", FIRST_DAY, day(15), 300, 0)]
    judged = environment.runs.require(TRAINED, EVALUATION)
    environment.runs.write(TRAINED, EVALUATION, msgspec.structs.replace(judged, splits=splits))
    # The visitors in the model's sample came by mail with probability 0.3, as the model's own statistics say.
    visitors = shop(mail=lambda of: 0.9 if of <= 15 else 0.3)
    found, _ = checked(warehouse, environment, visitors, trained[0]["logistic"])
    assert not_fine(found) == {}
    assert found["skew"].value == pytest.approx(0.6, abs=0.05)
    assert found["skew"].found.startswith("far from the training data: source (0.")


def test_an_export_that_has_stopped_is_reported(warehouse, environment, trained):
    late = NOW + dt.timedelta(days=9)
    found, _ = checked(warehouse, environment, shop(), trained[0]["logistic"], today=late)
    assert not_fine(found) == {"data_age": "warn"}


def test_outcomes_that_the_champion_no_longer_predicts_request_one_training_and_no_loop(
    warehouse, environment, trained
):
    visitors = shop(learnable=lambda of: of <= LEARNT - 14)
    findings, context = checked(warehouse, environment, visitors, trained[0]["logistic"])
    found = list(findings.values())
    assert not_fine(findings)["performance"] == "act"
    [reason], held_back = monitoring.reasons_to_train(found, context)
    assert reason.startswith("monitoring: ROC AUC 0.")
    assert held_back == ""

    soon = StepContext(context.environment, MONITORED, "monitor_model", TRAINED_AT + dt.timedelta(days=2), Deadline(60))
    [_], held_back = monitoring.reasons_to_train(found, soon)
    assert held_back == "the last training was on 2017-06-01 (monitoring.cool_down_days)"

    reject_twice(environment)
    [_], held_back = monitoring.reasons_to_train(found, context)
    assert held_back == "the gate has rejected the last 2 models (monitoring.max_rejections)"


def reject_twice(environment):
    """Record two runs after the champion's run. The gate rejected the models of both runs."""
    rejected = ["20170601-00000001", "20170602-00000002"]
    judged = Evaluation("logistic", "2", False, ["worse than the champion"], {}, {}, [], {})
    for run_id, after in zip(rejected, [TRAINED, rejected[0]], strict=True):
        event = DataRefreshed(run_id, day(LEARNT))
        run = ExportRun(opened_at=TRAINED_AT, event=event, as_of=day(LEARNT), trains=True, after=after)
        environment.runs.open(run)
        environment.runs.write(run_id, EVALUATION, judged)
    claim = Guarded(current.PATH, current.Current, environment)
    held, generation = claim.read()
    claim.replace(msgspec.structs.replace(held, trained=current.Training(rejected[1], TRAINED_AT)), generation)


def test_a_champion_that_is_worse_than_the_former_one_on_known_outcomes_is_replaced(warehouse, environment, trained):
    found, _ = checked(warehouse, environment, shop(), trained[0]["baseline"], trained[0]["logistic"])
    assert found["former_champion"].state == "warn"
    assert found["former_champion"].found.endswith("so the former one returns (gate.margin)")
