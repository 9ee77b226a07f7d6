"""Decide whether a new champion fails at the checkout, from the rows of sql/monitoring/answers.sql: pure functions."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.chain.intervals import shown_share

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from shared.settings import Settings

# Largest accepted share of checkouts without a score.
MOST_UNANSWERED = 0.01
# Largest accepted share of checkouts for which the first scorer of `online.order` failed and the other scorer answered.
MOST_FAILING = 0.05
# Largest accepted share of checkouts that took longer than `monitoring.slow_ms`.
MOST_SLOW = 0.05
# Minimum number of checkouts for a judgement. With fewer checkouts, the champion stays.
LEAST = 20

_FAULTS = (
    ("got no score", MOST_UNANSWERED, attrgetter("failed")),
    ("were scored by the stand-in", MOST_FAILING, attrgetter("replaced")),
    ("took too long", MOST_SLOW, attrgetter("slow")),
)


class Answers(NamedTuple):
    """A row of sql/monitoring/answers.sql: the numbers of checkouts of one model version, by result.

    version: the number of the model version; "" for failures that name no version
    scored: checkouts with a score
    replaced: scored checkouts for which the first scorer failed and the other scorer computed the score
    slow: scored checkouts that took longer than monitoring.slow_ms
    failed: checkouts without a score
    """

    version: str
    scored: int = 0
    replaced: int = 0
    slow: int = 0
    failed: int = 0

    @property
    def checkouts(self) -> int:
        """The number of all checkouts, with or without a score."""
        return self.scored + self.failed


def parameters(since: datetime, until: datetime, settings: Settings) -> dict[str, Any]:
    """Return the parameters of sql/monitoring/answers.sql for the checkouts from `since` to before `until`."""
    first = settings.online.order.removesuffix("_first")
    return {"since": since, "until": until, "first": first, "slow_ms": settings.monitoring.slow_ms}


def of_version(answers: Iterable[Answers], version: str) -> Answers:
    """Return the row of `version`; a row of zeros if the version has no row."""
    return next((one for one in answers if one.version == version), Answers(version))


def reason_to_return(champion: Answers, former: Answers) -> str | None:
    """Return the fault of `champion` for which the former champion should serve again, or None.

    A fault counts only if its share of the checkouts is shown to exceed the accepted share. A fault that the former
    champion had too does not count, because a rollback would not remove this fault.
    """
    if champion.checkouts < LEAST:
        return None
    for what, most, count in _FAULTS:
        faulty, checkouts = count(champion), champion.checkouts
        if shown_share(faulty, checkouts) > most and count(former) <= most * former.checkouts:
            return f"{faulty} of {checkouts} checkouts with version {champion.version} {what}; {most:.0%} are allowed"
    return None
