"""Compute the model's inputs for one online session, defined as in sql/sessions.

The inputs follow sql/sessions/from_ga360.sql and sql/tables/session_features.sql, with two exceptions. Google Analytics
counts hits, pageviews, time on site and bounces at the end of a session; here they are counted from the hits so far.
And here, a session that crosses midnight is not split. Hour and weekday are in the export's time zone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shared.online.contract import Features, Visit
from shared.placeholders import PLACEHOLDERS

if TYPE_CHECKING:
    from datetime import tzinfo

    from shared.online.contract import Hit, Session

CATEGORIES = ("source", "medium", "channel", "device", "country")
STEPS = {"1", "2", "3", "5", "6"}
VIEWED, ADDED = "2", "3"


def features(session: Session, zone: tzinfo) -> dict[str, Any]:
    """Return the model's inputs by name. A numeric input may be None: the scorer replaces None by the input's mean.

    `zone` is the export's time zone, from the setting `source.time_zone`.
    """
    known: dict[str, Any] = {}
    match session.visit, session.features:
        case Visit() as visit, _:
            known = _of_visit(visit, zone)
        case _, Features() as given:
            known = msgspec.structs.asdict(given)
    # The training rows have this value for a missing category.
    known.update((name, "missing") for name in CATEGORIES if known[name] is None or known[name] in PLACEHOLDERS)
    return known


def _of_visit(visit: Visit, zone: tzinfo) -> dict[str, Any]:
    hits = visit.hits
    began = datetime.fromtimestamp(visit.visit_start_time, zone)
    hour = hits[0].hour if hits else None
    times = [hit.time for hit in hits] or [0]
    steps = [int(action) for hit in hits if (action := _action(hit)) in STEPS]
    return {
        "bounces": int(sum(hit.is_interaction is not False for hit in hits) == 1),
        "time_on_site": (max(times) - min(times)) // 1000,
        "pageviews": sum(hit.type == "PAGE" for hit in hits),
        "hits": len(hits),
        "furthest_step": max(steps, default=0),
        "products_viewed": _products(hits, VIEWED),
        "products_added": _products(hits, ADDED),
        "hour": began.hour if hour is None else hour,
        "weekday": f"{visit.day or began:%A}",
        "source": visit.traffic_source and visit.traffic_source.source,
        "medium": visit.traffic_source and visit.traffic_source.medium,
        "channel": visit.channel_grouping,
        "device": visit.device and visit.device.device_category,
        "country": visit.geo_network and visit.geo_network.country,
    }


def _action(hit: Hit) -> str | None:
    return hit.e_commerce_action.action_type if hit.e_commerce_action else None


def _products(hits: list[Hit], action: str) -> int:
    """Count the distinct products of the hits with this action type, e.g. "2" for product views."""
    shown = (product for hit in hits if _action(hit) == action for product in hit.product or ())
    return len({one.product_sku for one in shown if not one.is_impression} - {None, *PLACEHOLDERS})
