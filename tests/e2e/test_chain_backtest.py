"""`propensity backtest` while a chain is running.

The command compares the promises of past models with the actual outcomes, and changes nothing in production.
"""

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cli import resetting
from cli.backtest import learning, past
from cli.main import app
from fixtures.chain import DAYS, FIRST_DAY
from shared.chain.documents import CHAMPION

pytestmark = pytest.mark.slow

# LAST is the newest day of the export. The label's horizon is five days, so the outcomes of visitors of DAY and of
# earlier days are known. A backtest can replay these days.
LAST = FIRST_DAY + timedelta(DAYS - 1)
DAY = LAST - timedelta(5)


def datasets(chain):
    return sorted(one.dataset_id for one in chain.clients.bigquery.list_datasets())


def test_the_metrics_promised_on_a_past_day_are_compared_with_outcomes_and_nothing_is_left_behind(chain):
    before, known = chain.state(), datasets(chain)
    said = CliRunner().invoke(app, ["backtest", "--days", "1", "--json"])
    assert said.exit_code == 0, said.output
    [judged] = json.loads(said.stdout)["days"]
    assert (judged["day"], judged["winner"] in {"baseline", "logistic", "boosted_trees"}) == (str(DAY), True)
    came = chain.rows("visitor_features", f"first_day between '{DAY - timedelta(4)}' and '{DAY}'")
    visitors = {row["visitor_id"]: row["will_buy_on_return_visit"] for row in came}
    assert judged["visitors"]["came"] == len(visitors)
    assert judged["promises"]["buyers"]["came"] == sum(visitors.values())
    assert judged["promises"]["audience_buyers"]["came"] <= sum(visitors.values())
    lower, upper = judged["promises"]["roc_auc"]["promised_interval"]
    assert lower <= judged["promises"]["roc_auc"]["promised"] <= upper
    after = chain.state()
    jobs = [job for job in after.pop("jobs") if job not in before["jobs"]]
    assert {job.split("-")[2] for job in jobs} == {"backtest_learn", "backtest_judge", "backtest_score"}
    before.pop("jobs")
    assert after == before
    assert datasets(chain) == known
    chain.settle()
    assert chain.dead_letters.all() == {}


def test_an_interrupted_backtest_continues_where_it_stopped(chain):
    """If the gate approves the winner of the first day, this winner is the champion on the second day."""
    days = [DAY - timedelta(2), DAY]
    interrupted = past.Past(chain.clients, days)
    interrupted.begin(datetime.now(UTC))
    lines = []
    [first] = itertools.islice(learning.judge(interrupted, lines.append), 1)
    entries = chain.clients.bigquery.get_dataset(interrupted.dataset).access_entries
    assert {entry.entity_id for entry in entries} == {"projectOwners"}
    jobs = set(chain.job_ids())
    again = past.Past(chain.clients, days)
    again.begin(datetime.now(UTC))
    found = list(learning.judge(again, lines.append))
    assert found[0] == first
    assert [one.day for one in found] == days
    assert {job[:8] for job in set(chain.job_ids()) - jobs} == {f"{DAY:%Y%m%d}"}
    held = again.runs.require(found[1].run_id, CHAMPION).version
    assert held.run_id == first.run_id
    assert f"unfinished backtest {again.name}: its dataset and documents" in resetting.plan(chain.clients, None).lines
    again.remove()
    assert list(past.left(chain.clients)) == []
