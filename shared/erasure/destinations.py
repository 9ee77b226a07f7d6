"""Follow the removal of an erased person from the destinations.

This module sends nothing. The erased person is no longer a customer, so the next delivery run of each destination
removes the member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.destination_settings import DESTINATIONS
from shared.destinations.claims import claim
from shared.destinations.requests import Requests
from shared.erasure.certificate import REMOVED
from shared.erasure.persons import UNTIL_REMOVED

if TYPE_CHECKING:
    from typing import Any

    from shared.chain.environment import Environment, StepContext
    from shared.erasure.objects import Person


def states(person: Person, context: StepContext) -> dict[str, str]:
    """Return, for each destination that has or had the customer, `removed` or the reason why the removal is pending."""
    customers = sorted(person.digests.get("customer", ()))
    if not customers:
        return {}
    environment = context.environment
    rows = context.environment.query("erasure/members", {"digests": customers})
    found = {row["destination"]: _state(row, environment) for row in rows}
    for name in DESTINATIONS:
        refused = (customer for one in Requests(name, environment).open() for customer in one.refused)
        if any(person.has("customer", one) for one in refused):
            found[name] = "a request that names the customer has not ended"
    return found


def release(person: Person, pending: list[str], context: StepContext) -> dict[str, int]:
    """Delete the person's rows about all destinations except those in `pending`. Return the number of rows by table.

    The row of the member ledger is deleted last, because it shows whether the removal is pending.
    """
    customers = sorted(person.digests.get("customer", ()))
    if not customers:
        return {}
    parameters = {"digests": customers, "pending": pending}
    return {table: context.warehouse.change("erasure/release", parameters, table=table) for table in UNTIL_REMOVED}


def _state(row: dict[str, Any], environment: Environment) -> str:
    name = row["destination"]
    if row["is_there"]:
        is_off = getattr(environment.settings, name).mode == "off"
        return f"{row['state']}, and the destination is off: docs/runbook.md" if is_off else row["state"]
    standing, _ = claim(name, environment).read()
    is_sending = standing and standing.run_id == row["run_id"] and row["state"] == "wanted"
    if is_sending and not environment.runs.record(row["run_id"], f"send_to_{name}"):
        return "a delivery run may still send the customer"
    return REMOVED
