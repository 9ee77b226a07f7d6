"""The pointer: a document in the bucket that tells online scorers which version is champion.

The pointer is updated after the alias `champion` in Vertex AI's registry has moved.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from shared.calibration import IDENTITY, Calibrator

if TYPE_CHECKING:
    from collections.abc import Mapping

POINTER = "serving/champion.json"


class Pointer(Struct, frozen=True, kw_only=True):
    """The champion, and the data that online scorers need about it."""

    version: str
    run_id: str
    candidate: str
    # Path of the embedded scorer's artefact in the bucket; None if only the endpoint can score.
    scorer: str | None
    # The model's inputs. The value is the mean that replaces a missing number, or None for a category.
    inputs: dict[str, float | None]
    # For p = 1 to 99, the lowest probability among the p % of test visitors with the highest probabilities.
    percentiles: Annotated[list[float], Meta(max_length=99)] = []
    # Calibrators by version, for each version that may answer at the endpoint: champion, former champion and canary.
    calibrators: dict[str, Calibrator] = {}

    def calibrated(self, probability: float, version: str) -> float:
        """Return the calibrated probability for an uncalibrated `probability` that the endpoint returned.

        `version` selects the calibrator. For a version without a calibrator, the probability is returned unchanged.
        """
        return self.calibrators.get(version, IDENTITY).apply(probability)

    def decile(self, probability: float) -> int | None:
        """Return the decile of the test visitors into which the probability falls.

        Decile 1 has the highest probabilities.

        Return None if a release that stored no percentiles deployed the model. In the table `scores`, deciles are
        tenths of the visitors scored that day, so a visitor's decile may differ there.
        """
        if not self.percentiles:
            return None
        return 1 + bisect_left(self.percentiles, -probability, key=lambda lowest: -lowest) // 10

    def instance(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Return the instance to send to the endpoint: the model's inputs only. The mean replaces a missing number."""
        if not self.inputs:
            # A release that stored no inputs deployed the model, so pass all features.
            return dict(features)
        return {name: mean if (value := features.get(name)) is None else value for name, mean in self.inputs.items()}


def read(content: bytes) -> Pointer:
    """Return the pointer from the content of the object at the path POINTER.

    Raises:
        msgspec.MsgspecError: the content is not a pointer; the message names the field.
    """
    return msgspec.json.decode(content, type=Pointer)
