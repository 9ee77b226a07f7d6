"""The embedded scorer: a model's probabilities in plain Python, from an artefact of our own in its revision.

Built when a model is deployed, from what BigQuery says of every model: ML.WEIGHTS for a logistic regression, the
exported booster and its vocabularies for boosted trees, and the means that stand for missing numbers. Google's
SavedModel is not read. The artefact is kept only if it agrees with ML.PREDICT on the golden rows.
"""

import math
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from shared.exported_booster import Booster

type Features = Mapping[str, Any]

# What the models learn to tell: the column's name in their rows.
LABEL = "will_buy_on_return_visit"

# The largest number that rounds to a float32.
LARGEST_FLOAT32 = math.nextafter(2.0**128 - 2.0**103, 0)


class Scorer(Protocol):
    """Gives a visitor's probability."""

    def probability(self, features: Features) -> float:
        """Return P(buys on a return visit); a feature that is None or not there counts as missing.

        Raises:
            ValueError: a feature that must be a number is none, or not finite; names it.
        """
        ...


class Logistic:
    """Logistic regression on raw values, as ML.WEIGHTS gives it without standardisation."""

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        self._intercept: float = artefact["intercept"]
        self._numbers: list[tuple[str, float, float]] = [
            (name, weight, mean) for name, (weight, mean) in artefact["numbers"].items()
        ]
        self._categories: list[tuple[str, dict[str, float], float]] = [
            (
                name,
                {category: weight for category, weight in weights.items() if category != NULL_CATEGORY},
                weights.get(NULL_CATEGORY, 0.0),
            )
            for name, weights in artefact["categories"].items()
        ]

    def probability(self, features: Features) -> float:
        """Return P; a missing number is its mean, a category that training did not see weighs nothing."""
        log_odds = self._intercept
        try:
            for name, weight, mean in self._numbers:
                value = features.get(name)
                log_odds += weight * (mean if value is None else value)
        except (TypeError, OverflowError):
            log_odds = math.nan
        if not math.isfinite(log_odds):
            _require_numbers([name for name, _, _ in self._numbers], features, sys.float_info.max)
            if math.isnan(log_odds):
                raise ValueError("the features' numbers are too large to be added up")
        for name, weights, of_null in self._categories:
            value = features.get(name)
            log_odds += of_null if value is None else weights.get(str(value), 0.0)
        return _sigmoid(log_odds)


class BoostedTrees:
    """Boosted trees. Numbers are compared as float32, as XGBoost does."""

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        self._base: float = artefact["base_log_odds"]
        self._inputs: list[tuple[str, float | None, dict[str, int]]] = [
            (one["name"], one.get("mean"), one.get("codes", {})) for one in artefact["inputs"]
        ]
        self._float32 = struct.Struct(f"<{len(self._inputs)}f")
        self._trees = [_nested(nodes, 0) for nodes in artefact["trees"]]

    def probability(self, features: Features) -> float:
        """Return P; a missing number is its mean, a missing or unseen category has code 0."""
        row = []
        for name, mean, codes in self._inputs:
            value = features.get(name)
            if mean is not None:
                row.append(mean if value is None else value)
            else:
                row.append(0 if value is None else codes.get(str(value), 0))
        try:
            compared = self._float32.unpack(self._float32.pack(*row))
            is_finite = math.isfinite(sum(compared))
        except (OverflowError, struct.error):
            is_finite = False
        if not is_finite:
            _require_numbers([name for name, mean, _ in self._inputs if mean is not None], features, LARGEST_FLOAT32)
        log_odds = self._base
        for tree in self._trees:
            node = tree
            while isinstance(node, tuple):
                feature, threshold, left, right = node
                node = left if compared[feature] < threshold else right
            log_odds += node
        return _sigmoid(log_odds)


type Node = tuple[int, float, Node, Node] | float


def _nested(nodes: Sequence[Any], at: int) -> Node:
    """Return the tree as (feature, threshold, left, right) within one another: quicker to walk than a list."""
    if not isinstance(nodes[at], (list, tuple)):
        return float(nodes[at])
    feature, threshold, left, right, _ = nodes[at]
    return feature, threshold, _nested(nodes, left), _nested(nodes, right)


def _require_numbers(names: list[str], features: Features, largest: float) -> None:
    """Raise ValueError for the first of these features that is neither a number up to `largest` nor missing."""
    for name in names:
        value = features.get(name)
        if value is not None and not (isinstance(value, (int, float)) and abs(value) <= largest):
            raise ValueError(f"feature {name} must be a number between {-largest:.3g} and {largest:.3g}, or null")


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


def vocabulary(content: bytes) -> list[str]:
    """Return the categories that an exported vocabulary holds, one a line; only a newline ends one."""
    return content.decode().removesuffix("\n").split("\n") if content else []


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
