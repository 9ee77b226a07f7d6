"""The embedded scorer: compute a model's probabilities in plain Python, from an artefact in the run's folder.

The chain builds the artefact when it deploys a model (shared/chain/scorer_artefact.py). The chain stores the artefact
only if the scorer's probabilities agree with ML.PREDICT on the golden rows.
"""

import math
import struct
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from shared.calibration import IDENTITY, Calibrator, sigmoid

type Features = Mapping[str, Any]

# The label's column.
LABEL = "will_buy_on_return_visit"

# The largest float64 that is still finite when it is rounded to float32.
LARGEST_FLOAT32 = math.nextafter(2.0**128 - 2.0**103, 0)

# The name that ML.WEIGHTS gives to the category NULL.
NULL_CATEGORY = "_null_filler"


class LogisticArtefact(
    Struct, frozen=True, tag_field="kind", tag="logistic", forbid_unknown_fields=True, omit_defaults=True
):
    """A logistic regression.

    `numbers` holds (weight, mean) of each numeric input. `categories` holds a weight for each value of each categorical
    input. Older artefacts have no calibrator, so the default of `calibrator` changes nothing.
    """

    intercept: float
    numbers: dict[str, tuple[float, float]]
    categories: dict[str, dict[str, float]]
    calibrator: Calibrator = IDENTITY


class TreesInput(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An input of boosted trees: a number with its `mean`, or a category.

    `mean` is None for a category. `codes` holds a code, from 1, for each value of a category, and is empty for a
    number.
    """

    name: str
    mean: float | None = None
    codes: dict[str, int] = {}


# A branch is (feature, threshold, left, right, is_missing_left). A leaf is a number: its log odds.
type TreeNode = tuple[int, float, int, int, bool] | float


class BoostedTreesArtefact(
    Struct, frozen=True, tag_field="kind", tag="boosted_trees", forbid_unknown_fields=True, omit_defaults=True
):
    """Boosted trees. `inputs` are in the order of the booster's columns; a tree is a list of nodes, the root first."""

    base_log_odds: float
    inputs: list[TreesInput]
    trees: list[list[TreeNode]]
    calibrator: Calibrator = IDENTITY


type Artefact = LogisticArtefact | BoostedTreesArtefact


def read(content: bytes) -> Artefact:
    """Return the artefact from an object's content.

    Raises:
        msgspec.MsgspecError: the content is not an artefact; the message names the field.
    """
    artefact: Artefact = msgspec.json.decode(content, type=Artefact)
    return artefact


class Scorer(Protocol):
    """Computes the probability of a purchase from a visitor's features."""

    def probability(self, features: Features) -> float:
        """Return the calibrated probability of a purchase on a return visit. A feature may be missing: None or absent.

        Raises:
            ValueError: a numeric feature is not a finite number; the message names the feature.
        """
        ...


class Logistic:
    """Logistic regression. By default, ML.WEIGHTS returns weights for raw values, so no input is standardized here."""

    def __init__(self, artefact: LogisticArtefact) -> None:
        self._calibrator, self._intercept = artefact.calibrator, artefact.intercept
        self._numbers = [(name, weight, mean) for name, (weight, mean) in artefact.numbers.items()]
        self._categories = [
            (
                name,
                {category: weight for category, weight in weights.items() if category != NULL_CATEGORY},
                weights.get(NULL_CATEGORY, 0.0),
            )
            for name, weights in artefact.categories.items()
        ]

    def probability(self, features: Features) -> float:
        """Return the probability. A missing number is replaced by its mean; an unseen category has the weight 0.

        Raises:
            ValueError: a numeric feature is not a number, or the numbers are too large to be added up.
        """
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
                raise ValueError("the sum of the numeric features overflows")
        for name, weights, of_null in self._categories:
            value = features.get(name)
            log_odds += of_null if value is None else weights.get(str(value), 0.0)
        return self._calibrator.apply(sigmoid(log_odds))


class BoostedTrees:
    """Boosted trees. Numbers are compared as float32, as XGBoost does."""

    def __init__(self, artefact: BoostedTreesArtefact) -> None:
        self._calibrator, self._base = artefact.calibrator, artefact.base_log_odds
        self._inputs = [(one.name, one.mean, one.codes) for one in artefact.inputs]
        self._float32 = struct.Struct(f"<{len(self._inputs)}f")
        self._trees = [_nested(nodes, 0) for nodes in artefact.trees]

    def probability(self, features: Features) -> float:
        """Return the probability. A missing number is replaced by its mean; a missing or unseen category has code 0.

        Raises:
            ValueError: a numeric feature is not a number, or is out of the range of float32.
        """
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
        return self._calibrator.apply(sigmoid(log_odds))


type Node = tuple[int, float, Node, Node] | float


def _nested(nodes: list[TreeNode], at: int) -> Node:
    """Return the tree as nested tuples (feature, threshold, left, right), which are faster to walk than a list."""
    node = nodes[at]
    if not isinstance(node, tuple):
        return node
    feature, threshold, left, right, _ = node
    return feature, threshold, _nested(nodes, left), _nested(nodes, right)


def _require_numbers(names: list[str], features: Features, largest: float) -> None:
    """Raise ValueError unless each feature in `names` is missing, or is a number from -`largest` to `largest`."""
    for name in names:
        value = features.get(name)
        if value is not None and not (isinstance(value, (int, float)) and abs(value) <= largest):
            raise ValueError(f"feature {name} must be a number between {-largest:.3g} and {largest:.3g}, or null")


def load(artefact: Artefact) -> Scorer:
    """Return the scorer that computes with the artefact."""
    return Logistic(artefact) if isinstance(artefact, LogisticArtefact) else BoostedTrees(artefact)
