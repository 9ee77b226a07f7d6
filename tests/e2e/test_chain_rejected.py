"""If new data lead to a model that does not pass the gate, the model is rejected.

These tests run last, because they change data that other tests read.
"""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli import resetting

pytestmark = pytest.mark.slow


@pytest.fixture
def without_orders(chain, tmp_path):
    """Remove all orders of the test visitors, so that nobody has bought. Put the orders back after the test.

    Then refresh the data, because the next test finds the day-tables with orders through the table `sessions`.
    """
    changed = day_tables_in_which_test_visitors_bought(chain)
    assert changed
    chain.load(*(without_purchases(path, tmp_path) for path in changed))
    yield
    chain.load(*changed)
    chain.refresh()


@pytest.mark.usefixtures("without_orders")
def test_a_rejected_run_leaves_the_champion_serving(chain):
    before = chain.state()
    run = chain.refresh()
    assert run.outcome == "rejected"
    assert "gate.min_positives" in run.reason
    after = chain.state()
    for kept in ("champion", "deployed", "traffic", "versions"):
        assert after[kept] == before[kept]
    for table in ("scores", "audience"):
        assert after["tables"][table] == before["tables"][table]


@pytest.mark.usefixtures("without_orders")
def test_a_rejected_run_can_be_reset_and_repeated(chain):
    rejected = chain.refresh()
    jobs, incarnation = set(chain.job_ids()), chain.runs.opened(rejected.run_id).incarnation
    removal = resetting.plan(chain.clients, rejected.run_id)
    assert any(rejected.run_id in line for line in removal.lines)
    removal.carry_out()
    assert rejected.run_id not in chain.runs.ids()
    assert chain.rows("training_rows", f"run_id = '{rejected.run_id}'") == []
    assert chain.rows("evaluation_rows", f"run_id = '{rejected.run_id}'") == []
    assert not [model for model in chain.clients.bigquery.list_models("propensity") if is_of(rejected, model)]

    again = chain.refresh()
    assert (again.run_id, again.outcome, again.reason) == (rejected.run_id, rejected.outcome, rejected.reason)
    assert chain.runs.opened(rejected.run_id).incarnation != incarnation
    fresh = {job for job in set(chain.job_ids()) - jobs if "-train_models-" in job}
    assert len(fresh) == 1 + len(chain.clients.settings.training.candidates)


def is_of(run, model):
    return model.model_id.endswith(run.run_id.replace("-", "_"))


def day_tables_in_which_test_visitors_bought(chain):
    buyers = f"split = 'test' and run_id = '{chain.first.run_id}' and will_buy_on_return_visit = 1"
    visitors = {row["visitor_id"] for row in chain.rows("training_rows", buyers)}
    days = {
        f"{row['day']:%Y%m%d}" for row in chain.rows("sessions", "transactions > 0") if row["visitor_id"] in visitors
    }
    return [path for path in chain.files if path.stem[-8:] in days]


def without_purchases(path, folder):
    """Copy the file of a day-table to `folder`. Leave out the purchase and all hits of each session with a purchase."""
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        if row["totals"]["transactions"]:
            row["totals"] |= {"transactions": None, "totalTransactionRevenue": None}
            row["hits"] = []
    target = folder / path.name
    pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(path)), target, store_schema=False)
    return target
