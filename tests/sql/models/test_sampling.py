"""Models that learn from a sample give the probabilities of models that learn from all training rows."""

import datetime as dt
import itertools
import math

import numpy as np
import pytest
from google.cloud import storage as gcs
from msgspec.structs import replace

from shared.calibration import IDENTITY
from shared.chain import documents, evaluation, sampling, training
from shared.chain.documents import HeldAgainst
from shared.chain.environment import Environment, StepContext
from shared.chain.opened_runs import ExportRun
from shared.chain.versions import model_name
from shared.deadline import Deadline
from shared.events import DataRefreshed

pytestmark = pytest.mark.slow

FIRST_DAY, DAYS, VISITORS = dt.date(2017, 5, 1), 60, 24_000
AS_OF = FIRST_DAY + dt.timedelta(DAYS - 1)
NOW = dt.datetime(2017, 7, 1, tzinfo=dt.UTC)
MAX_ROWS = 4_000
CANDIDATES = ("logistic", "boosted_trees")
# The runs of each candidate, with their training.max_rows. `again` draws the same sample as `sample`.
RUNS = {"all": 0, "sample": MAX_ROWS, "again": MAX_ROWS}


def visits():
    """Return first visits. Visitors who stay long or come by mail buy more often; about one in thirty buys."""
    random = np.random.default_rng(7)
    seconds = random.exponential(200, VISITORS).astype(int)
    by_mail, steps = random.random(VISITORS) < 0.2, random.integers(0, 4, VISITORS)
    log_odds = -5.3 + 0.003 * np.minimum(seconds, 900) + 1.2 * by_mail + 0.4 * steps
    buys = random.random(VISITORS) < 1 / (1 + np.exp(-log_odds))
    return [
        {
            "visitor_id": f"{number:05d}",
            "first_day": FIRST_DAY + dt.timedelta(number * DAYS // VISITORS),
            "bounces": int(seconds[number] < 10),
            "time_on_site": int(seconds[number]),
            "pageviews": 1 + number % 7,
            "hits": 1 + number % 11,
            "furthest_step": int(steps[number]),
            "products_viewed": number % 3,
            "products_added": 0,
            "hour": number % 24,
            "weekday": "Monday",
            "source": "mail" if by_mail[number] else "google",
            "medium": "organic",
            "channel": "Organic Search",
            "device": ("mobile", "desktop")[number % 2],
            "country": "France",
            "will_buy_on_return_visit": int(buys[number]),
        }
        for number in range(VISITORS)
    ]


@pytest.fixture(scope="module")
def learnt(whole_warehouse):
    """Train each candidate in each run. Return the evaluations of `all` and `sample`, and the test visitors' scores.

    No calibrator is fitted, because too few visitors buy. So only the correction changes the models' probabilities.
    """
    whole_warehouse.fill({"visitor_features": visits()})
    contexts = {
        (candidate, name): _trained(whole_warehouse, candidate, f"20170629-{number:08}", max_rows)
        for number, (candidate, (name, max_rows)) in enumerate(itertools.product(CANDIDATES, RUNS.items()))
    }
    found = {
        (candidate, name): evaluation.evaluate([candidate], {}, context)
        for (candidate, name), context in contexts.items()
        if name != "again"
    }
    for candidate in CANDIDATES:
        context, calibrator = contexts[candidate, "again"], found[candidate, "sample"].calibrator
        evaluation.predict(candidate, model_name(candidate, context.run_id), "test", calibrator, context)
    scores = {of: _scores(whole_warehouse, context.run_id) for of, context in contexts.items()}
    whole_warehouse.filled |= {"training_rows", "evaluation_rows"}
    whole_warehouse.clean()
    return found, scores


def _trained(warehouse, candidate, run_id, max_rows):
    settings = warehouse.settings
    limits = {"training": replace(settings.training, max_rows=max_rows)}
    limits["gate"] = replace(settings.gate, min_positives=10**6)
    environment = Environment(replace(settings, **limits))
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(settings.project)
    environment.runs.open(ExportRun(opened_at=NOW, event=DataRefreshed(run_id, AS_OF), as_of=AS_OF, trains=True))
    environment.runs.keep(run_id, documents.CHAMPION, HeldAgainst(version=None))
    context = StepContext(environment, run_id, "train_models", NOW, Deadline(300))
    training.freeze_rows(context)
    warehouse.run_here(f"models/{candidate}", training.rows_of_run(context), model=model_name(candidate, run_id))
    return context


def _scores(warehouse, run_id):
    table = f"{warehouse.settings.project}.{warehouse.settings.dataset}.evaluation_rows"
    text = f"select visitor_id, probability from `{table}` where run_id = '{run_id}' and split = 'test'"  # noqa: S608
    return dict(row.values() for row in warehouse.client.query_and_wait(text))


def counts(found):
    return {one.split: (one.visitors, one.positives) for one in found.splits}


def test_the_sample_has_all_buyers_and_about_max_rows_rows_and_other_splits_stay_whole(learnt):
    every, sample = (counts(learnt[0]["logistic", name]) for name in ("all", "sample"))
    assert every["train"] == (sample["train"][0] + sample["unused"][0], sample["train"][1])
    assert sample["unused"][1] == 0
    assert sample["train"][0] == pytest.approx(MAX_ROWS, abs=4 * math.sqrt(MAX_ROWS))
    assert {name: sample[name] for name in ("evaluation", "test")} == {
        name: every[name] for name in ("evaluation", "test")
    }


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_the_probabilities_of_all_visitors_are_right_on_average(learnt, candidate):
    found = learnt[0][candidate, "sample"]
    kept = sampling.kept_share(found.splits)
    assert kept < 0.3
    # Nothing but the correction calibrates the model.
    assert found.calibrator == IDENTITY.after(sampling.shift(kept))
    ratio = found.calibration.observed_over_expected
    assert ratio.lower < 1 < ratio.upper
    # Without the correction, the model would expect three times as many buyers.
    assert 2 / 3 < ratio.lower < ratio.upper < 3 / 2


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_the_ranking_and_the_log_loss_are_those_of_a_model_of_all_rows_within_noise(learnt, candidate):
    every, sample = (learnt[0][candidate, name].test[candidate] for name in ("all", "sample"))
    lower, upper = every.intervals["roc_auc"]
    assert lower < sample.roc_auc < upper
    assert sample.roc_auc == pytest.approx(every.roc_auc, abs=0.02)
    assert sample.log_loss == pytest.approx(every.log_loss, rel=0.02)


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_repeated_training_gives_the_same_digits(learnt, candidate):
    every, sample, again = (learnt[1][candidate, name] for name in RUNS)
    assert len(sample) > 4_000
    assert again == sample
    assert every != sample
