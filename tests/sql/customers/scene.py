"""Helpers for tests about customers: they make the rows of a shop's tables, and run the step that finds customers."""

import datetime as dt
from types import SimpleNamespace

from functions import resolve_customers
from shared import withheld
from shared.chain.audience_documents import RESOLVED
from shared.chain.environment import StepContext
from shared.deadline import Deadline
from shared.events import AudiencePublished, CustomersResolved

DAY = dt.date(2017, 8, 1)
NOW = dt.datetime.now(dt.UTC)
EARLIER = NOW - dt.timedelta(days=30)
EVERYTHING = ("ad_user_data", "ad_personalization", "email")


def rows(world, table):
    world.warehouse.known.clear()
    return world.warehouse.rows(table)


def crm(*ids, **values):
    return [{"customer_id": one, "email": f"{one}@example.com", "country": "FR", **values} for one in ids]


def links(**visitors):
    return [{"visitor_id": visitor, "customer_id": customer} for visitor, customer in visitors.items()]


def audience(*visitors, **values):
    of = {"day": DAY, "probability": 0.5, "decile": 1, "offer": "coupon", "model_version": "1", "run_id": "r"}
    return [{"visitor_id": visitor, **of, **values} for visitor in visitors]


def consents(*ids, purposes=EVERYTHING, is_granted=True, stated_at=EARLIER):
    of = {"is_granted": is_granted, "stated_at": stated_at}
    return [{"customer_id": one, "purpose": purpose, **of} for one in ids for purpose in purposes]


def resolve(world, number=0, day=DAY):
    event = AudiencePublished(f"{day:%Y%m%d}-0000000{number}", day, "gs://b/m.json", 1)
    message = SimpleNamespace(topic=event.topic, body=event.to_json())
    due = resolve_customers.STEP.event(message, world.environment, NOW)
    context = StepContext(world.environment, due.run_id, "resolve_customers", NOW, Deadline(60))
    resolved = resolve_customers.STEP.run(due, context)
    assert isinstance(resolved, CustomersResolved)
    return world.environment.runs.read(due.run_id, RESOLVED)


def excluded(world):
    return {(row["customer_id"], row["channel"], row["reason"]) for row in rows(world, "exclusions")}


def withheld_of(world, ids):
    """Return the visitors of the test to whom the checkout makes no offer. `ids` are the customers of the test."""
    held = withheld.Withheld(world.environment.bucket.blob(withheld.PATH).download_as_bytes())
    return {f"v{number}" for number in range(len(ids) + 10) if f"v{number}" in held}
