"""Measure the time and memory to deliver a whole audience as files, compared with reading the same rows once."""

import contextlib
import datetime as dt
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import destinations, local_bigquery
from benchmarks.measure import Row, peak_megabytes, say, seconds
from cli import machine
from shared.chain.environment import Environment, StepContext
from shared.chain.opened_runs import DeliveryRun
from shared.deadline import Deadline
from shared.destinations.delivery import DeliveryInRun
from shared.destinations.files import FileDestination
from shared.events import MembersDue

DAY = destinations.DAY
# A file has at most 25,000 customers. So the first audience needs one file, and the others need several.
FEW, MANY, FULL = 25_000, 200_000, 1_000_000
PATIENCE_SECONDS = 3_600


def measure(is_full: bool) -> list[Row]:
    """Deliver an audience in one file, and a larger audience in several; if `is_full`, 1,000,000 members."""
    few, _, _ = _delivered(FEW)
    members = FULL if is_full else MANY
    many, took, floor = _delivered(members)
    return [
        Row(f"delivery of {members:,} members as files; floor: reading them once", took, floor=floor),
        Row(f"memory to deliver {members:,} members; floor: {FEW:,} members", many, "MB", few, 1.2),
    ]


def _delivered(members: int) -> tuple[float, float, float]:
    """Deliver the audience twice, because tracing the memory slows down the delivery.

    Return the peak of the memory that Python allocates, in MB, the seconds without tracing, and the seconds to read the
    audience once.
    """
    with _shop(members) as environment:
        say(f"  delivering {members:,} members")
        took = seconds(lambda: _deliver(members, "20170810-00000001", environment))
        for table in ("destination_members", "destination_changes", "sends"):
            environment.bigquery.query_and_wait(f"truncate table {environment.settings.dataset}.{table}")
        say("  the same, tracing the memory")
        peak = peak_megabytes(lambda: _deliver(members, "20170810-00000002", environment))
        return peak, took, seconds(lambda: _read(members, environment))


@contextlib.contextmanager
def _shop(members: int) -> Iterator[Environment]:
    settings = machine.local_settings({"files": {"mode": "replace"}}, [])
    with (
        tempfile.TemporaryDirectory() as folder,
        machine.started(Path(folder), settings, is_held=True) as (_cloud, environment),
    ):
        say(f"  loading {members:,} members")
        client, dataset = environment.bigquery, f"{environment.settings.project}.{environment.settings.dataset}"
        local_bigquery.load(client, "customers", destinations.customers(members), dataset)
        local_bigquery.load(client, "audience_customers", destinations.audience(range(members), DAY), dataset)
        yield environment


def _deliver(members: int, run_id: str, environment: Environment) -> None:
    now = dt.datetime.now(dt.UTC)
    environment.runs.open(DeliveryRun(now, MembersDue(run_id), DAY, FileDestination.name, "replace"))
    context = StepContext(environment, run_id, "send_to_files", now, Deadline(PATIENCE_SECONDS))
    delivery = DeliveryInRun(FileDestination(environment.settings.files, environment), context).advance()
    if delivery is None or delivery.outcomes != {"confirmed": members}:
        raise AssertionError(f"the delivery of {members:,} members ended with {delivery}")


def _read(members: int, environment: Environment) -> None:
    dataset = environment.settings.dataset
    rows = environment.bigquery.query_and_wait(f"""
        select customer_id, email, phone, country, offer, probability, next_products
        from {dataset}.customers
        inner join {dataset}.audience_customers using (customer_id)
        where day = '{DAY}'
    """)  # noqa: S608 - our own names
    found = sum(1 for _ in rows)
    if found != members:
        raise AssertionError(f"the audience has {found:,} members instead of {members:,}")
