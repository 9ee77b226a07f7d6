"""What the daily check finds about checkouts, if the shop's inputs agree with Google Analytics and if they differ."""

import datetime as dt
import random

import pytest
from google.cloud import storage as gcs

from shared.chain import served
from shared.chain.environment import Environment, StepContext
from shared.chain.opened_runs import MonitoringRun
from shared.chain.versions import Version
from shared.deadline import Deadline
from shared.events import MonitoringDue
from shared.pseudonyms import Pseudonyms

DAY = dt.date(2017, 8, 1)
NOW = dt.datetime(2017, 8, 16, 7, tzinfo=dt.UTC)
RUN = "20170801-0a1b2c3d"
CHAMPION = Version("3", "20170701-0a1b2c3d", "logistic")
PSEUDONYMS = Pseudonyms("a key that no one needs to know, of 32 characters")


@pytest.fixture
def context(warehouse):
    environment = Environment(warehouse.settings)
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(warehouse.settings.project)
    # The step that a test runs fills this table. Register the table, so that it is emptied after the test.
    warehouse.filled.add("evaluation_rows")
    return environment


def opened(environment, run_id, as_of):
    environment.runs.open(MonitoringRun(opened_at=NOW, event=MonitoringDue(run_id), as_of=as_of, today=NOW.date()))
    return StepContext(environment, run_id, "monitor_model", NOW, Deadline(60))


def shop(visitors, sends):
    """Return sessions of visitors with carts, and a checkout in each session.

    The function `sends` turns the true inputs into the inputs that the shop sends.
    """
    dice = random.Random(4)  # noqa: S311 - seeded test data, not for security
    rows = {"sessions": [], "run_googleapis_com_stdout": [], "conversions": []}
    for number in range(visitors):
        began = dt.datetime(2017, 8, 1, 10, tzinfo=dt.UTC) + dt.timedelta(seconds=number)
        likely = dice.random() < 0.5
        features = {"hits": 9, "furthest_step": 5, "hour": 10, "country": dice.choice(["France", "Spain"])}
        of = {"visitor_id": str(number), "day": DAY}
        session = {**of, "session_id": f"{number}.1", "started_at": began, "is_new_visit": True, "time_on_site": 300}
        rows["sessions"].append({**session, "is_internal": False, **features})
        given = sends({**features, "hits": dice.randint(1, 9)})
        numbers = {name: float(value) if isinstance(value, int) else value for name, value in given.items()}
        prediction = {
            "visitor": PSEUDONYMS.of(str(number)),
            "model_version": CHAMPION.number,
            "probability": 0.5 if likely else 0.1,
            "features": numbers,
        }
        at = began + dt.timedelta(minutes=3)
        rows["run_googleapis_com_stdout"].append({"timestamp": at, "jsonPayload": {"prediction": prediction}})
        if dice.random() < prediction["probability"]:
            back = {**of, "session_id": f"{number}.2", "day": DAY + dt.timedelta(3)}
            rows["conversions"].append({**back, "happened_at": began + dt.timedelta(3), "revenue": 1.0})
    return rows


@pytest.mark.slow
def test_inputs_that_agree_with_the_export_are_fine_but_a_wrong_country_is_found(warehouse, context):
    warehouse.fill(shop(80, lambda features: features))
    [features, performance] = served.findings(CHAMPION, PSEUDONYMS, opened(context, RUN, DAY))
    assert (features.state, features.value) == ("fine", 0.0)
    assert features.found.startswith("80 checkouts of the last week agree with their sessions; the shop never sent ")
    # The label of a checkout is known only two weeks after the checkout.
    assert performance.found == "not known yet: no buyer of a ripe checkout is known"
    warehouse.clean()

    warehouse.fill(shop(80, lambda features: features | {"country": "Ireland", "hits": 2 * features["hits"]}))
    [features, _] = served.findings(CHAMPION, PSEUDONYMS, opened(context, "20170801-0a1b2c3e", DAY))
    assert features.state == "warn"
    assert "country in 100%, hits in " in features.found


@pytest.mark.slow
def test_the_scores_of_checkouts_are_measured_once_their_outcomes_are_known(warehouse, context):
    warehouse.fill(shop(200, lambda features: features))
    ripe = DAY + dt.timedelta(warehouse.settings.label_days)
    [features, performance] = served.findings(CHAMPION, PSEUDONYMS, opened(context, "20170815-0a1b2c3d", ripe))
    assert features.found == "not known: 0 checkouts of the last week could be compared, and 50 are needed"
    buyers = len(warehouse.rows("conversions"))
    assert performance.state == "fine"
    assert 0.8 < performance.value < 1.25
    assert f"on 200 visitors at the checkout, {buyers} of whom bought later; ROC AUC 0." in performance.found


def test_without_a_champion_there_is_nothing_to_measure(context):
    assert served.findings(None, PSEUDONYMS, opened(context, "20170801-0a1b2c3f", DAY)) == []
