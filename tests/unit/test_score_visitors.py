"""Which version scores the visitors if the champion changes during the step."""

from datetime import date
from types import SimpleNamespace

import pytest

from functions import score_visitors
from shared.calibration import IDENTITY, Calibrator
from shared.chain.versions import Version
from shared.errors import Permanent
from shared.events import ScoringDue, VisitorsScored
from shared.settings import Settings

RUN = "20170801-0a1b2c3d"
FIRST, SECOND = (Version(number, f"20170801-0000000{number}", "logistic") for number in "12")
CALIBRATORS = {FIRST.run_id: IDENTITY, SECOND.run_id: Calibrator(1.0, ((0.0, -0.5),))}


def scored(*champions):
    """Run the step score_visitors. At each call, the registry returns the next one of `champions`.

    Return the step's event, and (version, model, intercepts) of each statement that has scored.
    """
    names, by = iter(champions), []
    cloud = SimpleNamespace(
        run_id=RUN,
        registry=SimpleNamespace(champion=lambda: next(names)),
        settings=Settings(project="shop-project", bucket="shop-bucket"),
        run=SimpleNamespace(as_of=date(2017, 8, 1)),
        runs=SimpleNamespace(read=lambda *_: None, calibrator=CALIBRATORS.get),
        warehouse=SimpleNamespace(
            query=lambda _, parameters, model: by.append((parameters["version"], model, parameters["intercepts"]))
        ),
    )
    return score_visitors.step(ScoringDue(RUN), cloud), by


def test_the_champion_scores_once():
    assert scored(FIRST, FIRST) == (VisitorsScored(RUN, date(2017, 8, 1), "1"), [("1", FIRST.model, [0.0])])


def test_if_the_champion_changes_visitors_are_scored_again_by_the_new_one_and_its_calibrator():
    said, by = scored(FIRST, SECOND, SECOND)
    assert said.version == "2"
    assert by == [("1", FIRST.model, [0.0]), ("2", SECOND.model, [-0.5])]


def test_without_a_champion_no_visitor_is_scored():
    with pytest.raises(Permanent, match="no version of the registered model has the alias champion"):
        scored(None)
