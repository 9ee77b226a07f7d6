"""The measured effect of the current campaign, stored for the choice of offers (shared/offers.py).

serving/effect.json   written by measure_campaign; shared/offers.py does not read this file yet
"""

from datetime import date

import msgspec
from msgspec import Struct

PATH = "serving/effect.json"


class OnOutcome(Struct, frozen=True):
    """The effect on one outcome per treated customer.

    A number is None if it cannot be estimated. A bound is also None if it is infinite.

    The interval from `lower` to `upper` is always-valid, because the document may be read at any time. `decision` is
    the decision in the table campaign_results. If it is `mismatch`, do not use the numbers.
    """

    decision: str
    effect: float | None
    lower: float | None
    upper: float | None


class MeasuredEffect(Struct, frozen=True):
    """The effect of `campaign` with the orders up to `day`, by outcome: conversion, revenue and profit.

    `share` is the newest share of the control group. Only customers who were assigned with this share are counted.
    """

    day: date
    run_id: str
    campaign: str
    share: float
    outcomes: dict[str, OnOutcome]


def read(content: bytes) -> MeasuredEffect:
    """Return the effect from the content of the object PATH.

    Raises:
        msgspec.MsgspecError: the content is not an effect; the message names the field.
    """
    return msgspec.json.decode(content, type=MeasuredEffect)
