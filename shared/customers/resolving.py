"""Find the customers of an audience, and the channels through which each customer may be reached."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from shared.chain.audience_documents import RESOLVED, Excluded, Resolved
from shared.chain.opened_runs import CustomersRun
from shared.customers import crm, withholding
from shared.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from shared.chain.environment import StepContext

# Number of rows of crm_customers that are checked at a time.
PAGE = 10_000
# Number of days, up to the audience's day, whose orders and logins are used.
WINDOW_DAYS = 365


def check_customers(context: StepContext) -> bool:
    """Check the rows of crm_customers that are new or have changed, page by page.

    Return False if crm_customers has no rows, and had none before: then the shop has no CRM.

    Raises:
        Permanent: crm_customers has lost too many rows. If the run continued, all destinations would remove the
            customers of the lost rows.
    """
    [sizes] = context.warehouse.query("customers/sizes")
    least = context.settings.campaign.min_rows_share
    if sizes["present"] < least * sizes["known"]:
        raise Permanent(
            f"crm_customers has {sizes['present']} rows, and {sizes['known']} were known: load it again, or allow it "
            f"with campaign.min_rows_share ({least:g}) and replay the run"
        )
    if not sizes["present"] and not sizes["known"]:
        return False
    if sizes["known"]:
        context.warehouse.query("customers/forget_customers")
        context.warehouse.query("customers/forget_refusals")
    for page in _pages(context):
        _write_checked(page, context)
    return True


def _pages(context: StepContext) -> Iterator[list[dict[str, Any]]]:
    for number in itertools.count(1):
        page = context.warehouse.query("customers/unchecked", {"page": number, "most": PAGE})
        if page:
            yield page
        if len(page) < PAGE:
            return


def _write_checked(page: list[dict[str, Any]], context: StepContext) -> None:
    customers: list[tuple[str, crm.Customer]] = []
    refusals: list[tuple[str, str, crm.Refusal]] = []
    for row in page:
        digest, copies, _ = row.pop("digest"), row.pop("copies"), row.pop("rules")
        customer, refused = crm.check(row, copies)
        if customer:
            customers.append((digest, customer))
        refusals += [(digest, (row["customer_id"] or "")[:256], one) for one in refused]
    # Write refusals before customers. A row that is in `customers` or `refused_customers` is not checked again. A valid
    # row may have refused values. If the process wrote the row to `customers` and then died, its refusals would never
    # be written.
    if refusals:
        context.warehouse.query(
            "customers/refused",
            {
                "digests": [digest for digest, _, _ in refusals],
                "ids": [customer_id for _, customer_id, _ in refusals],
                "fields": [one.field for _, _, one in refusals],
                "rules": [one.rule for _, _, one in refusals],
                "refusals": [one.is_row for _, _, one in refusals],
            },
        )
    if customers:
        columns = zip(*(customer for _, customer in customers), strict=True)
        names = ("ids", "emails", "phones", "first_names", "last_names", "countries", "postal_codes", "languages")
        parameters = {name: list(values) for name, values in zip(names, columns, strict=True)}
        context.warehouse.query("customers/checked", {"digests": [digest for digest, _ in customers], **parameters})


def nobody(context: StepContext) -> Resolved:
    """Write and return the result for a shop without a CRM: no customers. Nothing else is read or written."""
    none = Resolved(
        visitors=0, matched=0, conflicts=0, unmatched=0, refused_rows=0, refused_values=0, arms={}, excluded=[]
    )
    context.runs.write(context.run_id, RESOLVED, none)
    return none


def resolve(day: date, context: StepContext) -> Resolved:
    """Write the audience's customers, their arms and their exclusions; return the counts."""
    run, campaign = context.run_as(CustomersRun), context.settings.campaign
    at = {"day": day}
    first_day = day - timedelta(days=WINDOW_DAYS - 1)
    context.warehouse.query("customers/visitors", {**at, "first_day": first_day})
    arms = withholding.arms(context.settings)
    of_run = {**at, "run_id": context.run_id}
    context.warehouse.query("customers/audience", {**of_run, "first_day": first_day, **arms})
    recent = day - timedelta(days=campaign.recent_buyer_days - 1)
    context.warehouse.query("customers/exclusions", {**of_run, "now": run.opened_at, "recent_since": recent})
    shares = {name: arms[name] for name in ("campaign", "control_share", "holdout_share")}
    context.warehouse.query("customers/assignments", {**at, **shares, "assigned_at": run.opened_at})
    withholding.rewrite(context)
    resolved = _counted(day, context)
    context.runs.write(context.run_id, RESOLVED, resolved)
    return resolved


def _counted(day: date, context: StepContext) -> Resolved:
    [matches] = context.warehouse.query("customers/matches", {"day": day})
    arms = {row["arm"]: row["customers"] for row in context.warehouse.query("customers/arms", {"day": day})}
    excluded = msgspec.convert(context.warehouse.query("customers/excluded", {"day": day}), list[Excluded])
    return Resolved(**matches, arms=arms, excluded=excluded)
