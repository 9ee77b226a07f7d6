"""Build the embedded scorer's artefact from a trained model.

A logistic regression's weights come from ML.WEIGHTS. Boosted trees come from the exported booster and its vocabularies.
The artefact also holds the mean of each numeric input, from the training statistics, because the scorer replaces
missing numbers by the means. The exported SavedModel is not read.
"""

from collections.abc import Mapping
from typing import Any

from shared.chain.exported_booster import Booster
from shared.embedded_scorer import BoostedTreesArtefact, LogisticArtefact, TreesInput


def from_weights(weights: list[dict[str, Any]], means: Mapping[str, float | None]) -> LogisticArtefact:
    """Return the artefact of a logistic regression; `weights` are the rows of ML.WEIGHTS.

    Raises:
        ValueError: a numeric input has no mean in the training statistics.
    """
    intercept, numbers, categories = 0.0, {}, {}
    for row in weights:
        name = row["processed_input"]
        if name == "__INTERCEPT__":
            intercept = row["weight"]
        elif row["weight"] is None:
            categories[name] = {one["category"]: one["weight"] for one in row["category_weights"]}
        else:
            mean = means.get(name)
            if mean is None:
                raise ValueError(f"the training statistics have no mean of {name}")
            numbers[name] = (row["weight"], mean)
    return LogisticArtefact(intercept, numbers, categories)


def vocabulary(content: bytes) -> list[str]:
    """Return the categories of an exported vocabulary, one per line. Only a line feed ends a line."""
    return content.decode().removesuffix("\n").split("\n") if content else []


def from_booster(
    booster: Booster, means: Mapping[str, float | None], vocabularies: Mapping[int, list[str]]
) -> BoostedTreesArtefact:
    """Return the artefact of boosted trees. `means` holds all inputs in the order of the booster's columns.

    `vocabularies` holds the categories of each categorical input, by the input's position. The first category has the
    code 1.
    """
    inputs = [
        TreesInput(name, codes={category: code for code, category in enumerate(vocabularies[position], start=1)})
        if position in vocabularies
        else TreesInput(name, mean=mean)
        for position, (name, mean) in enumerate(means.items())
    ]
    return BoostedTreesArtefact(booster.base_log_odds, inputs, booster.trees)
