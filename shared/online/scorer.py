"""Score visitors online in one of two ways: by the scorer embedded in the function, or by the Vertex AI endpoint."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from shared.log import log
from shared.online.endpoint import Endpoint, EndpointError
from shared.online.log_events import EmbeddedStoodIn
from shared.online.snapshot import Champion, Snapshot, Watch
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.champion import Pointer

_MAKING = threading.Lock()


class NoScorerError(RuntimeError):
    """Neither scorer can score now: there is no champion yet, or the endpoint failed and there is no embedded scorer.

    `version` is the champion's number, or empty if no champion is known.
    """

    def __init__(self, reason: str, version: str) -> None:
        super().__init__(reason)
        self.version = version


@dataclass(frozen=True)
class Scored:
    """A visitor's calibrated probability, its decile (1 is the highest, None if unknown), and the scorer used.

    `version` is the model version, and `path` names the scorer. `percentiles` are those of the champion's pointer. They
    are empty if the pointer has none, or if `version` is not the champion.
    """

    probability: float
    decile: int | None
    version: str
    path: Literal["endpoint", "embedded"]
    percentiles: Sequence[float] = field(default=(), compare=False)


class OnlineScorer:
    """Scores visitors. Each process has one OnlineScorer for its lifetime. Thread-safe.

    The constructor opens no connection and starts no thread, so it may be called before a server forks.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._watch = Watch(settings, clock)
        self._endpoint = Endpoint(settings, clock)
        self._asks_endpoint_first = settings.online.order == "endpoint_first"

    def snapshot(self) -> Snapshot:
        """Return the current snapshot. Only the first requests of a process wait for the bucket."""
        return self._watch.snapshot()

    def score(self, features: Mapping[str, Any], served: Snapshot | None = None) -> Scored:
        """Return the visitor's score. If the endpoint answers, a canary or the former champion may have computed it.

        The champion comes from the snapshot `served`, by default from the current snapshot. `features` are the model's
        inputs by name; each may be None or absent.

        Raises:
            NoScorerError: neither the embedded scorer nor the endpoint can score now.
            ValueError: a feature's type does not fit the model; the message names the feature.
        """
        champion = (served or self.snapshot()).champion
        scorer = champion.scorer if champion else None
        if champion and scorer and not self._asks_endpoint_first:
            return _scored(champion.pointer, scorer.probability(features), "embedded")
        try:
            return self._ask(champion, features)
        except EndpointError as error:
            if champion and scorer:
                log(EmbeddedStoodIn(str(error)))
                return _scored(champion.pointer, scorer.probability(features), "embedded")
            what = "the champion has no embedded scorer" if champion else "no champion is known"
            raise NoScorerError(f"{what}, and {error}", champion.pointer.version if champion else "") from error

    def _ask(self, champion: Champion | None, features: Mapping[str, Any]) -> Scored:
        instance = champion.pointer.instance(features) if champion else features
        answer = self._endpoint.ask(instance)
        if champion is None:
            return Scored(answer.probability, None, answer.version, "endpoint")
        probability = champion.pointer.calibrated(answer.probability, answer.version)
        # The pointer's percentiles belong to the champion, so the answer of another version has no decile.
        if answer.version != champion.pointer.version:
            return Scored(probability, None, answer.version, "endpoint")
        return _scored(champion.pointer, probability, "endpoint")


def _scored(pointer: Pointer, probability: float, path: Literal["endpoint", "embedded"]) -> Scored:
    return Scored(probability, pointer.decile(probability), pointer.version, path, pointer.percentiles)


def current() -> OnlineScorer:
    """Return this process's scorer; the first call creates it from the settings in the environment."""
    with _MAKING:
        return _scorer()


def forget() -> None:
    """Discard this process's scorer, so that `current` reads the settings again."""
    _scorer.cache_clear()


@cache
def _scorer() -> OnlineScorer:
    return OnlineScorer(Settings.from_environment())
