"""The rule that assigns customers to arms, and the expected shares of the arms.

sql/customers/audience.sql applies this rule in a run. The rule in Python is for tests.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from shared.audience_settings import Campaign

type Arm = Literal["treated", "control", "holdout"]

# This text is hashed in place of a campaign's name, so that the holdout is the same in all campaigns. No campaign has
# this name.
_HOLDOUT = ""


def arm(customer_id: str, campaign: Campaign) -> Arm:
    """Return the arm of a customer who has no assignment yet. A customer with an assignment keeps the assigned arm."""
    if fraction(campaign.salt, _HOLDOUT, customer_id) < campaign.holdout_share:
        return "holdout"
    if fraction(campaign.salt, campaign.name, customer_id) < campaign.control_share:
        return "control"
    return "treated"


def shares(campaign: Campaign) -> dict[Arm, float]:
    """Return the expected share of each arm among customers without an assignment."""
    rest = 1 - campaign.holdout_share
    control = rest * campaign.control_share
    return {"treated": rest - control, "control": control, "holdout": campaign.holdout_share}


def fraction(salt: str, about: str, customer_id: str) -> float:
    """Return a number from 0 to 1 that depends only on the salt, the customer and `about`.

    `about` is the name of a campaign, or _HOLDOUT. A customer's numbers for two values of `about` are independent. The
    number consists of the first 52 bits of a SHA-256 hash, because a float represents every 52-bit integer exactly.
    """
    digest = hashlib.sha256(f"{salt}|{about}|{customer_id}".encode()).hexdigest()
    return int(digest[:13], 16) / 2**52
