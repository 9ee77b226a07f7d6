"""Write serving/withheld.bin: the visitors who get no offer at the checkout because of their customers' arms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared import withheld

if TYPE_CHECKING:
    from shared.chain.environment import StepContext
    from shared.settings import Settings


def arms(settings: Settings) -> dict[str, Any]:
    """Return the query parameters that decide a customer's arm."""
    campaign = settings.campaign
    return {
        "campaign": campaign.name,
        "salt": campaign.salt,
        "control_share": campaign.control_share,
        "holdout_share": campaign.holdout_share,
    }


def rewrite(context: StepContext) -> None:
    """Replace serving/withheld.bin by the list of the visitors who get no offer according to the current arms."""
    rows = context.warehouse.query("customers/withheld", arms(context.settings))
    blob = context.environment.bucket.blob(withheld.PATH)
    blob.upload_from_string(withheld.content(row["hashes"] for row in rows), "application/octet-stream")
