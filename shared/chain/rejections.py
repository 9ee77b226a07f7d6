"""Count rejections in a row: after two of them, training once more on the same data would not help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.chain.documents import EVALUATION, ExportRun

if TYPE_CHECKING:
    from shared.chain.runs import Runs

# Maximum number of former runs to look at.
MOST_RUNS = 9


def before(run_id: str, runs: Runs) -> int:
    """Return how many evaluated runs in a row the gate rejected before this one.

    A run that was not evaluated, because it failed or was superseded, counts neither way.
    """
    count = 0
    for _ in range(MOST_RUNS):
        run = runs.find(run_id)
        if not isinstance(run, ExportRun) or run.after is None:
            break
        run_id = run.after
        evaluation = runs.read(run_id, EVALUATION)
        if evaluation and evaluation.passes:
            break
        count += evaluation is not None
    return count
