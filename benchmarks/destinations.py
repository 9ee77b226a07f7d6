"""Measure how long it takes to plan a destination's changes, compared with reading the same rows once."""

import datetime as dt

import numpy as np
import pyarrow as pa
from google.cloud import bigquery

from benchmarks import local_bigquery
from benchmarks.measure import Row, in_turns, say, seconds
from cli import declarations, local_cloud
from deskcloud import provisioning
from shared import warehouse
from shared.destinations.delivery import plan_parameters
from shared.destinations.files import FileDestination
from shared.settings import Settings
from shared.warehouse import Statement

DAY = dt.date(2017, 8, 10)
# Share of the members who leave the audience each day. The same number of new members join it.
CHANGED = 0.1
TABLES = ("customers", "audience_customers", "exclusions", "destination_members", "destination_changes")
RUN = {"created_on": DAY, "run_id": "20170810-0a1b2c3d"}
# A query that reads three of the tables that the plan's statement reads. It reads each table once.
READ = """
select
    (select sum(length(concat(customer_id, email, phone))) from customers) as customers,
    (select sum(length(concat(customer_id, offer)) + probability) from audience_customers where day = @day) as audience,
    (select sum(length(concat(customer_id, email, phone, digest))) from destination_members) as members
"""


def measure(is_full: bool) -> list[Row]:
    """Measure the plan for 100,000 members and, if `is_full`, also for 1,000,000 members."""
    return [row for members in (100_000, *(1_000_000,) * is_full) for row in _measure(members)]


def _measure(members: int) -> list[Row]:
    with local_bigquery.started() as client:
        say(f"  loading {members:,} members")
        tables = [one for one in declarations.read().tables if one.name in TABLES]
        url = str(client._connection.API_BASE_URL)  # noqa: SLF001 - where the client asks
        dataset = local_cloud.dataset(client.project, local_bigquery.DATASET, tables)
        provisioning.make_datasets(client.project, (dataset,), url)
        settings = Settings(project=client.project, bucket="bench", dataset=local_bigquery.DATASET)
        tomorrow = DAY + dt.timedelta(1)
        everybody = int(members * (1 + CHANGED))
        local_bigquery.load(client, "customers", customers(everybody))
        local_bigquery.load(client, "audience_customers", audience(range(members), DAY))
        local_bigquery.load(client, "audience_customers", audience(range(everybody - members, everybody), tomorrow))

        def plan(day: dt.date) -> None:
            parameters = plan_parameters(FileDestination, "email", "replace", day)
            statement = Statement("destinations/plan", {**RUN, **parameters}, {"form": FileDestination.form})
            warehouse.query(client, settings, statement)

        def read() -> None:
            config = bigquery.QueryJobConfig(
                query_parameters=[bigquery.ScalarQueryParameter("day", "DATE", tomorrow)],
                default_dataset=f"{client.project}.{local_bigquery.DATASET}",
            )
            client.query_and_wait(READ, job_config=config)

        first = seconds(lambda: plan(DAY))
        local_bigquery.run(
            client,
            "insert into destination_members"
            " (destination, customer_id, is_wanted, state, email, phone, country, digest, run_id, changed_at, is_there)"
            " select destination, customer_id, true, 'confirmed', email, phone, country, digest, run_id,"
            " current_timestamp(), true from destination_changes",
        )
        say("  3 rounds")
        measured, floor = in_turns(lambda: plan(tomorrow), read, 3)
        [row] = client.query_and_wait("select count(*) as changes from destination_changes")
        expected = 2 * (everybody - members)
        if row["changes"] != expected:
            raise AssertionError(f"the plan has {row['changes']} changes instead of {expected}")
    return [
        Row(f"plan of {members:,} new members; floor: reading them once", first, floor=floor),
        Row(
            f"plan of a day's changes of {members:,} members; floor: reading them once", measured, floor=floor, bound=3
        ),
    ]


def customers(count: int) -> pa.Table:
    """Return the rows of the table `customers` for this number of customers."""
    ids = _ids(range(count))
    return pa.table(
        {
            "customer_id": ids,
            "email": [f"{one}@example.com" for one in ids],
            "phone": [f"+3319900{number:07}" for number in range(count)],
            "country": pa.array(["FR"] * count),
            "digest": ids,
        }
    )


def audience(numbers: range, day: dt.date) -> pa.Table:
    """Return the rows of the table `audience_customers`: the customers with these numbers are members on `day`."""
    ids, count = _ids(numbers), len(numbers)
    # A customer has the same score on both days, so the plan changes only customers who join or leave the audience.
    scores = np.random.default_rng(1).random(numbers.stop).round(3)[numbers.start :]
    return pa.table(
        {
            "day": pa.array([day] * count),
            "customer_id": ids,
            "campaign": pa.array(["always_on"] * count),
            "visitor_id": ids,
            "visitors": np.ones(count, np.int64),
            "probability": scores,
            "decile": np.ones(count, np.int64),
            "offer": pa.array(["coupon"] * count),
            "next_products": pa.array([["mug", "pen"]] * count),
            "orders": np.zeros(count, np.int64),
            "revenue": np.zeros(count),
            "expected_value": scores,
            "arm": pa.array(["treated"] * count),
            "run_id": pa.array([RUN["run_id"]] * count),
        }
    )


def _ids(numbers: range) -> list[str]:
    return [f"C{number:08}" for number in numbers]
