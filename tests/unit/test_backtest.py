"""Which past days a backtest replays, and when a past model's later metrics agree with the metrics that it promised."""

from datetime import date
from types import SimpleNamespace

import pytest
from scipy import stats
from typer.testing import CliRunner

from cli import main, world
from cli.backtest import days, promises
from cli.backtest.results import Judged
from cli.errors import CommandError, UsageError
from shared.chain.documents import Measured
from shared.settings import Settings

FIRST, LAST = date(2017, 3, 1), date(2017, 5, 1)
SETTINGS = Settings.from_document({"project": "shop-project", "bucket": "shop-bucket"})


def environment(first=FIRST, last=LAST):
    span = [{"first_day": first, "last_day": last}]
    return SimpleNamespace(settings=SETTINGS, query=lambda *_: span)


def test_the_newest_day_is_the_last_one_whose_horizon_is_over():
    assert days.choose(environment(), 3, 7, None) == [date(2017, 4, 3), date(2017, 4, 10), date(2017, 4, 17)]
    assert days.choose(environment(), 2, 1, date(2017, 4, 1)) == [date(2017, 3, 31), date(2017, 4, 1)]
    assert days.choose(environment(), 5, 7, None)[0] == date(2017, 3, 20)


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        (
            (environment(), 6, 7, None),
            CommandError,
            "6 days, 7 apart, need sessions from 2017-02-25 until 2017-05-01, and they begin on 2017-03-01; --days 5",
        ),
        (
            (environment(last=date(2017, 3, 20)), 1, 7, None),
            CommandError,
            "a backtest needs sessions from 2017-03-01 until 2017-03-31 at least (3 days to learn from,",
        ),
        ((environment(None, None), 1, 7, None), CommandError, "there are no sessions yet"),
        ((environment(), 1, 7, date(2017, 4, 18)), UsageError, "2017-04-17 is the latest possible day"),
    ],
)
def test_the_error_about_too_little_history_says_what_is_needed_and_what_exists(asked, error, said):
    with pytest.raises(error) as raised:
        days.choose(*asked)
    assert said in str(raised.value)


def test_on_google_cloud_a_backtest_asks_before_it_trains(monkeypatch):
    cloud = environment()
    monkeypatch.setattr(world, "connected", lambda: cloud)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    asked = CliRunner().invoke(main.app, ["backtest", "--days", "2"], input="n\n")
    assert asked.exit_code == 1
    assert "6 trainings as of 2017-04-10 to 2017-04-17" in asked.output
    assert "BigQuery bills them" in asked.output


def measured(roc_auc, interval, expected=100.0, positives=100):
    none = dict.fromkeys(("true_positives", "false_positives", "true_negatives", "false_negatives"), 0)
    return Measured(
        word="fair",
        candidate="logistic",
        visitors=10_000,
        positives=positives,
        expected_positives=expected,
        calibration=[],
        roc_auc=roc_auc,
        intervals={"roc_auc": interval},
        **none,
    )


def judged(came, audience=None, buyers=400):
    promised = measured(0.8, (0.7, 0.9))
    return Judged(LAST, "20170501-0a1b2c3d", True, [], "logistic", buyers, promised, came, audience)


def test_a_promised_metric_counts_as_kept_if_both_intervals_explain_the_difference():
    """Both estimates vary by chance, so their difference may exceed the half-width of each interval.

    For the half-widths 0.1 and 0.11, chance explains differences up to sqrt(0.1**2 + 0.11**2) = 0.149.
    """
    assert promises.of(judged(measured(0.66, (0.55, 0.77))))["roc_auc"].held
    assert not promises.of(judged(measured(0.64, (0.53, 0.75))))["roc_auc"].held
    assert not promises.of(judged(measured(0.96, (0.85, 0.99))))["roc_auc"].held
    assert promises.of(judged(measured(0.66, (None, None))))["roc_auc"].held is None


def test_the_interval_of_a_buyer_count_covers_purchases_and_training_buyers():
    told = promises.count_interval(100, 10**9)
    assert told == pytest.approx(stats.poisson.interval(0.95, 100), abs=0.6)
    wider = promises.count_interval(100, 100)
    assert wider[1] - wider[0] == pytest.approx(2**0.5 * (told[1] - told[0]))
    assert promises.count_interval(0.5, 1)[0] == 0
    came = promises.of(judged(measured(0.8, (0.7, 0.9), positives=79), measured(0.8, (0.7, 0.9), positives=78)))
    assert (came["buyers"].held, came["audience_buyers"].held) == (True, False)


def test_promises_are_counted_by_quantity_and_a_day_without_a_model_makes_none():
    nothing = Judged(LAST, "20170501-0a1b2c3d", passes=False, reasons=["0 of 7 training visitors bought"])
    found = promises.held([judged(measured(0.8, (0.7, 0.9))), judged(measured(0.1, (0.0, 0.2))), nothing])
    assert found == {"roc_auc": (1, 2), "buyers": (2, 2)}
