"""For each past day, train models with the chain's code, score that day's visitors, and measure the later outcomes."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cli.backtest.past import KNOWN
from cli.backtest.results import JUDGED, Judged
from shared.chain import evaluation, features, scoring, training
from shared.chain.documents import CHAMPION, EVALUATION, HeldAgainst
from shared.chain.environment import StepContext
from shared.chain.versions import Version
from shared.deadline import Deadline
from shared.errors import NotReady

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from google.cloud import bigquery

    from cli.backtest.past import Past
    from shared.chain.documents import Measured

# Number of past days whose candidates are trained at the same time.
AHEAD = 3
# Seconds between two checks whether the trainings of a past day have ended.
PAUSE_SECONDS = 1.0


def judge(past: Past, tell: Callable[[str], object], wait: Callable[[float], object] = time.sleep) -> Iterator[Judged]:
    """Yield each day's result, the oldest first. A winner that the gate approved is the champion of the following days.

    Raises:
        Permanent, GoogleAPICallError: a statement failed. After an error, a new call continues where the failed call
            stopped.
    """
    champion: Version | None = None
    learnt: set[date] = set()
    for number, day in enumerate(past.days):
        judged = past.runs.read(past.run_id(day), JUDGED)
        if judged is None:
            for soon in past.days[number : number + AHEAD]:
                if soon not in learnt:
                    tell(f"{soon}  copying what was known, and training {', '.join(past.settings.training.candidates)}")
                    _until_ready(past, soon, "backtest_learn", lambda context: _learn(past, context))
                    learnt.add(soon)
            judged = _judged(past, day, champion, tell, wait)
            past.runs.write(judged.run_id, JUDGED, judged)
        if judged.passes:
            champion = Version(str(number + 1), judged.run_id, judged.winner)
        yield judged


def _judged(
    past: Past, day: date, champion: Version | None, tell: Callable[[str], object], wait: Callable[[float], object]
) -> Judged:
    run_id = past.run_id(day)
    jobs = _trained(past, day, wait)
    failed = training.failures(jobs)
    trained = [candidate for candidate in jobs if candidate not in failed]
    if not trained:
        lack = _until_ready(past, day, "backtest_judge", evaluation.lack_of_buyers)
        reasons = [lack] if lack else [f"{candidate}: {why}" for candidate, why in failed.items()]
        return Judged(day, run_id, passes=False, reasons=reasons)
    tell(f"{day}  choosing, and judging by the gate")
    best = past.runs.require(champion.run_id, EVALUATION).best if champion else None
    past.runs.keep(run_id, CHAMPION, HeldAgainst(version=champion, best=best))
    report = _until_ready(past, day, "backtest_judge", lambda context: evaluation.evaluate(trained, failed, context))
    past.runs.write(run_id, EVALUATION, report)
    tell(f"{day}  scoring with {report.winner}, and looking at what came")
    winner = Version("winner", run_id, report.winner)
    came = _until_ready(past, day, "backtest_score", lambda context: _outcome(winner, past, context))
    return Judged(
        day,
        run_id,
        report.passes,
        report.reasons,
        report.winner,
        next((split.positives for split in report.splits if split.split == "train"), 0),
        promised=report.test.get(report.winner),
        came=came.get("scored"),
        audience=came.get("audience"),
    )


def _learn(past: Past, context: StepContext) -> None:
    """Copy the data that were known on the run's day, and submit the trainings."""
    day, settings = context.run.as_of, context.settings
    first_touched = day - timedelta(days=settings.training.window_days - 1)
    _copy_known(features.first_read(first_touched, settings), past, context)
    context.warehouse.query("features/visitor_features", features.parameters(first_touched, day, settings))
    training.freeze_rows(context)
    training.submit(settings.training.candidates, 1, context)


def _trained(past: Past, day: date, wait: Callable[[float], object]) -> Mapping[str, bigquery.QueryJob]:
    """Wait until all trainings have ended, and return each candidate's last job.

    Failed trainings are repeated, as in a run.
    """
    attempt = 1
    while True:
        jobs = training.ended(attempt, _context(past, day, "backtest_learn"))
        if jobs is None:
            wait(PAUSE_SECONDS)
        elif again := training.to_repeat(jobs, attempt):
            attempt += 1
            training.submit(again, attempt, _context(past, day, "backtest_learn"))
        else:
            return jobs


def _outcome(winner: Version, past: Past, context: StepContext) -> dict[str, Measured]:
    """Score the run's day with the winner; return its metrics on visitors whose outcome was unknown on that day.

    The result has two keys. `scored` has the metrics on all of these visitors. `audience` has the metrics on those of
    them who are in the highest deciles.
    """
    day, settings = context.run.as_of, context.settings
    _copy_known(scoring.first_active(day, settings), past, context)
    scoring.score(winner, [], context)
    parameters = {
        **training.rows_of_run(context),
        "day": day,
        "from_day": day - timedelta(days=settings.label_days - 1),
        "max_decile": settings.audience.max_decile,
    }
    context.warehouse.query("backtest/outcomes", parameters, dataset=past.production)
    found, _ = evaluation.measured("outcome", context)
    return found


def _copy_known(from_day: date, past: Past, context: StepContext) -> None:
    parameters = {"day": context.run.as_of, "from_day": from_day}
    for name in KNOWN:
        context.warehouse.query(f"backtest/known/{name}", parameters, dataset=past.production)


def _until_ready[T](past: Past, day: date, step: str, work: Callable[[StepContext], T]) -> T:
    """Call `work` until it does not raise NotReady, and return the result. All calls attach to the same jobs."""
    while True:
        with contextlib.suppress(NotReady):
            return work(_context(past, day, step))


def _context(past: Past, day: date, step: str) -> StepContext:
    # Each training job has the label `step`. The log sink publishes the end of a training only if this label is
    # train_models. In a backtest, it is never train_models, so no function reacts to the trainings of a backtest.
    return StepContext(past, past.run_id(day), step, datetime.now(UTC), Deadline(past.settings.wait_seconds))
