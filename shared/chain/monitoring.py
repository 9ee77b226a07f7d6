"""Measure the model's health: the ages of data, scores and champion, and the champion's metrics on new visitors."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from shared.chain import answers, current, drift, evaluation, health, promotion, rejections, sampling, training
from shared.chain.documents import EVALUATION, MONITORED, Monitored
from shared.chain.gate import CHAMPION
from shared.chain.opened_runs import MonitoringRun
from shared.errors import Permanent

if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.environment import StepContext
    from shared.chain.health import Finding
    from shared.chain.intervals import Comparisons
    from shared.chain.versions import Version
    from shared.warehouse import Parameters

FORMER = "former_champion"
# The split of all rows that a monitoring run writes to compare models.
SPLIT = "test"
# Drift compares the last WEEK days with the BASE_WEEKS weeks before them.
WEEK = 7
BASE_WEEKS = 4
# Number of days before the newest day in which the newest scores are searched for first.
RECENT_DAYS = 7
EARLIEST = date(1970, 1, 1)


def watched(context: StepContext) -> Monitored:
    """Return the champion, and the former champion if a promotion replaced it. Each delivery gets the same answer.

    After a rollback, the version that was champion before the rollback is left out: it has been rejected already.
    """
    if kept := context.runs.read(context.run_id, MONITORED):
        return kept
    champion = context.registry.champion()
    move = next(iter(promotion.moves(context.environment)[-1:]), None)
    former = None
    if champion and move and move.kind == "promoted" and move.to_version == champion.number:
        former = next((one for one in context.registry.versions() if one.number == move.from_version), None)
    return context.runs.keep(context.run_id, MONITORED, Monitored(champion=champion, former=former))


def findings(of: Monitored, context: StepContext) -> list[Finding]:
    """Return the finding of each check. Without a champion, return only the findings about data, scores and cost."""
    run = context.run_as(MonitoringRun)
    newest = current.newest_day(context.environment)
    found = [
        health.data_age(newest, run.today, context.settings.checks.max_age_days),
        health.scores_age(_scored(newest, context), newest),
        *_cost(context),
    ]
    if of.champion is None:
        return found
    learnt_until = context.runs.opened(of.champion.run_id).run.as_of
    found.append(health.champion_age((run.as_of - learnt_until).days, context.settings.monitoring.max_champion_days))
    worth = _worth(of.champion, of.former, learnt_until, context)
    return [*found, *worth, *_shifts(of.champion, run.as_of, worth, context), _answers(run.opened_at, context)]


def _scored(newest: date | None, context: StepContext) -> date | None:
    """Return the newest day with scores. The query reads all days only if no recent day has scores."""
    recent = [newest - timedelta(days=RECENT_DAYS)] if newest else []
    for first_day in (*recent, EARLIEST):
        [row] = context.warehouse.query("monitoring/newest_scores", {"first_day": first_day})
        scored: date | None = row["day"]
        if scored:
            return scored
    return None


def _cost(context: StepContext) -> list[Finding]:
    """Return the finding about the bytes that BigQuery bills for the last run that was opened to train.

    Return an empty list if no run was opened to train yet.
    """
    last = current.last_training(context.environment)
    if last is None:
        return []
    records = context.runs.records(last.run_id)
    billed = sum(record.bytes_billed for record in records)
    billed += sum(training.billed(last.run_id, context.environment).values())
    return [health.run_cost(last.run_id, billed, context.settings.monitoring.max_run_gib)]


def _answers(now: datetime, context: StepContext) -> Finding:
    """Return the finding about the last day's checkouts."""
    parameters = answers.parameters(now - timedelta(days=1), now, context.settings)
    rows = context.warehouse.query("monitoring/answers", parameters)
    return health.served_answers([answers.Answers(**row) for row in rows])


def _shifts(champion: Version, last: date, worth: list[Finding], context: StepContext) -> list[Finding]:
    """Return the findings about the first visits of the last week: their scores and their features."""
    judged = _drifted(champion, last, context)
    scored = health.score_drift(judged)
    is_felt = any(one.state != "fine" for one in [*worth, scored])
    week = {"first_day": last - timedelta(days=WEEK - 1), "last_day": last}
    skewed = _skewed(champion, week, context)
    visitors = max((one.shift.visitors for one in judged), default=0)
    return [scored, health.drift(judged, is_felt=is_felt), health.skew(skewed, visitors, is_felt=is_felt)]


def _skewed(champion: Version, week: Parameters, context: StepContext) -> list[health.Skew]:
    """Compare the last week's first visits with the champion's training data.

    If the champion learnt from a sample, compare with all visitors of the training days.
    """
    judged = context.runs.read(champion.run_id, EVALUATION)
    splits = judged.splits if judged else []
    if sampling.kept_share(splits) == 1:
        rows = context.warehouse.query("monitoring/skew", week, model=champion.model)
    else:
        train = next(one for one in splits if one.split == sampling.TRAIN)
        learnt = {"learnt_from": train.first_day, "learnt_until": train.last_day}
        rows = context.warehouse.query("monitoring/skew_of_sample", {**week, **learnt})
    return [health.Skew(**row) for row in rows]


def _drifted(champion: Version, last: date, context: StepContext) -> list[drift.Judged]:
    """Compare the features and the score of the last week's first visits with those of the four weeks before."""
    days = [last - timedelta(days=ago) for ago in range(WEEK * (1 + BASE_WEEKS))]
    parameters = {"first_day": days[-1], "last_day": last, "base_days": days[WEEK:], "days": days[:WEEK]}
    rows = context.warehouse.query("monitoring/feature_shift", parameters, model=champion.model)
    return drift.judge(drift.Shift(**row) for row in rows)


def _worth(champion: Version, former: Version | None, learnt_until: date, context: StepContext) -> list[Finding]:
    """Compare champion and former champion on visitors whose outcome was unknown when the champion was trained.

    The visitors are scored today. The features depend only on the first visit, so a model gives the same score today as
    on the day of the first visit.
    """
    first = learnt_until - timedelta(days=context.settings.label_days - 1)
    training.write_rows(first, context.run.as_of, 0.0, 0.0, context)
    _predict(CHAMPION, champion, context)
    compares = former is not None and _is_predicted(former, context)
    measured, compared = evaluation.measured(SPLIT, context)
    judged = context.runs.read(champion.run_id, EVALUATION)
    promised = judged.test.get(judged.winner) if judged else None
    found = [health.performance(promised, measured.get(CHAMPION))]
    return found + (_against_former(compared, context) if compares else [])


def _predict(name: str, version: Version, context: StepContext) -> None:
    evaluation.predict(name, version.model, SPLIT, context.runs.calibrator(version.run_id), context)


def _is_predicted(former: Version, context: StepContext) -> bool:
    try:
        _predict(FORMER, former, context)
    except Permanent:
        # The former champion's model was deleted, so a rollback to it is impossible.
        return False
    return True


def _against_former(compared: Comparisons, context: StepContext) -> list[Finding]:
    limits = context.settings.gate
    loss = compared.loss(limits.metric, CHAMPION, FORMER)
    with_margin = compared.loss(limits.metric, CHAMPION, FORMER, with_margin=True)
    of_former = compared.metric(limits.metric, FORMER)
    if loss is None or with_margin is None or of_former is None or not of_former.value:
        return []
    share = loss.value / of_former.value
    return [health.former_champion(share, limits.margin, is_shown=with_margin.lower > 0)]


def reasons_to_train(found: list[Finding], context: StepContext) -> tuple[list[str], str]:
    """Return the reasons for a training, and the reason that prevents it, which is empty if nothing prevents it."""
    reasons = [f"monitoring: {one.found}" for one in found if one.state == "act"]
    if not reasons:
        return [], ""
    limits = context.settings.monitoring
    last = current.last_training(context.environment)
    if last is None:
        return reasons, ""
    if context.now - last.at < timedelta(days=limits.cool_down_days):
        return reasons, f"the last training was on {last.at:%Y-%m-%d} (monitoring.cool_down_days)"
    rejected = rejections.until(last.run_id, context.runs)
    if rejected >= limits.max_rejections:
        return reasons, f"the gate has rejected the last {rejected} models (monitoring.max_rejections)"
    return reasons, ""
