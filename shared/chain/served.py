"""Compare the inputs and scores of served checkouts with what Google Analytics exports later.

The prediction log identifies visitors by pseudonyms, and BigQuery must not get the key of the pseudonyms. Therefore
this module computes the pseudonyms of a sample of visitors, and looks for the computed pseudonyms in the log. The
visitors that are found are passed to BigQuery with their pseudonyms as parameters of a job. The sample is limited,
because everyone who may read all jobs of the project sees these parameters.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.chain import calibration, evaluation, health, training
from shared.chain.documents import EVALUATION
from shared.chain.gate import CHAMPION

if TYPE_CHECKING:
    from datetime import date

    from shared.chain.environment import StepContext
    from shared.chain.health import Finding
    from shared.chain.versions import Version
    from shared.pseudonyms import Pseudonyms

# The split of the run's rows that holds the served checkouts.
SPLIT = "served"
# Maximum number of visitors to compare. The visitors and their pseudonyms must fit in a request of 10 MB.
MOST_VISITORS = 20_000
# A line on the log odds that leaves them unchanged, because the probabilities are evaluated as they were served.
AS_IT_IS = calibration.Coefficients(intercept=0.0, slope=1.0)
# Inputs are compared for the last RECENT_DAYS days. Scores are evaluated for the last RIPE_DAYS days whose outcomes are
# known.
RECENT_DAYS = 7
RIPE_DAYS = 60


def findings(champion: Version | None, pseudonyms: Pseudonyms, context: StepContext) -> list[Finding]:
    """Return the findings about served checkouts; none without a champion."""
    if champion is None:
        return []
    last = context.run.as_of
    compared = _compared(last - timedelta(days=RECENT_DAYS - 1), last, pseudonyms, context)
    return [health.served_features(compared), _performance(champion, last, pseudonyms, context)]


def _compared(first: date, last: date, pseudonyms: Pseudonyms, context: StepContext) -> list[health.Compared]:
    drawn = _drawn(first, last, pseudonyms, context)
    if drawn is None:
        return []
    return [health.Compared(**row) for row in context.warehouse.query("monitoring/served_features", drawn)]


def _performance(champion: Version, as_of: date, pseudonyms: Pseudonyms, context: StepContext) -> Finding:
    last = as_of - timedelta(days=context.settings.label_days)
    drawn = _drawn(last - timedelta(days=RIPE_DAYS - 1), last, pseudonyms, context)
    if drawn is None:
        return health.served_performance(None, None, None, context.settings.gate.calibration_tolerance)
    of = {**training.rows_of_run(context), "candidate": CHAMPION, "version": champion.number}
    label = {"label_days": context.settings.label_days}
    context.warehouse.query("monitoring/served_predictions", {**drawn, **of, **label})
    measured, _ = evaluation.measured(SPLIT, context)
    sums = evaluation.calibration_sums(CHAMPION, SPLIT, AS_IT_IS, context)
    ratio = calibration.observed_over_expected(sums)
    judged = context.runs.read(champion.run_id, EVALUATION)
    promised = judged.calibration.observed_over_expected if judged and judged.calibration else None
    tolerance = context.settings.gate.calibration_tolerance
    return health.served_performance(promised, ratio, measured.get(CHAMPION), tolerance)


def _drawn(first: date, last: date, pseudonyms: Pseudonyms, context: StepContext) -> dict[str, Any] | None:
    """Draw the visitors to compare, and return them with their pseudonyms as query parameters.

    These visitors had a served checkout from day `first` to day `last`. At most MOST_VISITORS are drawn. Return None if
    no visitor had such a checkout.
    """
    days = {"first_day": first, "last_day": last}
    draw = {**days, "most": MOST_VISITORS}
    served = {row["visitor"] for row in context.warehouse.query("monitoring/served_visitors", draw)}
    if not served:
        return None
    rows = context.warehouse.query("monitoring/visitors_with_carts", draw)
    named = {row["visitor_id"]: pseudonyms.of(row["visitor_id"]) for row in rows}
    found = {visitor: pseudonym for visitor, pseudonym in named.items() if pseudonym in served}
    return {**days, "visitors": list(found), "pseudonyms": list(found.values())} if found else None
