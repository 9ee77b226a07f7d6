"""A model's revision: its exported files, its golden rows, and the scorer artefact built of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared import embedded_scorer, jsontext
from shared.chain import exported_booster, scorer_artefact, training
from shared.chain.documents import EVALUATION, SCORER, TRAINING, TrainingStatistics
from shared.chain.evaluation import CHAMPION
from shared.chain.log_events import ModelNotEmbeddable, NoScorerArtefact
from shared.chain.versions import model_name
from shared.errors import Permanent
from shared.log import log
from shared.warehouse import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.cloud import bigquery

    from shared.chain.environment import StepContext
    from shared.embedded_scorer import Artefact

# How far another scorer may be from ML.PREDICT on the same rows.
TOLERANCE = 1e-6


def inputs(candidate: str, context: StepContext) -> dict[str, float | None]:
    """Return the model's input columns in the order of its training: a number's mean, None for a category."""
    columns = _model(candidate, context).feature_columns
    means = {feature.input: feature.mean for feature in _statistics(context)[candidate].features}
    return {str(column.name): means[str(column.name)] for column in columns}


def _model(candidate: str, context: StepContext) -> bigquery.Model:
    name = f"{context.settings.project}.{context.settings.dataset}.{model_name(candidate, context.run_id)}"
    return context.environment.bigquery.get_model(name)


def _statistics(context: StepContext) -> dict[str, TrainingStatistics]:
    """Return how the training of each of the run's models went, and keep it on the run.

    It is asked for here because ML.TRAINING_INFO and ML.FEATURE_INFO need the right to create models, which
    evaluate_models does not have.
    """
    evaluation = context.runs.require(context.run_id, EVALUATION)
    names = [name for name in evaluation.candidates if name != CHAMPION]
    models = [model_name(name, context.run_id) for name in names]
    found = context.warehouse.query_all(
        Statement("deployment/training_statistics", {}, {"model": model}) for model in models
    )
    statistics = {name: msgspec.convert(row, TrainingStatistics) for name, [row] in zip(names, found, strict=True)}
    context.runs.write(context.run_id, TRAINING, statistics)
    return statistics


def export(candidate: str, columns: Iterable[str], context: StepContext) -> list[dict[str, Any]]:
    """Write the model's files into the run's folder and return its golden rows.

    A golden row holds exactly the model's inputs, as the endpoint takes them, and what ML.PREDICT says of them as
    `expected_probability`.
    """
    model = model_name(candidate, context.run_id)
    files = {"model": model, "folder": context.runs.uri(context.run_id, "model/")}
    rows = {**training.rows_of_run(context), "rows": context.settings.serving.golden_rows}
    _, golden = context.warehouse.query_all(
        [
            Statement("deployment/export_model", {}, files),
            Statement("deployment/golden_rows", rows, {"model": model}),
        ]
    )
    return [{column: row[column] for column in (*columns, "expected_probability")} for row in golden]


def percentiles(candidate: str, context: StepContext) -> list[float]:
    """Return the lowest probability of the most likely 1, 2, ... 99 percent of the run's test visitors."""
    rows = context.warehouse.query("deployment/percentiles", {**training.rows_of_run(context), "candidate": candidate})
    return [row["probability"] for row in rows]


def keep_scorer(
    candidate: str,
    means: dict[str, float | None],
    golden: list[dict[str, Any]],
    expected: list[float],
    context: StepContext,
) -> None:
    """Keep the scorer artefact if it says what ML.PREDICT says; nothing serves from it that does not.

    The model is deployed without one all the same, and the log says so: the endpoint does not need it.
    """
    kind = _model(candidate, context).model_type
    if kind not in _ARTEFACTS:
        log(ModelNotEmbeddable(context.run_id, candidate, kind, list(_ARTEFACTS)))
        return
    try:
        artefact = _ARTEFACTS[kind](candidate, means, context)
        # As the checkout will read it.
        scorer = embedded_scorer.load(embedded_scorer.read(jsontext.encode(artefact)))
        difference = largest_difference(expected, [scorer.probability(row) for row in golden])
    except ValueError as error:
        log(NoScorerArtefact(context.run_id, f"the export is not as expected: {error!r}"))
        return
    if difference > TOLERANCE:
        log(NoScorerArtefact(context.run_id, f"it differs from ML.PREDICT by {difference:.2g}"))
        return
    context.runs.write(context.run_id, SCORER, artefact)


def largest_difference(expected: list[float], answered: list[float]) -> float:
    """Return how far two scorers are apart at most, on the same rows.

    Raises:
        Permanent: there are no rows, so nothing was compared.
    """
    if not expected:
        raise Permanent("there are no golden rows: the run has no test visitors on which to compare two scorers")
    return max(abs(one - other) for one, other in zip(expected, answered, strict=True))


def _of_regression(candidate: str, means: dict[str, float | None], context: StepContext) -> Artefact:
    model = model_name(candidate, context.run_id)
    return scorer_artefact.from_weights(context.warehouse.query("deployment/weights", model=model), means)


def _of_trees(_: str, means: dict[str, float | None], context: StepContext) -> Artefact:
    # A category's vocabulary is the file of its input's position.
    vocabularies = {
        position: scorer_artefact.vocabulary(content)
        for position in range(len(means))
        if (content := context.runs.content(context.run_id, f"model/assets/{position}.txt")) is not None
    }
    exported = context.runs.content(context.run_id, "model/model.bst")
    return scorer_artefact.from_booster(exported_booster.read(exported or b""), means, vocabularies)


# By the model's type, as BigQuery calls it: a candidate's name says nothing about it.
_ARTEFACTS: dict[str, Callable[[str, dict[str, float | None], StepContext], Artefact]] = {
    "LOGISTIC_REGRESSION": _of_regression,
    "BOOSTED_TREE_CLASSIFIER": _of_trees,
}
