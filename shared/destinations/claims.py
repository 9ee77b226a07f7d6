"""The document that names a destination's current delivery run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import destination_settings
from shared.chain.guarded import Guarded
from shared.chain.opened_runs import DeliveryRun
from shared.destinations.documents import Current

if TYPE_CHECKING:
    from shared.chain.environment import Environment


def claim(destination: str, environment: Environment) -> Guarded[Current]:
    """Return the document that names the destination's current delivery run."""
    return Guarded(f"destinations/{destination}/current.json", Current, environment)


def is_followed(run_id: str, environment: Environment) -> bool:
    """Return whether the ticks of members-due continue the run.

    They do so if the run is the current delivery run of its destination, and the destination's mode is not `off`. Such
    a run may wait for a platform for a day.
    """
    run = environment.runs.find(run_id)
    if not isinstance(run, DeliveryRun) or run.destination not in destination_settings.switched_on(
        environment.settings
    ):
        return False
    standing, _ = claim(run.destination, environment).read()
    return standing is not None and standing.run_id == run_id
