"""dbt builds and tests a project on the local BigQuery.

The project has a seed, a view, a table, incremental models, a snapshot and tests.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DBT = Path(sys.executable).with_name("dbt")


@pytest.fixture(scope="module")
def dbt(client, tmp_path_factory):
    """Return a function that runs a dbt command. The function returns the list of dbt's results, one for each node."""
    project = tmp_path_factory.mktemp("dbt") / "shop"
    shutil.copytree(Path(__file__).with_name("shop"), project)

    def run(*arguments):
        command = [DBT, *arguments, "--project-dir", project, "--profiles-dir", project]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project)
        assert done.returncode == 0, done.stdout
        return json.loads((project / "target" / "run_results.json").read_text())["results"]

    run.target = project / "target"
    return run


def statuses(results):
    return sorted({one["status"] for one in results})


@pytest.fixture(scope="module")
def built(dbt):
    return dbt("build")


def test_a_project_is_built_and_tested(built, dbt):
    assert statuses(built) == ["pass", "success"]
    assert statuses(dbt("test")) == ["pass"]


def test_a_second_build_adds_rows_to_incremental_models(built, dbt, client):
    client.query_and_wait("insert into dbt_shop.orders values (4, 'c', 500, date '2017-01-02')")
    assert statuses(dbt("build", "--exclude", "orders")) == ["pass", "success"]
    for model, expected in {"days": [12.0, 16.0], "by_day": [3.0, 5.0, 8.0, 12.0]}.items():
        rows = client.list_rows(client.get_table(f"dbt_shop.{model}"))
        assert sorted(row.amount for row in rows) == expected


def test_the_documentation_knows_each_table_its_columns_and_rows(built, dbt):
    dbt("docs", "generate")
    nodes = json.loads((dbt.target / "catalog.json").read_text())["nodes"]
    assert len(nodes) == 6
    visitors = nodes["model.shop.visitors"]
    assert visitors["metadata"]["comment"] == "One row per visitor."
    assert {one["name"]: one["type"] for one in visitors["columns"].values()} == {
        "visitor_id": "STRING",
        "amount": "FLOAT64",
        "first_ordered_on": "DATE",
        "orders": "INT64",
    }
    assert visitors["columns"]["visitor_id"]["comment"] == "The visitor who ordered."
    assert visitors["stats"]["partitioning_type"]["value"] == "first_ordered_on"
    assert visitors["stats"]["clustering_fields"]["value"] == "visitor_id"
