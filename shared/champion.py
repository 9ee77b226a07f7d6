"""The champion as those find it who score online: one pointer in the bucket, which follows the registry's alias."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

POINTER = "serving/champion.json"


class Pointer(Struct, frozen=True, kw_only=True):
    """Which version serves, and what there is of it in the bucket."""

    version: str
    run_id: str
    candidate: str
    # The embedded scorer's artefact; None when the model has none, and only the endpoint can score.
    scorer: str | None
    # The model's inputs: the mean that stands for a missing number, None for a category.
    inputs: dict[str, float | None]
    # The lowest probability of each tenth of the test visitors but the last, falling.
    decile_cutoffs: Annotated[list[float], Meta(max_length=9)]

    def decile(self, probability: float) -> int | None:
        """Return the tenth of the test visitors that the probability falls into, 1 being the most likely.

        None for a model deployed before cut-offs were kept. The deciles of table `scores` are tenths of the visitors of
        its day instead, so a visitor need not be in the same one there.
        """
        if not self.decile_cutoffs:
            return None
        return 1 + bisect_left(self.decile_cutoffs, -probability, key=lambda cutoff: -cutoff)

    def instance(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the endpoint takes: exactly the model's inputs, a missing number being its mean."""
        if not self.inputs:
            # A model deployed before they were kept: whatever is known.
            return dict(features)
        return {name: mean if (value := features.get(name)) is None else value for name, mean in self.inputs.items()}


def read(content: bytes) -> Pointer:
    """Return the pointer that the object holds.

    Raises:
        msgspec.MsgspecError: it holds something else; says where.
    """
    return msgspec.json.decode(content, type=Pointer)
