"""Count how many runs in a row the gate has rejected.

After `monitoring.max_rejections` rejections in a row, monitoring requests no more trainings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.chain.documents import EVALUATION
from shared.chain.opened_runs import ExportRun

if TYPE_CHECKING:
    from shared.chain.runs import Runs

# Maximum number of runs to read, including those that were not evaluated.
MOST_RUNS = 10


def until(run_id: str | None, runs: Runs) -> int:
    """Return how many runs in a row the gate has rejected, counted back from run `run_id`; 0 if `run_id` is None.

    A run that was not evaluated, because it failed or was superseded, is skipped. At most MOST_RUNS runs are read.
    """
    count = 0
    for _ in range(MOST_RUNS):
        evaluation = runs.read(run_id, EVALUATION) if run_id else None
        if run_id is None or (evaluation and evaluation.passes):
            break
        count += evaluation is not None
        run_id = before(run_id, runs)
    return count


def before(run_id: str, runs: Runs) -> str | None:
    """Return the last run before run `run_id` that was opened to train; None if there is none.

    Also return None if run `run_id` was reset, because a reset deletes the run's run.json.
    """
    run = runs.find(run_id)
    return run.after if isinstance(run, ExportRun) else None
