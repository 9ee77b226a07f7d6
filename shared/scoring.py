"""The embedded scorer: a model's probabilities in plain Python, from an artefact of our own in its revision.

Built when a model is deployed, from what BigQuery says of every model: ML.WEIGHTS for a logistic regression, the
exported booster and its vocabularies for boosted trees, and the means that stand for missing numbers. Google's
SavedModel is not read. The artefact is kept only if it agrees with ML.PREDICT on the golden rows.
"""

import math
import struct
from collections.abc import Mapping
from typing import Any, Protocol

from shared.booster import Booster

type Features = Mapping[str, Any]

# What the models learn to tell: the column's name in their rows.
LABEL = "will_buy_on_return_visit"

FLOAT32 = struct.Struct("<f")


class Scorer(Protocol):
    """Gives a visitor's probability."""

    def probability(self, features: Features) -> float:
        """Return P(buys on a return visit); a feature that is None or not there counts as missing."""
        ...


class Logistic:
    """Logistic regression on raw values, as ML.WEIGHTS gives it without standardisation."""

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        self._intercept: float = artefact["intercept"]
        self._numbers: dict[str, tuple[float, float]] = artefact["numbers"]
        self._categories: dict[str, dict[str, float]] = artefact["categories"]

    def probability(self, features: Features) -> float:
        """Return P; a missing number is its mean, a category that training did not see weighs nothing."""
        log_odds = self._intercept
        for name, (weight, mean) in self._numbers.items():
            value = features.get(name)
            log_odds += weight * (mean if value is None else value)
        for name, weights in self._categories.items():
            value = features.get(name)
            log_odds += weights.get(NULL_CATEGORY if value is None else str(value), 0.0)
        return _sigmoid(log_odds)


class BoostedTrees:
    """Boosted trees. Numbers are compared as float32, as XGBoost does."""

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        self._base: float = artefact["base_log_odds"]
        self._inputs: list[tuple[str, float | None, dict[str, int]]] = [
            (one["name"], one.get("mean"), one.get("codes", {})) for one in artefact["inputs"]
        ]
        self._trees: list[list[Any]] = artefact["trees"]

    def probability(self, features: Features) -> float:
        """Return P; a missing number is its mean, a missing or unseen category has code 0."""
        row = [self._number(features.get(name), mean, codes) for name, mean, codes in self._inputs]
        log_odds = self._base
        for tree in self._trees:
            node = tree[0]
            while isinstance(node, (list, tuple)):
                feature, threshold, left, right, _ = node
                node = tree[left if row[feature] < threshold else right]
            log_odds += node
        return _sigmoid(log_odds)

    @staticmethod
    def _number(value: Any, mean: float | None, codes: Mapping[str, int]) -> float:
        if mean is None:
            return float(codes.get(str(value), 0)) if value is not None else 0.0
        return float(FLOAT32.unpack(FLOAT32.pack(mean if value is None else value))[0])


# How ML.WEIGHTS names the category that stands for NULL.
NULL_CATEGORY = "_null_filler"


def load(artefact: Mapping[str, Any]) -> Scorer:
    """Return the scorer of an artefact.

    Raises:
        ValueError: the artefact is of a kind that this version does not know.
    """
    kinds: dict[str, type[Logistic | BoostedTrees]] = {"logistic": Logistic, "boosted_trees": BoostedTrees}
    if artefact["kind"] not in kinds:
        raise ValueError(f"scorer artefact of kind {artefact['kind']!r}; known are {', '.join(kinds)}")
    return kinds[artefact["kind"]](artefact)


def from_weights(weights: list[dict[str, Any]], means: Mapping[str, float | None]) -> dict[str, Any]:
    """Return the artefact of a logistic regression; `weights` are the rows of ML.WEIGHTS."""
    artefact: dict[str, Any] = {"kind": "logistic", "intercept": 0.0, "numbers": {}, "categories": {}}
    for row in weights:
        name = row["processed_input"]
        if name == "__INTERCEPT__":
            artefact["intercept"] = row["weight"]
        elif row["weight"] is not None:
            artefact["numbers"][name] = (row["weight"], means[name])
        else:
            categories = {one["category"]: one["weight"] for one in row["category_weights"]}
            artefact["categories"][name] = categories
    return artefact


def from_booster(
    booster: Booster, means: Mapping[str, float | None], vocabularies: Mapping[int, list[str]]
) -> dict[str, Any]:
    """Return the artefact of boosted trees; `means` holds all inputs in the order of the booster's columns.

    An input at a vocabulary's position is a category, coded from 1.
    """
    described = [
        {"name": name, "codes": {category: code for code, category in enumerate(vocabularies[position], start=1)}}
        if position in vocabularies
        else {"name": name, "mean": means[name]}
        for position, name in enumerate(means)
    ]
    return {
        "kind": "boosted_trees",
        "base_log_odds": booster.base_log_odds,
        "inputs": described,
        "trees": booster.trees,
    }


def _sigmoid(log_odds: float) -> float:
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)
