"""Measure how long it takes to load a year of small day-tables into the local BigQuery.

Many tables are slow for one reason: each new table changes DuckLake's catalogue, and DuckLake reads the whole catalogue
again after each change.
"""

import datetime as dt
import tempfile
from pathlib import Path

from benchmarks.measure import Row, seconds
from cli import machine
from demo import generator, loading

DAYS, SESSIONS = 366, 6_000
ALLOWED_SECONDS = 60


def measure(_: bool) -> list[Row]:
    """Measure one load of all day-tables into an empty dataset."""
    with tempfile.TemporaryDirectory() as folder:
        files = generator.generate(1, dt.date(2016, 8, 1), DAYS, SESSIONS, Path(folder) / "export")
        document = machine.local_settings({"checks": {"max_age_days": 0}}, [])
        with machine.started(Path(folder) / "state", document, is_held=True) as (_cloud, clients):
            took = seconds(lambda: loading.load(files, clients.bigquery, clients.settings.source.dataset))
    what = f"{DAYS} day-tables, {SESSIONS:,} sessions in total; floor: the minute allowed"
    return [Row(what, took, floor=ALLOWED_SECONDS, bound=1)]
