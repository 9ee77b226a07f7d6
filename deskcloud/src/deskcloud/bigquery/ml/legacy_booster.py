"""Write XGBoost's binary model format of version 0.82. BigQuery exports this format; XGBoost 3 cannot write it.

All fields are little-endian, without padding. Their order is:

    learner     float32 base_score (versions before 1.0 store the transformed value: log odds for binary:logistic)
                uint32 num_feature; int32 num_class, contain_extra_attrs, contain_eval_metrics; 29 x int32 reserved
    objective   uint64 length, bytes
    booster     uint64 length, bytes: gbtree
    model       int32 num_trees, num_roots, num_feature, padding; int64 padding
                int32 num_output_group, size_leaf_vector; 32 x int32 reserved
    each tree   int32 num_roots, num_nodes, num_deleted, max_depth, num_feature, size_leaf_vector; 31 x int32 reserved
                num_nodes x node:  int32 parent (top bit: the node is a left child; -1: the root), left, right
                                   uint32 split feature (top bit: missing goes left; all bits: deleted)
                                   float32 split value (smaller values go left), or the value of a leaf
                num_nodes x stats: float32 loss change, sum of hessians, weight; int32 number of leaf children
    groups      num_trees x int32: the output to which each tree adds its value

The leaves are multiplied by DART's tree weights, so a reader does not need these weights.
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import xgboost as xgb

_NODE = np.dtype([("parent", "<i4"), ("left", "<i4"), ("right", "<i4"), ("feature", "<u4"), ("value", "<f4")])
_STATS = np.dtype([("loss", "<f4"), ("hessians", "<f4"), ("weight", "<f4"), ("leaf_children", "<i4")])

_OBJECTIVES = {"reg:squarederror": "reg:linear"}
"""Maps the current names of objectives to their names in version 0.82, if they differ."""

_TOP_BIT = np.uint32(1 << 31)
_DELETED = np.uint32(0xFFFFFFFF)
_ROOT_PARENT = np.uint32(0xFFFFFFFF)


def dumps(booster: xgb.Booster) -> bytes:
    """Return a booster in the legacy format. In both formats, its predictions are the same up to float32 rounding.

    The booster must belong to a binary classifier or to a regressor.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    model = learner["gradient_booster"]["model"]
    trees = model["trees"]
    num_feature = int(learner["learner_model_param"]["num_feature"])
    tree_weights = model.get("weight_drop", [1.0] * len(trees))
    parts = [
        struct.pack("<fIiii29i", _base_margin(learner), num_feature, 0, 0, 0, *[0] * 29),
        _text(_OBJECTIVES.get(learner["objective"]["name"], learner["objective"]["name"])),
        _text("gbtree"),
        struct.pack("<4iq2i32i", len(trees), 1, num_feature, 0, 0, 1, 0, *[0] * 32),
        *(_tree(tree, num_feature, weight) for tree, weight in zip(trees, tree_weights, strict=True)),
        np.zeros(len(trees), "<i4").tobytes(),
    ]
    return b"".join(parts)


def _base_margin(learner: dict[str, Any]) -> float:
    # XGBoost 3 writes a list in brackets, with one number per target.
    base_score = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
    return math.log(base_score / (1 - base_score)) if learner["objective"]["name"] == "binary:logistic" else base_score


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _tree(tree: dict[str, Any], num_feature: int, weight: float) -> bytes:
    left = np.array(tree["left_children"], "<i4")
    right = np.array(tree["right_children"], "<i4")
    depth = _depths(left, right)
    deleted = depth < 0
    nodes = np.zeros(len(left), _NODE)
    nodes["left"], nodes["right"] = left, right
    nodes["parent"] = _parents(left, right).view("<i4")
    nodes["feature"] = np.array(tree["split_indices"], "<u4") | np.where(tree["default_left"], _TOP_BIT, 0)
    nodes["feature"][deleted] = _DELETED
    nodes["value"] = np.array(tree["split_conditions"], "<f4") * np.where(left < 0, weight, 1).astype("<f4")
    stats = np.zeros(len(left), _STATS)
    stats["loss"] = tree["loss_changes"]
    stats["hessians"] = tree["sum_hessian"]
    stats["weight"] = tree["base_weights"]
    head = (1, len(left), int(deleted.sum()), int(depth.max()), num_feature, 0)
    return struct.pack("<6i31i", *head, *[0] * 31) + nodes.tobytes() + stats.tobytes()


def _parents(left: npt.NDArray[np.int32], right: npt.NDArray[np.int32]) -> npt.NDArray[np.uint32]:
    parents = np.full(len(left), _ROOT_PARENT, "<u4")
    inner = np.flatnonzero(left >= 0).astype("<u4")
    parents[left[inner]] = inner | _TOP_BIT
    parents[right[inner]] = inner
    return parents


def _depths(left: npt.NDArray[np.int32], right: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the depth of each node, or -1 for a node that pruning has removed."""
    depths = np.full(len(left), -1, np.int32)
    level, depth = np.zeros(1, np.int32), 0
    while len(level):
        depths[level] = depth
        inner = level[left[level] >= 0]
        level, depth = np.concatenate([left[inner], right[inner]]), depth + 1
    return depths
