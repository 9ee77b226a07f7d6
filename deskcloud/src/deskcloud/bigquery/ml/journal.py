"""What each iteration of a training achieved, and when it achieves too little to go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

Progress = Callable[[int, float, float | None], None]


@dataclass(frozen=True)
class Iteration:
    """One row of ML.TRAINING_INFO.

    Losses are the model type's own, log losses or squared errors, as means; `eval_loss` is None when nothing is held
    out, `learning_rate` where the method has none.
    """

    index: int
    loss: float
    eval_loss: float | None
    learning_rate: float | None
    duration_ms: int


@dataclass
class Journal:
    """Collects the iterations and decides EARLY_STOP. `started_at` is when training began, ISO 8601 in UTC."""

    early_stop: bool
    min_rel_progress: float
    progress: Progress | None = None
    iterations: list[Iteration] = field(default_factory=list)
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    _last: float = field(default_factory=time.perf_counter)

    def record(self, loss: float, eval_loss: float | None, learning_rate: float | None = None) -> bool:
        """Note an iteration; True when training should stop after it.

        That is so when the loss (the evaluation rows' where there are some) fell by less than MIN_REL_PROGRESS of
        what it was.
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
