"""Record the iterations of a training and decide on early stopping."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

Progress = Callable[[int, float, float | None], None]


@dataclass(frozen=True)
class Iteration:
    """One row of ML.TRAINING_INFO.

    `loss` and `eval_loss` are means of the model type's loss: log loss or squared error. `eval_loss` is None without
    held-out rows. `learning_rate` is None if the method has no learning rate.
    """

    index: int
    loss: float
    eval_loss: float | None
    learning_rate: float | None
    duration_ms: int


@dataclass
class Journal:
    """Collect the iterations and apply EARLY_STOP. `started_at` is the start of the training, ISO 8601 in UTC."""

    early_stop: bool
    min_rel_progress: float
    progress: Progress | None = None
    iterations: list[Iteration] = field(default_factory=list)
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    _last: float = field(default_factory=time.perf_counter)

    def record(self, loss: float, eval_loss: float | None, learning_rate: float | None = None) -> bool:
        """Record an iteration. Return True if training should stop after this iteration.

        Training stops if the loss fell by less than MIN_REL_PROGRESS relative to the previous iteration. The loss is
        measured on the evaluation rows, or on the training rows if there are no evaluation rows.
        """
        now = time.perf_counter()
        index = len(self.iterations)
        self.iterations.append(Iteration(index, loss, eval_loss, learning_rate, round((now - self._last) * 1000)))
        self._last = now
        if self.progress:
            self.progress(index, loss, eval_loss)
        if not self.early_stop or index == 0:
            return False
        before, after = (_watched(iteration) for iteration in self.iterations[-2:])
        return before - after < self.min_rel_progress * before


def _watched(iteration: Iteration) -> float:
    return iteration.loss if iteration.eval_loss is None else iteration.eval_loss
