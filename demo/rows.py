"""Convert sessions to rows of a GA360 export: nested Arrow columns, with Google Analytics' NULLs and placeholders."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo import catalogue
from demo.clickstream import ADD, CHECKOUT, LISTING, PURCHASE, Sessions
from demo.schema import GA360
from demo.visitors import CHANNELS, DEVICES, DIRECT, NETWORK_DOMAINS, PLACES, SECONDS_A_DAY, Array, rank_within

VIEW_CLOCK: Final = dt.timezone(dt.timedelta(hours=-8))
"""The time zone of the Google Analytics view, which defines days and hours. visitStartTime is in seconds since 1970."""
SHIPPING: Final = 5 * catalogue.MICROS
VISITOR_ID_DIGITS: Final = 19

# For each kind of hit, in the order of clickstream.py: the action_type, and the action and category of the event.
ACTIONS: Final = ("0", "0", "1", "2", "3", "4", "0", "5", "6", "0")
EVENT_ACTIONS: Final = (
    *(None, None, "Product Click", None, "Add to Cart", "Remove from Cart"),
    *(None, None, None, "Onsite Click"),
)
EVENT_CATEGORIES: Final = tuple(
    action and ("Contact Us" if action == "Onsite Click" else "Enhanced Ecommerce") for action in EVENT_ACTIONS
)
IS_EVENT: Final = np.array([action is not None for action in EVENT_ACTIONS])


def table(sessions: Sessions, first_day: dt.date, day: dt.date) -> pa.Table:
    """Return the rows of the day-table of `day` (`schema.GA360`). Day 0 of the visits is `first_day`."""
    visits, hits = sessions.visits, sessions.hits
    epoch = int(dt.datetime.combine(first_day, dt.time(), VIEW_CLOCK).timestamp())
    count = np.bincount(hits["visit"], minlength=len(visits))
    first = np.cumsum(count) - count
    begun = epoch + visits["day"] * SECONDS_A_DAY + visits["second"]
    channel = visits["channel"]
    return _table(
        {
            "visitorId": pa.nulls(len(visits), pa.int64()),
            "visitNumber": pa.array(visits["number"]),
            "visitId": pa.array(begun),
            # visitId is the start of the whole session. If a session was split at midnight, its second part starts
            # later.
            "visitStartTime": pa.array(begun + hits["time"][first] // 1000),
            "date": _constant(f"{day:%Y%m%d}", len(visits)),
            "totals": _totals(sessions, first, count),
            "trafficSource": _traffic_source(visits),
            "device": _device(visits),
            "geoNetwork": _geo_network(visits),
            "customDimensions": _custom_dimensions(visits),
            "hits": pa.ListArray.from_arrays(
                _offsets(count), _hits(sessions, begun, first), type=GA360.field("hits").type
            ),
            "fullVisitorId": visitor_ids(visits),
            "userId": pa.nulls(len(visits), pa.string()),
            "channelGrouping": _text([c.grouping for c in CHANNELS], channel),
            "socialEngagementType": _constant("Not Socially Engaged", len(visits)),
        }
    )


def visitor_ids(visits: Array) -> pa.Array:
    """Return each visit's visitor id as Google Analytics writes it: a text of 19 digits."""
    return pc.utf8_lpad(pa.array(visits["visitor"]).cast(pa.string()), VISITOR_ID_DIGITS, padding="0")


def _table(columns: dict[str, pa.Array]) -> pa.Table:
    return pa.Table.from_arrays([columns[name] for name in GA360.names], schema=GA360)


def _struct(kind: pa.StructType, columns: dict[str, pa.Array], present: Array | None = None) -> pa.StructArray:
    """Return a struct column with NULL where `present` is false. Without `present`, no row is NULL."""
    mask = None if present is None else pa.array(~present)
    arrays = [columns[field.name].cast(field.type) for field in kind]
    return pa.StructArray.from_arrays(arrays, fields=list(kind), mask=mask)


def _constant(value: str, length: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), length)


def _text(pool: Sequence[str | None], codes: Array) -> pa.Array:
    return pa.array(pool, pa.string()).take(pa.array(codes))


def _or_null(values: Array, present: Array | None = None) -> pa.Array:
    """Return a column with NULL where `present` is false. Without `present`, the values 0 and false become NULL."""
    return pa.array(values, mask=(values == 0) if present is None else ~present)


def _offsets(counts: Array) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))


def _totals(sessions: Sessions, first: Array, count: Array) -> pa.StructArray:
    visits, hits, items = sessions.visits, sessions.hits, sessions.items

    def per_visit(flags: Array) -> Array:
        return np.bincount(hits["visit"][flags], minlength=len(visits))

    last = first + count - 1
    bounced = (count == 1) & hits["entrance"][first] & hits["exit"][first]
    pageviews = per_visit(~IS_EVENT[hits["kind"]])
    transactions = per_visit(hits["kind"] == PURCHASE)
    revenue = np.zeros(len(visits), np.int64)
    np.add.at(revenue, hits["visit"][items["hit"]], _item_revenue(sessions))
    quality = 2 * pageviews - 1 + 10 * per_visit(hits["kind"] == ADD) + 20 * per_visit(hits["kind"] == CHECKOUT)
    return _struct(
        GA360.field("totals").type,
        {
            "visits": pa.array(np.ones(len(visits), np.int64)),
            "hits": pa.array(count),
            "pageviews": _or_null(pageviews),
            "timeOnSite": _or_null((hits["time"][last] - hits["time"][first]) // 1000),
            "bounces": _or_null(bounced.astype(np.int64)),
            "transactions": _or_null(transactions),
            "transactionRevenue": _or_null(revenue),
            "newVisits": _or_null((visits["number"] == 1).astype(np.int64)),
            "totalTransactionRevenue": _or_null(revenue + SHIPPING * transactions),
            "sessionQualityDim": pa.array(np.clip(quality, 1, 100)),
        },
    )


def _item_revenue(sessions: Sessions) -> Array:
    """Return each item's revenue in micros: price times quantity if the item's hit is a purchase, otherwise 0."""
    items = sessions.items
    sold = sessions.hits["kind"][items["hit"]] == PURCHASE
    return np.where(sold, catalogue.PRICES[items["product"]] * items["quantity"], 0)


def _traffic_source(visits: Array) -> pa.StructArray:
    channel = visits["channel"]
    return _struct(
        GA360.field("trafficSource").type,
        {
            "referralPath": _text([c.referral_path for c in CHANNELS], channel),
            "campaign": _text([c.campaign for c in CHANNELS], channel),
            "source": _text([c.source for c in CHANNELS], channel),
            "medium": _text([c.medium for c in CHANNELS], channel),
            "keyword": _text([c.keyword for c in CHANNELS], channel),
            "adContent": _text([c.ad_content for c in CHANNELS], channel),
            "isTrueDirect": _or_null(visits["direct"] | (channel == DIRECT)),
        },
    )


def _device(visits: Array) -> pa.StructArray:
    device = visits["device"]
    return _struct(
        GA360.field("device").type,
        {
            "browser": _text([d.browser for d in DEVICES], device),
            "operatingSystem": _text([d.system for d in DEVICES], device),
            "deviceCategory": _text([d.category for d in DEVICES], device),
            "isMobile": pa.array(np.array([d.category != "desktop" for d in DEVICES])[device]),
        },
    )


def _geo_network(visits: Array) -> pa.StructArray:
    place = visits["place"]
    return _struct(
        GA360.field("geoNetwork").type,
        {
            "continent": _text([p.continent for p in PLACES], place),
            "subContinent": _text([p.sub_continent for p in PLACES], place),
            "country": _text([p.country for p in PLACES], place),
            "region": _text([p.region for p in PLACES], place),
            "metro": _text([p.metro for p in PLACES], place),
            "city": _text([p.city for p in PLACES], place),
            # The domain is the same in all visits of a visitor, but depends on nothing else about the visitor.
            "networkDomain": _text(NETWORK_DOMAINS, visits["visitor"] % len(NETWORK_DOMAINS)),
        },
    )


def _custom_dimensions(visits: Array) -> pa.ListArray:
    kind = GA360.field("customDimensions").type
    values = _text([p.dimension for p in PLACES], visits["place"])
    present = values.is_valid().to_numpy(zero_copy_only=False)
    dimensions = {"index": pa.array(np.full(present.sum(), 4)), "value": values.drop_null()}
    return pa.ListArray.from_arrays(_offsets(present), _struct(kind.value_type, dimensions), type=kind)


def _hits(sessions: Sessions, begun: Array, first: Array) -> pa.StructArray:
    visits, hits = sessions.visits, sessions.hits
    kind, visit = hits["kind"], hits["visit"]
    clock = (visits["second"][visit] + hits["time"] // 1000) % SECONDS_A_DAY
    fields = GA360.field("hits").type.value_type
    events = {
        "eventValue": pa.nulls(len(hits), pa.int64()),
        "eventCategory": _text(EVENT_CATEGORIES, kind),
        "eventAction": _text(EVENT_ACTIONS, kind),
        "eventLabel": pa.nulls(len(hits), pa.string()),
    }
    return _struct(
        fields,
        {
            "hitNumber": pa.array(rank_within(visit) + 1),
            "time": pa.array(hits["time"] - hits["time"][first][visit]),
            "hour": pa.array(clock // 3600),
            "minute": pa.array(clock // 60 % 60),
            "type": _text(["PAGE", "EVENT"], IS_EVENT[kind].astype(np.int8)),
            "isInteraction": pa.array(np.ones(len(hits), np.bool_)),
            "isEntrance": _or_null(hits["entrance"]),
            "isExit": _or_null(hits["exit"]),
            "page": _page(hits, fields.field("page").type),
            "transaction": _transaction(sessions, begun, fields.field("transaction").type),
            "eCommerceAction": _struct(
                fields.field("eCommerceAction").type,
                {"step": pa.array(np.maximum(hits["step"], 1)), "action_type": _text(ACTIONS, kind)},
            ),
            "eventInfo": _struct(fields.field("eventInfo").type, events, IS_EVENT[kind]),
            "product": _product(sessions, fields.field("product").type),
        },
    )


def _page(hits: Array, kind: pa.StructType) -> pa.StructArray:
    return _struct(
        kind,
        {
            "pagePath": _text(catalogue.PAGE_PATHS, hits["page"]),
            "hostname": _constant(catalogue.HOSTNAME, len(hits)),
            "pageTitle": _text(catalogue.PAGE_TITLES, hits["page"]),
        },
    )


def _transaction(sessions: Sessions, begun: Array, kind: pa.StructType) -> pa.StructArray:
    """Return the struct `transaction` of each hit: the id and the revenue of the order, with shipping.

    The struct is NULL if the hit is not a purchase.
    """
    visits, hits = sessions.visits, sessions.hits
    sold = hits["kind"] == PURCHASE
    paid = np.where(sold, SHIPPING, 0)
    np.add.at(paid, sessions.items["hit"], _item_revenue(sessions))
    orders = np.full(len(hits), None, object)
    buyers = hits["visit"][sold]
    orders[sold] = [
        f"ORD{start}{visitor % 10_000:04d}"
        for start, visitor in zip(begun[buyers].tolist(), visits["visitor"][buyers].tolist(), strict=True)
    ]
    columns = {"transactionRevenue": pa.array(paid), "transactionId": pa.array(orders, pa.string())}
    return _struct(kind, columns, sold)


def _product(sessions: Sessions, kind: pa.ListType) -> pa.ListArray:
    items = sessions.items
    product, quantity = items["product"], items["quantity"]
    category = catalogue.PRODUCT_CATEGORY[product]
    values = {
        "productPrice": pa.array(catalogue.PRICES[product]),
        "productQuantity": _or_null(quantity),
        "productRevenue": _or_null(_item_revenue(sessions)),
        "productSKU": _text(catalogue.PRODUCT_SKUS, product),
        "v2ProductName": _text(catalogue.PRODUCT_NAMES, product),
        "v2ProductCategory": _text([c.name for c in catalogue.CATEGORIES], category),
        # True if the product was only shown on a listing page; Google Analytics never writes false.
        "isImpression": _or_null(sessions.hits["kind"][items["hit"]] == LISTING),
    }
    counts = np.bincount(items["hit"], minlength=len(sessions.hits))
    return pa.ListArray.from_arrays(_offsets(counts), _struct(kind.value_type, values), type=kind)
