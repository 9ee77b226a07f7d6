"""The environment of a backtest: a separate dataset and ledger, in which the chain's code works as in a run.

The dataset holds copies of the shared tables that are used for training, with only the rows that were known on the past
day. The dataset also holds the rows and models of the past days' runs. The ledger is in the bucket's folder
`backtests/`. The backtest only reads production's data.
"""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from google.cloud import bigquery

from shared import jsontext
from shared.chain import run_ids, training
from shared.chain.environment import Environment
from shared.chain.opened_runs import ExportRun
from shared.chain.runs import Runs
from shared.events import DataRefreshed
from shared.store import Store
from shared.warehouse import SQL, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

# The shared tables that are copied, each by one statement. A copy has only the rows that were known on the past day.
KNOWN = sorted(path.stem for path in (SQL / "backtest" / "known").glob("*.sql"))
# Tables of the backtest's dataset that are not copied, but filled by the chain's statements.
_FILLED = ("visitor_features", "training_rows", "evaluation_rows", "scores")
_VIEW = "session_features"
# Besides the owners, BigQuery grants these groups access to each new dataset. A backtest removes their access.
_LET_IN = ("projectReaders", "projectWriters")
# Number of days after which BigQuery deletes the tables of an unfinished backtest.
_EXPIRATION_DAYS = training.OLDEST.days + 1


class Past(Environment):
    """The environment in which the chain's code trains on the data of past days. `name` identifies the backtest."""

    def __init__(self, production: Environment, days: list[date]) -> None:
        settings = production.settings
        # The name depends on the days and settings, so backtests that differ in them use different datasets.
        learning = (settings.label, settings.training, settings.gate, settings.policy, settings.audience)
        planned = jsontext.encode([days, learning], is_sorted=True)
        self.name = hashlib.sha256(planned).hexdigest()[:8]
        super().__init__(msgspec.structs.replace(settings, dataset=_dataset(production, self.name)))
        self._production = production
        self.days = days

    @cached_property
    def runs(self) -> Runs:
        """The backtest's own ledger, in the folder `backtests/NAME` of the bucket."""
        return Runs(self.bucket, f"backtests/{self.name}")

    @property
    def production(self) -> str:
        """Production's dataset, as `project.dataset`."""
        return f"{self.settings.project}.{self._production.settings.dataset}"

    @property
    def dataset(self) -> str:
        """The backtest's dataset, as `project.dataset`."""
        return f"{self.settings.project}.{self.settings.dataset}"

    def run_id(self, day: date) -> str:
        """Return the id of the run that trains on the data known on `day`."""
        return run_ids.of_backtest(day, self.name)

    def begin(self, now: datetime) -> None:
        """Create the dataset and open the days' runs, or continue the runs of an interrupted backtest."""
        found = [self.runs.find(self.run_id(day)) for day in self.days]
        if any(run and now - run.opened_at > training.OLDEST for run in found):
            # BigQuery would delete the rows of such an old run during the backtest. So delete everything and start
            # again.
            self.remove()
        self._make_dataset()
        self._make_tables()
        for day in self.days:
            event = DataRefreshed(self.run_id(day), day, "backtest")
            self.runs.open(ExportRun(opened_at=now, event=event, as_of=day, reason=event.reason, trains=True))

    def remove(self) -> None:
        """Delete the backtest's ledger, and its dataset with all tables and models."""
        remove(self._production, self.name)

    def _make_dataset(self) -> None:
        """Create a dataset with production's encryption key; only its creator and the project's owners may read it."""
        made = bigquery.Dataset(self.dataset)
        made.location = self.settings.location
        made.description = "An unfinished backtest. The command `propensity backtest` deletes it at its end."
        made.default_table_expiration_ms = _EXPIRATION_DAYS * 86_400_000
        if key := self.bigquery.get_dataset(self.production).default_encryption_configuration:
            made.default_encryption_configuration = key
        made = self.bigquery.create_dataset(made, exists_ok=True)
        # BigQuery has granted access to the groups in _LET_IN automatically.
        kept = [entry for entry in made.access_entries if entry.entity_id not in _LET_IN]
        if kept != made.access_entries:
            made.access_entries = kept
            self.bigquery.update_dataset(made, ["access_entries"])

    def _make_tables(self) -> None:
        for name in (*KNOWN, *_FILLED):
            like = self.bigquery.get_table(f"{self.production}.{name}")
            table = bigquery.Table(f"{self.dataset}.{name}", schema=like.schema)
            if like.time_partitioning:
                table.time_partitioning = bigquery.TimePartitioning(field=like.time_partitioning.field)
            table.clustering_fields = like.clustering_fields
            self.bigquery.create_table(table, exists_ok=True)
        view = bigquery.Table(f"{self.dataset}.{_VIEW}")
        view.view_query = Statement(f"tables/{_VIEW}", {}, {"dataset": self.dataset}).text()
        self.bigquery.create_table(view, exists_ok=True)


def left(environment: Environment) -> Iterator[str]:
    """Yield the names of unfinished backtests: those whose datasets or documents still exist."""
    named = re.compile(_dataset(environment, "([0-9a-f]{8})"))
    datasets = (named.fullmatch(one.dataset_id) for one in environment.bigquery.list_datasets())
    pages = environment.bucket.list_blobs(prefix="backtests/", delimiter="/").pages
    folders = {prefix.split("/")[1] for page in pages for prefix in page.prefixes}
    yield from sorted(folders | {found[1] for found in datasets if found})


def remove(environment: Environment, name: str) -> None:
    """Delete the dataset and the documents of the backtest `name`."""
    dataset = f"{environment.settings.project}.{_dataset(environment, name)}"
    environment.bigquery.delete_dataset(dataset, delete_contents=True, not_found_ok=True)
    Store(environment.bucket).remove_all(f"backtests/{name}/")


def _dataset(environment: Environment, name: str) -> str:
    return f"{environment.settings.dataset}_backtest_{name}"
