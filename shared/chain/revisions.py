"""Export a model's files and golden rows, and build its scorer artefact from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared import embedded_scorer, jsontext
from shared.chain import exported_booster, scorer_artefact, training
from shared.chain.documents import EVALUATION, SCORER, TRAINING, TrainingStatistics
from shared.chain.log_events import ModelNotEmbeddable, NoScorerArtefact
from shared.chain.versions import model_name
from shared.errors import Permanent
from shared.log import log
from shared.warehouse import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.cloud import bigquery

    from shared.calibration import Calibrator
    from shared.chain.environment import StepContext
    from shared.embedded_scorer import Artefact

# Maximum difference between a scorer's calibrated probability and BigQuery's, for the same row.
TOLERANCE = 1e-6


def inputs(candidate: str, context: StepContext) -> dict[str, float | None]:
    """Return, by input name, the mean of each numeric input, and None for each categorical input.

    The inputs have the order of the model's columns.
    """
    columns = _model(candidate, context).feature_columns
    means = {feature.input: feature.mean for feature in _statistics(context)[candidate].features}
    return {str(column.name): means[str(column.name)] for column in columns}


def _model(candidate: str, context: StepContext) -> bigquery.Model:
    name = f"{context.settings.project}.{context.settings.dataset}.{model_name(candidate, context.run_id)}"
    return context.environment.bigquery.get_model(name)


def _statistics(context: StepContext) -> dict[str, TrainingStatistics]:
    """Return the training statistics of each of the run's models, and write them to the run's folder.

    The statement uses ML.TRAINING_INFO and ML.FEATURE_INFO, which need the right to create models. deploy_model has
    this right and evaluate_models does not, so deploy_model calls this function.
    """
    evaluation = context.runs.require(context.run_id, EVALUATION)
    # Without evaluation visitors, `evaluation.candidates` is empty, although there is a winner. So add the winner.
    names = sorted({*evaluation.candidates, evaluation.winner})
    models = [model_name(name, context.run_id) for name in names]
    found = context.warehouse.query_all(
        Statement("deployment/training_statistics", {}, {"model": model}) for model in models
    )
    statistics = {name: msgspec.convert(row, TrainingStatistics) for name, [row] in zip(names, found, strict=True)}
    context.runs.write(context.run_id, TRAINING, statistics)
    return statistics


def export(
    candidate: str, columns: Iterable[str], calibrator: Calibrator, context: StepContext
) -> list[dict[str, Any]]:
    """Export the model's files to the run's folder and return its golden rows.

    A golden row holds the model's inputs (`columns`), and BigQuery's calibrated probability as `expected_probability`.
    """
    model = model_name(candidate, context.run_id)
    files = {"model": model, "folder": context.runs.uri(context.run_id, "model/")}
    golden_rows = {"rows": context.settings.serving.golden_rows, **calibrator.parameters}
    rows = {**training.rows_of_run(context), **golden_rows}
    _, golden = context.warehouse.query_all(
        [
            Statement("deployment/export_model", {}, files),
            Statement("deployment/golden_rows", rows, {"model": model}),
        ]
    )
    return [{column: row[column] for column in (*columns, "expected_probability")} for row in golden]


def percentiles(candidate: str, context: StepContext) -> list[float]:
    """Return the lowest probability among the p % of test visitors with the highest probabilities, for p = 1 to 99."""
    rows = context.warehouse.query("deployment/percentiles", {**training.rows_of_run(context), "candidate": candidate})
    return [row["probability"] for row in rows]


def keep_scorer(
    candidate: str,
    means: dict[str, float | None],
    calibrator: Calibrator,
    golden: list[dict[str, Any]],
    expected: list[float],
    context: StepContext,
) -> None:
    """Build the scorer artefact, and store it if it agrees with BigQuery (`expected`) on the golden rows.

    Otherwise log the reason. The model is deployed anyway, because the endpoint does not need the artefact.
    """
    kind = _model(candidate, context).model_type
    if kind not in _ARTEFACTS:
        log(ModelNotEmbeddable(context.run_id, candidate, kind, list(_ARTEFACTS)))
        return
    try:
        raw = _ARTEFACTS[kind](candidate, means, context)
        artefact = msgspec.structs.replace(raw, calibrator=calibrator)
        # Test the artefact as the checkout gets it: encode it, then decode it.
        scorer = embedded_scorer.load(embedded_scorer.read(jsontext.encode(artefact)))
        difference = largest_difference(expected, [scorer.probability(row) for row in golden])
    except ValueError as error:
        log(NoScorerArtefact(context.run_id, f"the export has an unexpected content: {error!r}"))
        return
    if difference > TOLERANCE:
        log(NoScorerArtefact(context.run_id, f"it differs from ML.PREDICT by {difference:.2g}"))
        return
    context.runs.write(context.run_id, SCORER, artefact)


def largest_difference(expected: list[float], answered: list[float]) -> float:
    """Return the largest absolute difference between the probabilities of two scorers on the same rows.

    Raises:
        Permanent: there are no rows to compare.
    """
    if not expected:
        raise Permanent("there are no golden rows: the run has no test visitors")
    return max(abs(one - other) for one, other in zip(expected, answered, strict=True))


def _of_regression(candidate: str, means: dict[str, float | None], context: StepContext) -> Artefact:
    model = model_name(candidate, context.run_id)
    return scorer_artefact.from_weights(context.warehouse.query("deployment/weights", model=model), means)


def _of_trees(_: str, means: dict[str, float | None], context: StepContext) -> Artefact:
    # The vocabulary of a categorical input is in the file that is named for the input's position.
    vocabularies = {
        position: scorer_artefact.vocabulary(content)
        for position in range(len(means))
        if (content := context.runs.content(context.run_id, f"model/assets/{position}.txt")) is not None
    }
    exported = context.runs.content(context.run_id, "model/model.bst")
    return scorer_artefact.from_booster(exported_booster.read(exported or b""), means, vocabularies)


# The function that builds the artefact, by BigQuery's model type. The name of a candidate does not show this type.
_ARTEFACTS: dict[str, Callable[[str, dict[str, float | None], StepContext], Artefact]] = {
    "LOGISTIC_REGRESSION": _of_regression,
    "BOOSTED_TREE_CLASSIFIER": _of_trees,
}
