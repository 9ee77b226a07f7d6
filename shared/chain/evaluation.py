"""Evaluate the candidates on the evaluation split, and the winner and the champions on the test split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.calibration import IDENTITY
from shared.chain import calibration, documents, gate, sampling, training
from shared.chain.documents import Calibration, Estimated, Evaluation, HeldAgainst, Measured, Split
from shared.chain.gate import BEST, CHAMPION
from shared.chain.intervals import REPLICATES, Comparisons, Estimate, Sums, interval
from shared.chain.log_events import ChampionUnscored
from shared.chain.versions import Version, model_name
from shared.errors import Permanent, told
from shared.log import log
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared import settings
    from shared.calibration import Calibrator
    from shared.chain.environment import StepContext


def evaluate(trained: list[str], failed: dict[str, str], context: StepContext) -> Evaluation:
    """Choose a winner on the evaluation visitors, and judge the winner on the test visitors.

    No other candidate is measured on the test visitors. `trained` names the candidates. `failed` holds, by candidate,
    the reason why it could not be trained.
    """
    limits = context.settings.gate
    models = {name: model_name(name, context.run_id) for name in trained}
    rows, single_features = context.warehouse.query_all(
        Statement(f"evaluation/{name}", training.rows_of_run(context)) for name in ("splits", "single_features")
    )
    splits = msgspec.convert(rows, list[Split])
    kept = sampling.kept_share(splits)
    for name, model in models.items():
        predict(name, model, "evaluation", IDENTITY.after(sampling.shift(kept)), context)
    candidates, compared = measured("evaluation", context)
    choice = gate.choose([_described(name, model, context) for name, model in models.items()], compared, limits)
    winner = choice.candidate

    fitted = calibration.fit(_points(winner, "evaluation", context), limits.min_positives)
    fitted = sampling.corrected(fitted, kept)
    predict(winner, models[winner], "test", fitted.calibrator, context)
    held = held_against(context)
    champions, unscored = _predict_champions(held, context)
    test, compared = measured("test", context)
    alone = {row["feature"]: row["roc_auc"] for row in single_features}
    on = gate.Counts(test[winner].visitors, test[winner].positives) if winner in test else gate.Counts(0, 0)
    verdict = gate.judge(winner, list(champions), on, compared, alone, limits)
    return Evaluation(
        winner=winner,
        choice=choice.reason,
        champion=held.version.number if held.version else None,
        best=_still_best(winner, champions, compared, limits),
        passes=verdict.passes,
        reasons=verdict.reasons,
        candidates=candidates,
        test=test,
        failed=failed | unscored,
        splits=splits,
        single_features=alone,
        calibration=_calibration(winner, fitted, on.buyers, context),
    )


def held_against(context: StepContext) -> HeldAgainst:
    """Return the champions with which the run's winner is compared. Each delivery gets the same champions.

    The first call stores the champions. Otherwise a later delivery might find this run's own winner as the champion.
    """
    if kept := context.runs.read(context.run_id, documents.CHAMPION):
        return kept
    champion = context.registry.champion()
    judged = context.runs.read(champion.run_id, documents.EVALUATION) if champion else None
    found = HeldAgainst(version=champion, best=judged.best if judged else None)
    return context.runs.keep(context.run_id, documents.CHAMPION, found)


def lack_of_buyers(context: StepContext) -> str | None:
    """Return why the training visitors are unusable (all or none of them bought), or None if they are usable."""
    rows = context.warehouse.query("evaluation/splits", training.rows_of_run(context))
    train = next((split for split in msgspec.convert(rows, list[Split]) if split.split == sampling.TRAIN), None)
    visitors, positives = (train.visitors, train.positives) if train else (0, 0)
    if 0 < positives < visitors:
        return None
    return (
        f"{positives} of {visitors} training visitors bought on a return visit, and a model learns "
        "from buyers and others: give it more days of sessions (training.window_days and label.horizon_days), "
        "or another event than label.event if no session has that one"
    )


def predict(candidate: str, model: str, split: str, calibrator: Calibrator, context: StepContext) -> None:
    """Write the model's predictions, calibrated by `calibrator`, for the visitors of one split of the run's rows."""
    # Do not call `predict` in parallel: BigQuery cannot replace rows of one partition in parallel statements.
    of = {**training.rows_of_run(context), "candidate": candidate, "split": split}
    parameters = {**of, **calibrator.parameters}
    context.warehouse.query("evaluation/predictions", parameters, model=model)


def _predict_champions(held: HeldAgainst, context: StepContext) -> tuple[dict[str, Version], dict[str, str]]:
    """Score the test visitors with the champions.

    Return two dicts with CHAMPION and BEST as keys. The first dict holds the versions that made predictions. The second
    dict holds the reasons why the other versions could not make predictions.
    """
    scored, unscored = {}, {}
    for name, version in ((CHAMPION, held.version), (BEST, held.best)):
        if version is None:
            continue
        try:
            predict(name, version.model, "test", context.runs.calibrator(version.run_id), context)
        except Permanent as error:
            # If a champion can no longer make predictions, the winner is not compared with it.
            log(ChampionUnscored(context.run_id, name, str(error)))
            unscored[name] = told(error)
        else:
            scored[name] = version
    return scored, unscored


def measured(split: str, context: StepContext) -> tuple[dict[str, Measured], Comparisons]:
    """Return each model's metrics on the split's visitors, and the comparisons between the models."""
    rows = {**training.rows_of_run(context), "split": split}
    margin = {"margin": context.settings.gate.margin}
    metrics, sums, resampled = context.warehouse.query_all(
        [
            Statement("evaluation/metrics", {**rows, "threshold": context.settings.policy.coupon_from}),
            Statement("evaluation/comparisons", {**rows, **margin}),
            Statement("evaluation/resamples", {**rows, **margin, "replicates": REPLICATES}),
        ]
    )
    compared = Comparisons((Sums(**row) for row in sums), resampled)
    return {row["candidate"]: _model_measured(row, compared) for row in metrics}, compared


def _model_measured(row: dict[str, Any], compared: Comparisons) -> Measured:
    estimates = compared.metrics(row["candidate"])
    roc_auc = estimates.get("roc_auc")
    found = {
        **row,
        **{metric: estimate.value for metric, estimate in estimates.items()},
        "word": gate.word(roc_auc.value if roc_auc else None),
        "intervals": {metric: interval(metric, estimate) for metric, estimate in estimates.items()},
    }
    return msgspec.convert(found, Measured)


def _points(candidate: str, split: str, context: StepContext) -> list[calibration.Point]:
    of = {**training.rows_of_run(context), "candidate": candidate, "split": split, "bins": calibration.BINS}
    return [calibration.Point(**row) for row in context.warehouse.query("evaluation/calibration_points", of)]


def _calibration(winner: str, fitted: calibration.Fitted, buyers: int, context: StepContext) -> Calibration:
    """Return the calibrator in `fitted`, and how well it calibrates the winner's probabilities of the test visitors.

    `buyers` is the number of buyers among the test visitors.
    """
    slope = ratio = None
    if line := calibration.regression(_points(winner, "test", context)):
        sums = calibration_sums(winner, "test", line, context)
        slope, ratio = calibration.slope(sums, line), calibration.observed_over_expected(sums)
    return Calibration(
        calibrator=fitted.calibrator,
        method=fitted.method,
        judgement=calibration.judge(slope, ratio, buyers, context.settings.gate.calibration_tolerance),
        slope=_estimated(slope),
        observed_over_expected=_estimated(ratio),
    )


def calibration_sums(
    candidate: str, split: str, line: calibration.Coefficients, context: StepContext
) -> calibration.Sums:
    """Return the row of sql/evaluation/calibration.sql for a model and a split.

    `line` is a regression of the label on the model's calibrated log odds.
    """
    of = {**training.rows_of_run(context), "candidate": candidate, "split": split, **line._asdict()}
    [row] = context.warehouse.query("evaluation/calibration", of)
    return calibration.Sums(**row)


def _estimated(estimate: Estimate | None) -> Estimated | None:
    return Estimated(estimate.value, estimate.lower, estimate.upper) if estimate else None


def _described(candidate: str, model: str, context: StepContext) -> gate.Model:
    found = context.environment.bigquery.get_model(f"{context.settings.project}.{context.settings.dataset}.{model}")
    return gate.Model(candidate, found.model_type, len(found.feature_columns))


def _still_best(
    winner: str, champions: dict[str, Version], compared: Comparisons, limits: settings.Gate
) -> Version | None:
    """Return the best champion so far; None if no champion could be scored, or if the winner is shown to be better."""
    name = BEST if BEST in champions else CHAMPION
    return None if gate.is_better(winner, name, compared, limits) else champions.get(name)
