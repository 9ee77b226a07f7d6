"""What the candidates and the champion are worth on the same test visitors."""

from dataclasses import asdict, dataclass
from typing import Any

from shared import rules
from shared.chain import training
from shared.chain.registry import Version
from shared.cloud import Cloud
from shared.errors import Permanent, told
from shared.log import log
from shared.log_events import ChampionUnscored
from shared.warehouse import Statement

CHAMPION = "champion"


@dataclass(frozen=True)
class Report:
    """The evaluation of one run; `rows` are sql/evaluation/metrics.sql's, by candidate."""

    rows: dict[str, dict[str, Any]]
    splits: list[dict[str, Any]]
    single_features: dict[str, float | None]
    failed: dict[str, str]
    winner: rules.Metrics
    verdict: rules.Verdict
    champion: str | None

    def to_json(self) -> dict[str, Any]:
        """Return what the run's folder keeps."""
        return {
            "winner": self.verdict.candidate,
            "champion": self.champion,
            "passes": self.verdict.passes,
            "reasons": self.verdict.reasons,
            "is_calibrated": self.verdict.is_calibrated,
            "candidates": {name: {"word": rules.word(row["roc_auc"]), **row} for name, row in self.rows.items()},
            "failed": self.failed,
            "splits": self.splits,
            "single_features": self.single_features,
        }


def evaluate(trained: list[str], failed: dict[str, str], cloud: Cloud) -> Report:
    """Score the test visitors with every model, measure, choose and judge; without any, the verdict says so."""
    rows = training.rows_of_run(cloud)
    # One after the other: BigQuery lets only one statement at a time replace rows of a partition.
    for name in trained:
        model = training.model_name(name, cloud.run_id)
        cloud.warehouse.query("evaluation/test_predictions", {**rows, "candidate": name}, model=model)
    champion = held_against(cloud)
    if champion:
        try:
            cloud.warehouse.query("evaluation/test_predictions", {**rows, "candidate": CHAMPION}, model=champion.model)
        except Permanent as error:
            # A champion that can no longer be scored must not keep every challenger out.
            log(ChampionUnscored(cloud.run_id, str(error)))
            failed = {**failed, CHAMPION: told(error)}
    parameters = {**rows, "threshold": cloud.settings.policy.coupon_from}
    measured, splits, single_features = cloud.warehouse.query_all(
        [
            Statement("evaluation/metrics", parameters),
            Statement("evaluation/splits", rows),
            Statement("evaluation/single_features", rows),
        ]
    )
    metrics = {row["candidate"]: row for row in measured}
    candidates = [_metrics(name, metrics.get(name)) for name in trained]
    winner = rules.choose(candidates)
    former = _metrics(CHAMPION, metrics.get(CHAMPION)) if champion else None
    alone = {row["feature"]: row["roc_auc"] for row in single_features}
    return Report(
        rows=metrics,
        splits=splits,
        single_features=alone,
        failed=failed,
        winner=winner,
        verdict=rules.gate(winner, former, alone, cloud.settings.gate),
        champion=champion.number if champion else None,
    )


def held_against(cloud: Cloud) -> Version | None:
    """Return the champion that the run's candidates have to beat, the same for each delivery.

    A delivery that comes late would find a champion that this very run has made.
    """
    champion = cloud.registry.champion()
    document = {"version": asdict(champion) if champion else None}
    standing = cloud.ledger.keep(cloud.run_id, CHAMPION, document)["version"]
    return Version(**standing) if standing else None


def lack_of_buyers(cloud: Cloud) -> str | None:
    """Return why nothing can be learnt from visitors who all bought or all did not; None when there are both."""
    splits = {row["split"]: row for row in cloud.warehouse.query("evaluation/splits", training.rows_of_run(cloud))}
    rows = splits.get("train", {"visitors": 0, "positives": 0})
    if 0 < rows["positives"] < rows["visitors"]:
        return None
    return (
        f"{rows['positives']} of {rows['visitors']} training visitors bought on a return visit, and a model learns "
        "from buyers and others: give it more days of sessions (training.window_days and label.horizon_days)"
    )


def _metrics(candidate: str, row: dict[str, Any] | None) -> rules.Metrics:
    if row is None:
        return rules.Metrics(candidate, visitors=0, positives=0, roc_auc=None, expected_positives=0.0)
    return rules.Metrics(candidate, row["visitors"], row["positives"], row["roc_auc"], row["expected_positives"])
