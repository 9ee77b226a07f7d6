"""Send the audience's changes to a data extension of Salesforce Marketing Cloud.

On     customers-resolved   CustomersResolved(run_id, day, customers): opens a delivery run
       members-due          the scheduler's tick: {}, or MembersDue(run_id)
Runs   sql/destinations
Emits  members-delivered    MembersDelivered(run_id, destination, members)
       run-superseded       RunSuperseded(run_id, by)
       run-failed           RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from shared import push
from shared.destinations.marketing_cloud import client
from shared.destinations.salesforce import SalesforceDestination
from shared.destinations.step import step_of
from shared.handler import handle

if TYPE_CHECKING:
    from shared.chain.environment import Environment
    from shared.destination_settings import Salesforce
    from shared.push import Message

# Without the API credentials, the function does not start. So a deployment without the credentials fails at once.
CLIENT = client()


@push.function
def send_to_salesforce(message: Message) -> None:
    """Run the step in a new delivery run or in the destination's current run, and publish the returned event."""
    handle(message, STEP)


def find(environment: Environment) -> SalesforceDestination | None:
    """Return the destination, or None if the destination's mode is off."""
    settings = environment.settings.salesforce
    return None if settings.mode == "off" else _destination(settings)


@cache
def _destination(settings: Salesforce) -> SalesforceDestination:
    """Return the destination. It is cached, because it holds a token, and Salesforce limits the number of tokens."""
    return SalesforceDestination(settings, CLIENT)


STEP = step_of("send_to_salesforce", SalesforceDestination.name, find)
