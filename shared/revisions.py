"""A model's revision: its exported files, and the scorer artefact built of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared import booster, scoring, training
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared.cloud import Cloud

ARTEFACT = "scorer"


def export(candidate: str, cloud: Cloud) -> list[dict[str, Any]]:
    """Write the model's files and scorer into the run's folder and return its golden rows.

    A golden row holds the model's features and, as `expected_probability`, what ML.PREDICT says of them.
    """
    model = training.model_name(candidate, cloud.run_id)
    files = {"model": model, "uri": cloud.ledger.uri(cloud.run_id, "model/")}
    rows = {**training.rows_of_run(cloud), "rows": cloud.settings.serving.golden_rows}
    _, golden, infos = cloud.warehouse.query_all(
        [
            Statement("deployment/export_model", {}, files),
            Statement("deployment/golden_rows", rows, {"model": model}),
            Statement("evaluation/feature_info", {}, {"model": model}),
        ]
    )
    means = {row["input"]: row["mean"] for row in infos if row["mean"] is not None}
    cloud.ledger.write(cloud.run_id, ARTEFACT, _artefact(candidate, model, means, cloud))
    return golden


def _artefact(candidate: str, model: str, means: dict[str, float], cloud: Cloud) -> dict[str, Any]:
    if candidate != "boosted_trees":
        return scoring.from_weights(cloud.warehouse.query("deployment/weights", model=model), means)
    name = f"{cloud.settings.project}.{cloud.settings.dataset}.{model}"
    inputs = [str(column.name) for column in cloud.clients.bigquery.get_model(name).feature_columns]
    # A category's vocabulary is the file of its input's position.
    vocabularies = {
        position: content.decode().splitlines()
        for position in range(len(inputs))
        if (content := cloud.ledger.content(cloud.run_id, f"model/assets/{position}.txt")) is not None
    }
    exported = cloud.ledger.content(cloud.run_id, "model/model.bst")
    return scoring.from_booster(booster.read(exported or b""), inputs, means, vocabularies)
