"""The demonstration's upper bound is computed on the test visitors of the winner.

The upper bound uses the generator's true probabilities, which no model can read.
"""

import msgspec
import pytest

from cli import bound
from demo import generator
from demo.truth import Truth
from fixtures.chain import DAYS, FIRST_DAY, SESSIONS
from shared.chain.environment import Environment
from shared.chain.intervals import METRICS

pytestmark = pytest.mark.slow


def test_the_upper_bound_uses_the_winners_test_visitors_and_leaves_nothing_behind(chain, tmp_path):
    before, run = chain.state(), chain.first
    known = sorted(one.dataset_id for one in chain.clients.bigquery.list_datasets())
    truth = Truth()
    generator.generate(1, FIRST_DAY, DAYS, SESSIONS, tmp_path, truth.see)
    found = bound.measure(truth, run, chain.clients)
    winner = run.documents.evaluation.test[run.documents.evaluation.winner]
    assert (found.visitors, found.positives) == (winner.visitors, winner.positives)
    assert found.log_loss < winner.log_loss
    assert set(found.intervals) == set(METRICS)
    assert sorted(one.dataset_id for one in chain.clients.bigquery.list_datasets()) == known
    after = chain.state()
    assert {job.split("-")[2] for job in after.pop("jobs") if job not in before["jobs"]} == {"upper_bound"}
    before.pop("jobs")
    assert after == before


def test_sessions_that_were_not_generated_have_no_upper_bound(chain):
    assert bound.measure(Truth(), chain.first, chain.clients) is None
    worth = msgspec.structs.replace(chain.clients.settings.label, min_revenue=1.0)
    other = Environment(msgspec.structs.replace(chain.clients.settings, label=worth))
    assert bound.measure(Truth(), chain.first, other) is None
