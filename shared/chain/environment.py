"""The services of a step: Google's clients, the ledger and the registry, and the context of one delivery."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from shared.chain.runs import Runs
from shared.clients import Clients
from shared.errors import Malformed
from shared.settings import Settings

# Modules are imported at their first use, so that a cold start loads only the modules that the function needs.
if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.opened_runs import OpenedRun
    from shared.chain.registry import Registry
    from shared.chain.runs import Life
    from shared.deadline import Deadline
    from shared.warehouse import Warehouse


class Environment(Clients):
    """Google's clients, the ledger in the bucket and the model registry."""

    @cached_property
    def runs(self) -> Runs:
        """The ledger: the runs' documents in the bucket."""
        return Runs(self.bucket)

    @cached_property
    def registry(self) -> Registry:
        """The registered model's versions and the endpoint."""
        from shared.chain.registry import Registry

        return Registry(self.settings, self.bigquery)


@cache
def environment() -> Environment:
    """Return the environment of this process, from the settings in its environment variables."""
    return Environment(Settings.from_environment())


@dataclass(frozen=True)
class StepContext:
    """The context of one step of one run during one delivery: run, time, deadline and services."""

    environment: Environment
    run_id: str
    step: str
    now: datetime
    deadline: Deadline

    @property
    def settings(self) -> Settings:
        """The environment's settings."""
        return self.environment.settings

    @property
    def runs(self) -> Runs:
        """The ledger: the runs' documents in the bucket."""
        return self.environment.runs

    @property
    def registry(self) -> Registry:
        """The registered model's versions and the endpoint."""
        return self.environment.registry

    @property
    def run(self) -> OpenedRun:
        """The document that opened the run, run.json."""
        return self._life.run

    def run_as[R: OpenedRun](self, kind: type[R]) -> R:
        """Return the document that opened the run, run.json, which must be a `kind`.

        Raises:
            Malformed: the run is not a `kind`.
        """
        if not isinstance(self.run, kind):
            raise Malformed(
                f"run {self.run_id} is a {type(self.run).__name__}, and {self.step} needs a {kind.__name__}"
            )
        return self.run

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse. The ids of its jobs contain the names of this run and step."""
        from shared.warehouse import Warehouse

        environment = self.environment
        incarnation = self._life.incarnation
        return Warehouse(environment.bigquery, self.settings, self.run_id, self.step, incarnation, self.deadline)

    @cached_property
    def _life(self) -> Life:
        return self.runs.opened(self.run_id)
