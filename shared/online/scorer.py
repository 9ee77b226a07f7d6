"""One scorer with two paths: the champion embedded in the function, and the Vertex AI endpoint."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from shared.log import log
from shared.online.endpoint import Endpoint, EndpointError
from shared.online.log_events import EmbeddedStoodIn
from shared.online.snapshot import Champion, Snapshot, Watch
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MAKING = threading.Lock()


class NoScorerError(RuntimeError):
    """Neither path can score now: no model serves yet, or the endpoint fails and nothing stands in for it."""


@dataclass(frozen=True)
class Scored:
    """A visitor's probability, who gave it, and its tenth: 1 is the most likely, None when it is not known."""

    probability: float
    decile: int | None
    version: str
    path: Literal["endpoint", "embedded"]


class OnlineScorer:
    """Scores visitors; kept for the life of the process. Safe for threads.

    Making one reads nothing and starts nothing, so it may be made before a server forks.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._watch = Watch(settings, clock)
        self._endpoint = Endpoint(settings, clock)
        self._asks_endpoint_first = settings.online.order == "endpoint_first"

    def snapshot(self) -> Snapshot:
        """Return what is served now, recommendations included; only the first request of a process waits for it."""
        return self._watch.snapshot()

    def score(self, features: Mapping[str, Any], served: Snapshot | None = None) -> Scored:
        """Return the visitor's score by the snapshot `served`, or by the latest one.

        `features` are the model's by name; each may be None or missing.

        Raises:
            NoScorerError: neither path can score now.
            ValueError: a feature is of a type that the model does not take; names it.
        """
        champion = (served or self.snapshot()).champion
        scorer = champion.scorer if champion else None
        if champion and scorer and not self._asks_endpoint_first:
            return _embedded(champion, scorer.probability(features))
        try:
            return self._ask(champion, features)
        except EndpointError as error:
            if champion and scorer:
                log(EmbeddedStoodIn(str(error)))
                return _embedded(champion, scorer.probability(features))
            what = "the champion has no embedded scorer" if champion else "no champion is known"
            raise NoScorerError(f"{what}, and {error}") from error

    def _ask(self, champion: Champion | None, features: Mapping[str, Any]) -> Scored:
        instance = champion.pointer.instance(features) if champion else features
        answer = self._endpoint.ask(instance)
        # The cut-offs are the champion's: while a canary has a share of the traffic, its answers have no decile.
        is_champions = champion is not None and answer.version == champion.pointer.version
        decile = champion.pointer.decile(answer.probability) if champion and is_champions else None
        return Scored(answer.probability, decile, answer.version, "endpoint")


def _embedded(champion: Champion, probability: float) -> Scored:
    pointer = champion.pointer
    return Scored(probability, pointer.decile(probability), pointer.version, "embedded")


def current() -> OnlineScorer:
    """Return this process's scorer."""
    with _MAKING:
        return _scorer()


def forget() -> None:
    """Have `current` read the settings anew, as in a new process."""
    _scorer.cache_clear()


@cache
def _scorer() -> OnlineScorer:
    return OnlineScorer(Settings.from_environment())
