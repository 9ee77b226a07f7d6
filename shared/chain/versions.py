"""A version of the registered model, and its name in BigQuery."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MODEL = re.compile(r"\w+_([0-9]{8})_([0-9a-f]{8})")


@dataclass(frozen=True)
class Version:
    """A version of the registered model, with the run and the candidate that made it."""

    number: str
    run_id: str
    candidate: str

    @property
    def model(self) -> str:
        """The model's name in BigQuery."""
        return model_name(self.candidate, self.run_id)


def model_name(candidate: str, run_id: str) -> str:
    """Return the name of a run's model in BigQuery.

    Each run's models have their own names, so the models of earlier runs remain available for a rollback.
    """
    return f"{candidate}_{run_id.replace('-', '_')}"


def run_of_model(name: str) -> str | None:
    """Return the id of the run that made the BigQuery model of this name, or None if no run made it."""
    found = _MODEL.fullmatch(name)
    return found and f"{found[1]}-{found[2]}"
