"""Generate sessions: the hits of each visit in chronological order, and the products of the hits.

A plan (behaviour.py) says what happens in a visit; this module turns the plan into hits. All sessions of a day are
generated at once, with array operations instead of a loop over hits.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from demo import catalogue
from demo.behaviour import STEPS, Plan, plan
from demo.visitors import ROBOT, SECONDS_A_DAY, Array, rank_within, resolve

PAGE, LISTING, CLICK, DETAIL, ADD, REMOVE, BASKET, CHECKOUT, PURCHASE, SIGN = range(10)
"""The kinds of hits; SIGN is an event without a page view."""

HIT: Final = np.dtype(
    [
        ("visit", np.int64),  # row of `Sessions.visits`
        ("time", np.int64),  # milliseconds since the visit began
        ("kind", np.int8),
        ("step", np.int8),  # step of the checkout, from 1; 0 if the hit is no step
        ("page", np.int16),
        ("entrance", np.bool_),
        ("exit", np.bool_),
    ]
)
ITEM: Final = np.dtype(
    [
        ("hit", np.int64),  # row of `Sessions.hits`
        ("product", np.int64),
        ("quantity", np.int64),  # 0 if the hit has no quantity
    ]
)
SIGN_SHARE: Final = 0.006  # share of the visits that begin with a hit of kind SIGN
LISTED: Final = 3  # products shown on a listing page
OFFICE: Final = next(i for i, category in enumerate(catalogue.CATEGORIES) if category.name == "Office")


@dataclass(frozen=True, slots=True)
class Sessions:
    """Three tables: visits, their hits in chronological order, and the products of the hits.

    A hit holds the row number of its visit, and an item the row number of its hit.
    """

    visits: Array
    hits: Array
    items: Array


@dataclass(frozen=True, slots=True)
class _Views:
    """The viewed products, one row per view. `key` orders the hits of a visit: see _Clicks.

    A product that is `added` is put into the basket. If the product is also `kept`, it is not removed later.
    """

    visit: Array
    key: Array
    product: Array
    quantity: Array
    added: Array
    kept: Array


def act(rng: np.random.Generator, visits: Array) -> Sessions:
    """Generate the hits of all visits, and the products of the hits."""
    plans = plan(rng, visits)
    hits, items = _in_order(*_clicks(rng, plans))
    hits["time"] = _times(rng, visits, hits)
    return Sessions(visits, hits, items)


def split_at_midnight(sessions: Sessions) -> tuple[Sessions, Sessions]:
    """Split sessions at midnight into two parts, because Google Analytics writes a row to the table of each day.

    The second part of a session keeps the number and the start of the visit. Its hits are numbered and timed from the
    part's first hit.
    """
    hits = sessions.hits
    beyond = sessions.visits["second"][hits["visit"]] + hits["time"] // 1000 >= SECONDS_A_DAY
    return _only(sessions, ~beyond), _only(sessions, beyond)


def _only(sessions: Sessions, keep: Array) -> Sessions:
    """Return the sessions with only the hits in the mask `keep`. A visit without such a hit is left out."""
    kept_items = keep[sessions.items["hit"]]
    items, hits = sessions.items[kept_items].copy(), sessions.hits[keep].copy()
    items["hit"] = (np.cumsum(keep) - 1)[items["hit"]]
    present = np.isin(np.arange(len(sessions.visits)), hits["visit"])
    hits["visit"] = (np.cumsum(present) - 1)[hits["visit"]]
    return Sessions(sessions.visits[present], hits, items)


def _products(rng: np.random.Generator, category: Array) -> Array:
    """Draw one product for each value of `category`; the first products of a category are drawn more often."""
    place = np.floor(rng.random(len(category)) ** 1.6 * catalogue.CATEGORY_SIZE[category]).astype(np.int64)
    return catalogue.FIRST_PRODUCT[category] + place


def _views(rng: np.random.Generator, plans: Plan) -> _Views:
    """Draw the viewed products of each visit.

    The first product is the anchor. The next products are mostly companions of the anchor or products of its category,
    and sometimes any product.
    """
    visit = np.repeat(np.arange(len(plans.details)), plans.details)
    rank = rank_within(visit)
    anchor = _products(rng, rng.integers(0, len(catalogue.CATEGORIES), len(plans.details)))[visit]
    companion = catalogue.COMPANIONS[anchor, (rank - 1) % 2]
    neighbour = _products(rng, catalogue.PRODUCT_CATEGORY[anchor])
    stranger = rng.integers(0, len(catalogue.PRICES), len(visit))
    draw = rng.random(len(visit))
    product = np.select([rank == 0, (rank <= 2) & (draw < 0.65), draw < 0.85], [anchor, companion, neighbour], stranger)
    in_bulk = (catalogue.PRODUCT_CATEGORY[product] == OFFICE) & (rng.random(len(visit)) < 0.3)
    return _Views(
        visit,
        rng.random(len(visit)),
        product,
        rng.geometric(0.75, len(visit)) + in_bulk * rng.integers(2, 25, len(visit)),
        added=rank < plans.adds[visit],
        kept=rank < (plans.adds - plans.removes)[visit],
    )


class _Clicks:
    """Collects hits and items. A visit's hits are sorted by `key`: 0 to 1 for browsing, above 1 for the checkout."""

    def __init__(self) -> None:
        self.hits: list[Array] = []
        self.keys: list[Array] = []
        self.items: list[Array] = []
        self.count = 0

    def add(self, visit: Array, key: Array | float, kind: int, page: Array | int, step: int = 0) -> Array:
        """Append one hit for each value of `visit`; return the row numbers of the new hits."""
        hits = np.zeros(len(visit), HIT)
        hits["visit"], hits["kind"], hits["page"], hits["step"] = visit, kind, page, step
        self.hits.append(hits)
        self.keys.append(np.broadcast_to(key, len(visit)))
        self.count += len(visit)
        return np.arange(self.count - len(visit), self.count)

    def put(self, hit: Array, product: Array, quantity: Array | int = 0) -> None:
        """Append one product for each value of `hit`. A hit that occurs several times gets several products."""
        items = np.zeros(len(hit), ITEM)
        items["hit"], items["product"], items["quantity"] = hit, product, quantity
        self.items.append(items)


def _clicks(rng: np.random.Generator, plans: Plan) -> tuple[Array, Array, Array]:
    clicks = _Clicks()
    _stroll(rng, plans, clicks)
    views = _views(rng, plans)
    shelf = catalogue.LISTING_PAGE + catalogue.PRODUCT_CATEGORY[views.product]
    page = catalogue.PRODUCT_PAGE + views.product
    # The click on a product comes just before the view of the product's page. If the product is added to the basket,
    # the addition comes just after the view.
    clicks.put(clicks.add(views.visit, views.key - 1e-9, CLICK, shelf), views.product)
    clicks.put(clicks.add(views.visit, views.key, DETAIL, page), views.product)
    added, removed, kept = views.added, views.added & ~views.kept, views.kept
    add_hits = clicks.add(views.visit[added], views.key[added] + 1e-9, ADD, page[added])
    clicks.put(add_hits, views.product[added], views.quantity[added])
    clicks.add(np.flatnonzero(plans.adds > 0), 1.0, BASKET, catalogue.BASKET_PAGE)
    remove_hits = clicks.add(views.visit[removed], 1.1, REMOVE, catalogue.BASKET_PAGE)
    clicks.put(remove_hits, views.product[removed], views.quantity[removed])
    for step in range(1, STEPS + 2):
        # The purchase follows the last step of the checkout. Each step lists the whole basket.
        reached = plans.bought if step > STEPS else plans.steps >= step
        kind = PURCHASE if step > STEPS else CHECKOUT
        numbers = clicks.add(np.flatnonzero(reached), 1.0 + step, kind, catalogue.BASKET_PAGE + step, step)
        hit_of = np.full(len(reached), -1)
        hit_of[reached] = numbers
        shown = kept & reached[views.visit]
        clicks.put(hit_of[views.visit[shown]], views.product[shown], views.quantity[shown])
    return np.concatenate(clicks.hits), np.concatenate(clicks.keys), np.concatenate(clicks.items)


def _stroll(rng: np.random.Generator, plans: Plan, clicks: _Clicks) -> None:
    """Add to `clicks` the landing hit, plain pages, and listing pages with the products that they show."""
    everyone = np.arange(len(plans.pages))
    landing = np.where(rng.random(len(everyone)) < 0.7, 0, rng.integers(1, catalogue.BROWSING_PAGES, len(everyone)))
    silent = rng.random(len(everyone)) < SIGN_SHARE
    clicks.add(everyone[~silent], -1.0, PAGE, landing[~silent])
    clicks.add(everyone[silent], -1.0, SIGN, landing[silent])
    visit = np.repeat(everyone, plans.pages - 1)
    clicks.add(visit, rng.random(len(visit)), PAGE, rng.integers(0, catalogue.BROWSING_PAGES, len(visit)))
    visit = np.repeat(everyone, plans.listings)
    category = rng.integers(0, len(catalogue.CATEGORIES), len(visit))
    listing = clicks.add(visit, rng.random(len(visit)), LISTING, catalogue.LISTING_PAGE + category)
    clicks.put(np.repeat(listing, LISTED), _products(rng, np.repeat(category, LISTED)))


def _in_order(hits: Array, keys: Array, items: Array) -> tuple[Array, Array]:
    order = np.lexsort((keys, hits["visit"]))
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    hits = hits[order]
    items["hit"] = position[items["hit"]]
    items = items[np.argsort(items["hit"], kind="stable")]
    change = np.diff(hits["visit"]) != 0
    hits["entrance"] = np.concatenate([[True], change])[: len(hits)]
    hits["exit"] = np.concatenate([change, [True]])[: len(hits)]
    return hits, items


def _times(rng: np.random.Generator, visits: Array, hits: Array) -> Array:
    """Return each hit's milliseconds since the visit's start.

    Pauses are log-normal, and longer for a high resolve; robots pause for a few seconds.
    """
    pace = 3.2 + 0.12 * resolve(visits) + 0.1 * visits["curiosity"] + rng.normal(0, 0.5, len(visits))
    pause = np.exp(np.minimum(pace[hits["visit"]] + rng.normal(0, 0.9, len(hits)), 7.3))
    pause[(hits["kind"] == ADD) | (hits["kind"] == CLICK)] *= 0.4
    robot = (visits["kind"] == ROBOT)[hits["visit"]]
    pause[robot] = rng.uniform(1, 4, robot.sum())
    pause[hits["entrance"]] = 0
    clock = np.cumsum(np.round(pause * 1000).astype(np.int64))
    since_start: Array = clock - clock[hits["entrance"]][hits["visit"]]
    return since_start
