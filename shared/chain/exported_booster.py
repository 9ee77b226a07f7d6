"""Read the booster that BigQuery exports: XGBoost's binary format of version 0.82, which XGBoost 3 no longer reads.

All values are little-endian, without padding:

    learner     float32 base score, in log odds; uint32 features; int32 classes, has attributes, has metrics; 29 x int32
    objective   uint64 length, text
    booster     uint64 length, text
    model       int32 trees, 3 x int32, int64, int32 outputs, int32 leaf size, 32 x int32
    each tree   int32 roots, nodes, 4 x int32, 31 x int32
                nodes x: int32 parent, left, right; uint32 feature (top bit: missing goes left); float32 threshold
                (the value of a leaf)
                nodes x: 16 bytes of statistics
"""

import struct
from dataclasses import dataclass

from shared.embedded_scorer import TreeNode

LEARNER = struct.Struct("<fI3i29i")
MODEL = struct.Struct("<i3iq2i32i")
TREE = struct.Struct("<2i4i31i")
NODE = struct.Struct("<3iIf")
LENGTH = struct.Struct("<Q")
STATISTICS_BYTES = 16
MISSING_GOES_LEFT = 1 << 31


class BoosterError(ValueError):
    """The bytes are not a booster in the format that BigQuery exports."""


@dataclass(frozen=True)
class Booster:
    """A binary classifier. A tree is a list of nodes, the root first."""

    base_log_odds: float
    trees: list[list[TreeNode]]


def read(content: bytes) -> Booster:
    """Return the booster.

    Raises:
        BoosterError: the content is truncated, or is of another kind of model.
    """
    try:
        return _read(content.removeprefix(b"binf"))
    except struct.error as error:
        raise BoosterError(f"the exported booster is truncated: {error}") from error


def _read(content: bytes) -> Booster:
    base_log_odds = LEARNER.unpack_from(content)[0]
    objective, position = _text(content, LEARNER.size)
    kind, position = _text(content, position)
    if (objective, kind) != ("binary:logistic", "gbtree"):
        raise BoosterError(f"the exported booster is {objective}/{kind}; only binary:logistic/gbtree is supported")
    tree_count = MODEL.unpack_from(content, position)[0]
    position += MODEL.size
    trees = []
    for _ in range(tree_count):
        node_count = TREE.unpack_from(content, position)[1]
        position += TREE.size
        nodes = [NODE.unpack_from(content, position + number * NODE.size) for number in range(node_count)]
        trees.append([_node(*node) for node in nodes])
        position += node_count * (NODE.size + STATISTICS_BYTES)
    return Booster(base_log_odds, trees)


def _text(content: bytes, position: int) -> tuple[str, int]:
    (length,) = LENGTH.unpack_from(content, position)
    end = position + LENGTH.size + length
    return content[position + LENGTH.size : end].decode("ascii", "replace"), end


def _node(_: int, left: int, right: int, feature: int, value: float) -> TreeNode:
    if left == -1:
        return value
    return feature & ~MISSING_GOES_LEFT, value, left, right, bool(feature & MISSING_GOES_LEFT)
