"""A version of the registered model, and what it is called in BigQuery."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MODEL = re.compile(r"\w+_([0-9]{8})_([0-9a-f]{8})")


@dataclass(frozen=True)
class Version:
    """A version of the registered model; `model` is its name in BigQuery."""

    number: str
    run_id: str
    candidate: str

    @property
    def model(self) -> str:
        """The model's name in BigQuery."""
        return model_name(self.candidate, self.run_id)


def model_name(candidate: str, run_id: str) -> str:
    """Return the name of the run's own model in BigQuery, so that a former one stays for a rollback."""
    return f"{candidate}_{run_id.replace('-', '_')}"


def run_of_model(name: str) -> str | None:
    """Return the run whose model in BigQuery has this name; None where it is no run's."""
    found = _MODEL.fullmatch(name)
    return found and f"{found[1]}-{found[2]}"
