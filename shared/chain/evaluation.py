"""What the candidates and the champion are worth on the same test visitors."""

import msgspec

from shared.chain import documents, gate, training
from shared.chain.documents import Evaluation, HeldAgainst, Measured, Split
from shared.chain.environment import StepContext
from shared.chain.log_events import ChampionUnscored
from shared.chain.versions import Version, model_name
from shared.errors import Permanent, told
from shared.log import log
from shared.warehouse import Statement

CHAMPION = "champion"


def evaluate(trained: list[str], failed: dict[str, str], context: StepContext) -> Evaluation:
    """Score the test visitors with every model, measure, choose and judge; without any, the verdict says so."""
    rows = training.rows_of_run(context)
    # One after the other: BigQuery lets only one statement at a time replace rows of a partition.
    for name in trained:
        model = model_name(name, context.run_id)
        context.warehouse.query("evaluation/test_predictions", {**rows, "candidate": name}, model=model)
    champion = held_against(context)
    if champion:
        try:
            context.warehouse.query(
                "evaluation/test_predictions", {**rows, "candidate": CHAMPION}, model=champion.model
            )
        except Permanent as error:
            # A champion that can no longer be scored must not keep every challenger out.
            log(ChampionUnscored(context.run_id, str(error)))
            failed = {**failed, CHAMPION: told(error)}
    parameters = {**rows, "threshold": context.settings.policy.coupon_from}
    measured, splits, single_features = context.warehouse.query_all(
        [
            Statement("evaluation/metrics", parameters),
            Statement("evaluation/splits", rows),
            Statement("evaluation/single_features", rows),
        ]
    )
    metrics = {
        row["candidate"]: msgspec.convert({"word": gate.word(row["roc_auc"]), **row}, Measured) for row in measured
    }
    candidates = [_metrics(name, metrics.get(name)) for name in trained]
    winner = gate.choose(candidates)
    former = _metrics(CHAMPION, metrics.get(CHAMPION)) if champion else None
    alone = {row["feature"]: row["roc_auc"] for row in single_features}
    verdict = gate.judge(winner, former, alone, context.settings.gate)
    return Evaluation(
        winner=verdict.candidate,
        champion=champion.number if champion else None,
        passes=verdict.passes,
        reasons=verdict.reasons,
        is_calibrated=verdict.is_calibrated,
        candidates=metrics,
        failed=failed,
        splits=msgspec.convert(splits, list[Split]),
        single_features=alone,
    )


def held_against(context: StepContext) -> Version | None:
    """Return the champion that the run's candidates have to beat, the same for each delivery.

    A delivery that comes late would find a champion that this very run has made.
    """
    champion = context.registry.champion()
    return context.runs.keep(context.run_id, documents.CHAMPION, HeldAgainst(version=champion)).version


def lack_of_buyers(context: StepContext) -> str | None:
    """Return why nothing can be learnt from visitors who all bought or all did not; None when there are both."""
    rows = context.warehouse.query("evaluation/splits", training.rows_of_run(context))
    train = next((split for split in msgspec.convert(rows, list[Split]) if split.split == "train"), None)
    visitors, positives = (train.visitors, train.positives) if train else (0, 0)
    if 0 < positives < visitors:
        return None
    return (
        f"{positives} of {visitors} training visitors bought on a return visit, and a model learns "
        "from buyers and others: give it more days of sessions (training.window_days and label.horizon_days)"
    )


def _metrics(candidate: str, measured: Measured | None) -> gate.Metrics:
    if measured is None:
        return gate.Metrics(candidate, visitors=0, positives=0, roc_auc=None, expected_positives=0.0)
    expected = measured.expected_positives
    return gate.Metrics(candidate, measured.visitors, measured.positives, measured.roc_auc, expected or 0.0)
