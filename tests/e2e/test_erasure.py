"""The command `propensity erase` on a local cloud, whose functions get each message over HTTP."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from cli.main import app
from fixtures.chain import SOON, environment, started
from shared.chain.opened_runs import CustomersRun
from shared.events import CustomersDue
from sql.customers.scene import DAY, audience, consents, crm, links

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SETTINGS = {
    "bucket": "erasing",
    "files": {"mode": "replace"},
    "meta": {"mode": "replace", "audience": "23850000000000001"},
}


@pytest.fixture
def chain(tmp_path):
    """Return a cloud in which two people are in one audience, and members at the destinations `files` and `meta`."""
    with started(tmp_path, SETTINGS, is_filled=False, backoff=SOON) as found, environment(found.cloud):
        for table, rows in filled().items():
            path = f"{found.clients.settings.project}.{found.clients.settings.dataset}.{table}"
            assert found.clients.bigquery.insert_rows_json(path, rows) == []
        due = CustomersDue("20170801-00000000")
        found.runs.open(CustomersRun(datetime.now(UTC), due, DAY, "20170801-ffffffff"))
        found.clients.publish(due)
        found.wait_until(lambda: members(found) == {("files", 2), ("meta", 2)}, "both people are members")
        yield found


def filled():
    rows = {
        "crm_customers": crm("anna", "bob"),
        "crm_visitors": links(v1="anna", v2="bob"),
        "consents": consents("anna", "bob"),
        "audience": audience("v1", "v2"),
    }
    return json.loads(json.dumps(rows, default=str))


def members(chain):
    text = """
        select destination, count(*) as people
        from `propensity.destination_members`
        where state = 'confirmed'
        group by destination
    """
    return {tuple(row) for row in chain.clients.bigquery.query_and_wait(text)}


def test_the_command_waits_until_each_destination_has_removed_the_person(chain):
    asked = ["erase", "--customer", "anna", "--request", "dsar-1", "--yes", "--json"]
    answer = CliRunner().invoke(app, asked)
    assert answer.exit_code == 0, answer.output
    certificate = json.loads(answer.stdout)
    assert certificate["completed_at"]
    assert certificate["destinations"] == {"files": "removed", "meta": "removed"}
    assert members(chain) == {("files", 1), ("meta", 1)}
    ended = {run.outcome: run for name in chain.runs.ids() if (run := chain.run(name)).kind == "erasure"}
    assert ended.keys() == {"resolved", "erased"}
    planned = ended["resolved"].run_id
    chain.wait_until(lambda: chain.runs.content(planned, "report.html"), "the erasure has a report")
    assert b"anna" not in chain.runs.content(planned, "report.html")
    assert chain.dead_letters.all() == {}
