"""Keep four objects of the bucket in memory: champion, recommendations, products out of stock, visitors without offers.

Once `online.refresh_seconds` have passed, the next request starts a thread that reads the objects again. The request
does not wait for the thread.

A thread that sleeps between refreshes would not work: a function's instance gets a CPU only while it answers requests.
The thread would be frozen, and its connections would be closed in the meantime. Therefore an idle instance refreshes
nothing, and the first request after a long pause uses the old snapshot.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from shared import champion, embedded_scorer, recommendations
from shared.log import log
from shared.online.log_events import ObjectUnusable
from shared.online.objects import Bucket, ReadError
from shared.online.recommendations import Recommender
from shared.withheld import PATH, Withheld

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.settings import Settings

# Seconds from a failed refresh to the next one, unless `online.refresh_seconds` is shorter.
RETRY_SECONDS = 1.0
# Maximum seconds that the first requests of a process wait for the first snapshot.
FIRST_SECONDS = 5.0


@dataclass(frozen=True)
class Champion:
    """The champion's pointer, and the champion's embedded scorer; None if the champion has no embedded scorer."""

    pointer: champion.Pointer
    scorer: embedded_scorer.Scorer | None


@dataclass(frozen=True)
class Snapshot:
    """All objects that one answer uses. A field has its default until the process has read the field's object."""

    champion: Champion | None = None
    recommender: Recommender | None = None
    out_of_stock: frozenset[str] = frozenset()
    withheld: Withheld = field(default_factory=Withheld)


class Watched[T]:
    """An object of the bucket, and the value last read from it. Until the object exists, the value is `absent`.

    If the object is deleted later and `may_vanish` is True, the value becomes `absent` again. If `may_vanish` is False,
    the deletion is an error, and the value stays.
    """

    def __init__(self, bucket: Bucket, name: str, parse: Callable[[bytes], T], absent: T, *, may_vanish: bool) -> None:
        self._bucket, self._name, self._parse = bucket, name, parse
        self._absent, self._may_vanish = absent, may_vanish
        self._generation = 0
        self._complaint = ""
        self.value = absent

    def look(self) -> bool:
        """Read the object if its generation is new. After an error, keep the old value and return False."""
        try:
            found = self._bucket.read(self._name, self._generation)
            if found is not None:
                content, generation = found
                self.value = self._parse(content)
                self._generation = generation
        except FileNotFoundError as error:
            if not self._may_vanish:
                return self._complain(str(error))
            self.value, self._generation = self._absent, 0
        except ReadError as error:
            return self._complain(str(error))
        except Exception as error:  # noqa: BLE001 - after any error, the old value stays in use
            return self._complain(f"{self._name} cannot be used: {type(error).__name__}: {error}")
        self._complaint = ""
        return True

    def _complain(self, complaint: str) -> bool:
        """Log the complaint, unless the last read ended with the same complaint. Return False."""
        if complaint != self._complaint:
            log(ObjectUnusable(complaint))
            self._complaint = complaint
        return False


class Watch:
    """Refreshes the snapshot. The constructor reads nothing, so it may be called before a server forks."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        bucket = Bucket(settings.bucket)
        self._champion: Watched[Champion | None] = Watched(
            bucket, champion.POINTER, lambda content: _champion(bucket, content), None, may_vanish=False
        )
        self._recommender: Watched[Recommender | None] = Watched(
            bucket,
            recommendations.ARTEFACT,
            lambda content: Recommender(msgspec.json.decode(content, type=recommendations.Artefact)),
            None,
            may_vanish=False,
        )
        self._out_of_stock = Watched(
            bucket,
            recommendations.OUT_OF_STOCK,
            lambda content: recommendations.out_of_stock(msgspec.json.decode(content)),
            frozenset[str](),
            may_vanish=True,
        )
        self._withheld = Watched(bucket, PATH, Withheld, Withheld(), may_vanish=True)
        self._clock, self._pause = clock, settings.online.refresh_seconds
        self._looking = threading.Lock()
        self._has_looked = threading.Event()
        self._due_at = -1.0
        self._snapshot = Snapshot()

    def snapshot(self) -> Snapshot:
        """Return the current snapshot. Only the first requests of a process wait for the bucket."""
        if self._clock() >= self._due_at and self._looking.acquire(blocking=False):
            try:
                threading.Thread(target=self._look, name="watch", daemon=True).start()
            except RuntimeError:
                # No thread can be started now. A later request tries again.
                self._looking.release()
        self._has_looked.wait(FIRST_SECONDS)
        return self._snapshot

    def _look(self) -> None:
        """Read the four objects and replace the snapshot. The caller has acquired the lock; `_look` releases it."""
        try:
            watched = (self._champion, self._recommender, self._out_of_stock, self._withheld)
            went_well = [one.look() for one in watched]
            self._snapshot = Snapshot(
                self._champion.value, self._recommender.value, self._out_of_stock.value, self._withheld.value
            )
            self._due_at = self._clock() + (self._pause if all(went_well) else min(self._pause, RETRY_SECONDS))
        finally:
            self._has_looked.set()
            self._looking.release()


def _champion(bucket: Bucket, content: bytes) -> Champion:
    """Return the champion of the pointer `content`. If the champion has an embedded scorer, load and try it."""
    pointer = champion.read(content)
    if pointer.scorer is None:
        return Champion(pointer, None)
    artefact = bucket.read(pointer.scorer)
    if artefact is None:
        raise FileNotFoundError
    scorer = embedded_scorer.load(embedded_scorer.read(artefact[0]))
    # Score a visitor without features, so that an unusable artefact is found here and not at a checkout.
    scorer.probability({})
    return Champion(pointer, scorer)
