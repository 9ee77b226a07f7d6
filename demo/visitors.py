"""Draw the visitors of the generated sessions: when they come, and how much they intend to buy.

The causal model: each visitor has a latent intent

    intent = 0.8 effect(channel) + 0.6 effect(country) + effect(device) + moment + season + e,   e ~ N(0, 0.8)

`moment` is an interaction. A desktop in office hours or a phone in the evening raises the intent; at other
times, these devices lower the intent. A phone in the evening that comes from a social network raises the intent
further. A second trait, curiosity ~ N(0, 1), is independent of intent. Intent and curiosity affect what a visitor does
(`behaviour`). The resolve is the intent, reduced by a positive curiosity:

    resolve = intent - max(curiosity, 0)
    returns ~ Poisson(exp(-1.45 + 0.75 resolve)),   days between a return and the first visit exponential, mean 5
    P(buys) = sigmoid(-4.8 + 1.25 resolve) on a return, sigmoid(-6.4 + 1.25 resolve) on the first visit

So a curious visitor who looks at everything is less likely to return and buy than a visitor who looks at three
products. The effects are nonlinear and interact, which boosted trees can use and a logistic regression cannot.

The label is "buys in a later session within 14 days of the first visit". A logistic regression on bounces and time on
site predicts this label with a ROC AUC of about 0.72, and a regression on all features with 0.82. Boosted trees reach
0.87, or 0.83 with only a few hundred buyers.

There are two other small groups: staff (referred by the intranet, frequent buyers) and robots (hundreds of hits in
quick succession, never a purchase).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

SECONDS_A_DAY: Final = 86_400
WARM_UP_DAYS: Final = 30  # days simulated before the first day, so that the first day has returning visitors
ORDINARY, STAFF, ROBOT, BUYER, LOOKER = range(5)
"""The kinds of visitors; visits of the last two are drawn by `campaign`, and end with an order or without one."""
STAFF_SHARE, ROBOT_SHARE = 0.004, 0.0012


@dataclass(frozen=True, slots=True)
class Channel:
    """The traffic source of a visit, in Google Analytics' terms.

    `share` is the source's relative frequency among new visitors, and `effect` its effect on intent.
    """

    grouping: str
    source: str
    medium: str
    share: float
    effect: float
    campaign: str = "(not set)"
    referral_path: str | None = None
    keyword: str | None = None
    ad_content: str | None = None


CHANNELS: Final = (
    Channel("Organic Search", "google", "organic", 33, 0.0, keyword="(not provided)"),
    Channel("Organic Search", "(direct)", "(none)", 10, 0.1),
    Channel("Organic Search", "bing", "organic", 1, 0.0, keyword="(not provided)"),
    Channel("Organic Search", "baidu", "organic", 1, -0.8, keyword="(not provided)"),
    Channel("Direct", "(direct)", "(none)", 17, 0.2),
    Channel("Social", "youtube.com", "referral", 15, -1.0, referral_path="/yt/about/"),
    Channel("Social", "m.facebook.com", "referral", 3, -0.6, referral_path="/"),
    Channel("Social", "reddit.com", "referral", 1, -0.3, referral_path="/r/merchandise"),
    Channel("Referral", "analytics.google.com", "referral", 5, -0.4, referral_path="/analytics/web/"),
    Channel("Referral", "sites.google.com", "referral", 4, 0.7, referral_path="/a/team/gifts"),
    Channel(
        "Paid Search",
        "google",
        "cpc",
        4,
        0.5,
        campaign="AW - Accessories",
        keyword="branded merchandise",
        ad_content="Google Merchandise Collection",
    ),
    Channel("Display", "dfa", "cpm", 2, 0.1, ad_content="Display ad"),
    Channel("Affiliates", "Partners", "affiliate", 3, -0.9, campaign="Data Share Promo"),
    Channel("(Other)", "(not set)", "(not set)", 0.3, 0.0),
    Channel("Referral", "mall.googleplex.com", "referral", 0, 0.0, referral_path="/"),
)
DIRECT: Final = 4
STAFF_CHANNEL: Final = len(CHANNELS) - 1
SOCIAL: Final = np.array([c.grouping == "Social" for c in CHANNELS])

_HIDDEN = "not available in demo dataset"


@dataclass(frozen=True, slots=True)
class Place:
    """A place, as in Google Analytics' geoNetwork; `share` and `effect` are as in Channel.

    `dimension` is the value of custom dimension 4; None if it is not set.
    """

    continent: str
    sub_continent: str
    country: str
    share: float
    effect: float
    region: str = _HIDDEN
    metro: str = _HIDDEN
    city: str = _HIDDEN
    dimension: str | None = None


def _american(share: float, region: str, metro: str, city: str, effect: float = 0.6) -> Place:
    return Place("Americas", "Northern America", "United States", share, effect, region, metro, city, "North America")


PLACES: Final = (
    _american(21, _HIDDEN, _HIDDEN, _HIDDEN, 0.5),
    _american(6, "New York", "New York NY", "New York", 0.8),
    _american(5, "California", "San Francisco-Oakland-San Jose CA", "San Francisco"),
    _american(3, "California", "San Francisco-Oakland-San Jose CA", "Sunnyvale"),
    _american(3, "California", "Los Angeles CA", "Los Angeles"),
    _american(2, "Illinois", "Chicago IL", "Chicago", 0.9),
    _american(2, "Texas", "Austin TX", "Austin", 0.7),
    _american(1, "(not set)", "(not set)", "(not set)", 0.4),
    _american(0.8, "California", "San Francisco-Oakland-San Jose CA", "Mountain View"),
    Place("Americas", "Northern America", "Canada", 4, 0.2, dimension="North America"),
    Place("Americas", "South America", "Brazil", 3, -0.7, dimension="South America"),
    Place("Americas", "Central America", "Mexico", 2, -0.5, dimension="Central America"),
    Place("Asia", "Southern Asia", "India", 8, -0.8, dimension="APAC"),
    Place("Asia", "Southern Asia", "India", 2, -0.8, "Karnataka", "(not set)", "Bengaluru", "APAC"),
    Place("Asia", "Southeast Asia", "Vietnam", 3, -0.9, dimension="APAC"),
    Place("Asia", "Eastern Asia", "Japan", 3, -0.2, "Tokyo", "JP_KANTO", "Tokyo", "APAC"),
    Place("Asia", "Western Asia", "Turkey", 3, -0.9, dimension="EMEA"),
    Place("Europe", "Northern Europe", "United Kingdom", 3, -0.3, "England", "London", "London", "EMEA"),
    Place("Europe", "Northern Europe", "United Kingdom", 3, -0.3, dimension="EMEA"),
    Place("Europe", "Western Europe", "Germany", 3, -0.4, dimension="EMEA"),
    Place("Europe", "Western Europe", "France", 3, -0.5, dimension="EMEA"),
    Place("Europe", "Southern Europe", "Italy", 2, -0.6, dimension="EMEA"),
    Place("Oceania", "Australasia", "Australia", 2, 0.0, dimension="APAC"),
    Place("(not set)", "(not set)", "(not set)", 0.4, -0.5, "(not set)", "(not set)", "(not set)"),
)
MOUNTAIN_VIEW: Final = next(i for i, place in enumerate(PLACES) if place.city == "Mountain View")
NETWORK_DOMAINS: Final = ("(not set)", "(not set)", "unknown.unknown", "comcast.net", "verizon.net")


@dataclass(frozen=True, slots=True)
class Device:
    """A browser on an operating system and a kind of device; `share` and `effect` are as in Channel."""

    category: str
    system: str
    browser: str
    share: float
    effect: float


DEVICES: Final = (
    Device("desktop", "Windows", "Chrome", 27, 0.1),
    Device("desktop", "Macintosh", "Chrome", 20, 0.4),
    Device("desktop", "Macintosh", "Safari", 5, 0.2),
    Device("desktop", "Linux", "Chrome", 4, 0.1),
    Device("desktop", "Chrome OS", "Chrome", 3, 0.4),
    Device("desktop", "Windows", "Firefox", 5, -0.2),
    Device("desktop", "Windows", "Internet Explorer", 3, -0.4),
    Device("desktop", "Windows", "Edge", 1, -0.1),
    Device("mobile", "Android", "Chrome", 14, -0.4),
    Device("mobile", "iOS", "Safari", 12, -0.2),
    Device("mobile", "(not set)", "Opera Mini", 1, -0.8),
    Device("tablet", "iOS", "Safari", 3, -0.2),
    Device("tablet", "Android", "Chrome", 1, -0.3),
)
ROBOT_DEVICE: Final = 3
DESKTOP: Final = np.array([d.category == "desktop" for d in DEVICES])
MOBILE: Final = np.array([d.category == "mobile" for d in DEVICES])

WEEKDAY_WEIGHT: Final = np.array([1.08, 1.12, 1.12, 1.10, 1.03, 0.77, 0.78])  # from Monday
HOUR_WEIGHT: Final = np.array(
    [
        *(2.6, 2.2, 2.0, 1.9, 1.9, 2.1, 2.6, 3.4, 4.5, 5.4, 5.9, 6.1),
        *(6.2, 6.1, 6.0, 5.8, 5.5, 5.0, 4.7, 4.6, 4.6, 4.4, 3.9, 3.2),
    ]
)
RETURN_LEVEL: Final = -1.45
RETURN_SLOPE: Final = 0.75
MEAN_GAP_DAYS: Final = 5.0
STAFF_RETURNS, STAFF_GAP_DAYS = 3.0, 12.0
APART: Final = 5_400  # minimum seconds between the starts of two visits, so that they do not overlap

VISIT: Final = np.dtype(
    [
        ("visitor", np.uint64),
        ("number", np.int64),
        ("day", np.int64),  # counted from the first day; negative while warming up
        ("second", np.int64),  # second of the day, in the view's time zone
        ("kind", np.int8),
        ("channel", np.int8),
        ("place", np.int8),
        ("device", np.int8),
        ("direct", np.bool_),  # whether the visitor typed the address or used a bookmark: isTrueDirect
        ("intent", np.float64),
        ("curiosity", np.float64),
    ]
)

type Array = np.ndarray[Any, np.dtype[Any]]


def season(day: dt.date) -> float:
    """Return the seasonal factor of a day: 1, with a peak of 1.55 on 11 December."""
    days_from_peak = (day - dt.date(day.year, 12, 11)).days
    return 1.0 + 0.55 * float(np.exp(-((days_from_peak / 13) ** 2)))


def busyness(day: dt.date) -> float:
    """Return the relative number of sessions on a day. It depends on season and weekday."""
    return season(day) * float(WEEKDAY_WEIGHT[day.weekday()])


def resolve(visits: Array) -> Array:
    """Return each visit's resolve: the intent, minus the curiosity if the curiosity is positive."""
    left: Array = visits["intent"] - np.maximum(visits["curiosity"], 0)
    return left


def arrivals(rng: np.random.Generator, first_day: dt.date, days: int, sessions: int) -> Iterator[tuple[dt.date, Array]]:
    """Yield each day with its visits (`VISIT` rows in chronological order), `sessions` in total.

    Between days, only visits that are still to come are kept in memory.
    """
    calendar = [first_day + dt.timedelta(offset) for offset in range(-WARM_UP_DAYS, days)]
    budgets = _budgets([busyness(day) for day in calendar[WARM_UP_DAYS:]], sessions)
    scale = sessions / sum(busyness(day) for day in calendar[WARM_UP_DAYS:])
    warm_up = [round(busyness(day) * scale) for day in calendar[:WARM_UP_DAYS]]
    pending: defaultdict[int, list[Array]] = defaultdict(list)
    for offset, (day, budget) in enumerate(zip(calendar, warm_up + budgets, strict=True), -WARM_UP_DAYS):
        returning = np.concatenate([np.empty(0, VISIT), *pending.pop(offset, [])])[:budget]
        new = _newcomers(rng, day, offset, budget - len(returning))
        later = _returns(rng, new)
        # Some newcomers return on the same day; as many other newcomers are left out, to keep the day's total. This
        # does not bias the rest, because visitor ids are random. Later returns of the newcomers who are left out are
        # dropped.
        first = np.concatenate([new, later[later["day"] == offset]])
        first = first[np.argsort(first["visitor"], kind="stable")][: len(new)]
        later = later[(later["day"] > offset) & np.isin(later["visitor"], first["visitor"])]
        for visits in _split_by_day(later):
            pending[int(visits["day"][0])].append(visits)
        if offset >= 0:
            today = np.concatenate([returning, first])
            yield day, today[np.argsort(today["second"], kind="stable")]


def _budgets(weights: list[float], total: int) -> list[int]:
    """Return integers that are proportional to `weights`, and whose sum is `total`."""
    edges = np.round(np.cumsum([0.0, *weights]) / sum(weights) * total).astype(np.int64)
    return [int(size) for size in np.diff(edges)]


def _split_by_day(visits: Array) -> list[Array]:
    visits = visits[np.argsort(visits["day"], kind="stable")]
    parts = np.split(visits, np.flatnonzero(np.diff(visits["day"])) + 1)
    return [part for part in parts if len(part)]


def _seconds(rng: np.random.Generator, count: int) -> Array:
    """Draw `count` seconds of the day; the hours are weighted by HOUR_WEIGHT."""
    hours = rng.choice(24, size=count, p=HOUR_WEIGHT / HOUR_WEIGHT.sum())
    return hours * 3600 + rng.integers(0, 3600, count)


def _pick(rng: np.random.Generator, shares: list[float], count: int) -> Array:
    weights = np.array(shares)
    picked: Array = rng.choice(len(weights), size=count, p=weights / weights.sum())
    return picked


def _newcomers(rng: np.random.Generator, day: dt.date, offset: int, count: int) -> Array:
    visits = np.zeros(count, VISIT)
    visits["visitor"] = rng.integers(10**14, 2**64 - 1, count, dtype=np.uint64)
    visits["number"] = 1
    visits["day"] = offset
    visits["second"] = _seconds(rng, count)
    visits["kind"] = rng.choice(3, size=count, p=[1 - STAFF_SHARE - ROBOT_SHARE, STAFF_SHARE, ROBOT_SHARE])
    visits["channel"] = _pick(rng, [c.share for c in CHANNELS], count)
    visits["place"] = _pick(rng, [p.share for p in PLACES], count)
    visits["device"] = _pick(rng, [d.share for d in DEVICES], count)
    staff, robot = visits["kind"] == STAFF, visits["kind"] == ROBOT
    visits["channel"][staff] = STAFF_CHANNEL
    visits["place"][staff] = MOUNTAIN_VIEW
    visits["device"][robot] = ROBOT_DEVICE
    visits["curiosity"] = rng.normal(0, 1, count)
    visits["intent"] = _intent(visits, day) + rng.normal(0, 0.8, count)
    return visits


def _intent(visits: Array, day: dt.date) -> Array:
    """Return each visit's intent without its random term."""
    channel = np.array([c.effect for c in CHANNELS])[visits["channel"]]
    place = np.array([p.effect for p in PLACES])[visits["place"]]
    device = np.array([d.effect for d in DEVICES])[visits["device"]]
    seen: Array = 0.8 * channel + 0.6 * place + device + _moment(visits, day) + 0.2 * (season(day) - 1)
    return seen


def _moment(visits: Array, day: dt.date) -> Array:
    hour = visits["second"] // 3600
    office = (hour >= 8) & (hour < 18) & (day.weekday() < 5)
    evening = (hour >= 19) | (hour < 1)
    desktop, mobile = DESKTOP[visits["device"]], MOBILE[visits["device"]]
    fan = mobile & evening & SOCIAL[visits["channel"]]
    at_desk = np.where(office, 0.7, -0.8) * desktop
    at_hand = np.where(evening, 1.0, -0.7) * mobile
    moment: Array = at_desk + at_hand + 1.2 * fan
    return moment


def return_rate(new: Array) -> Array:
    """Return the mean number of returns for each visitor; `new` holds their first visits."""
    rate: Array = np.exp(np.minimum(RETURN_LEVEL + RETURN_SLOPE * resolve(new), 1.5))
    rate[new["kind"] == STAFF] = STAFF_RETURNS
    rate[new["kind"] == ROBOT] = 0
    return rate


def _returns(rng: np.random.Generator, new: Array) -> Array:
    """Draw the later visits of the visitors whose first visits are `new`, numbered from 2 in chronological order."""
    visits: Array = np.repeat(new, rng.poisson(return_rate(new)))
    gap = np.where(visits["kind"] == STAFF, STAFF_GAP_DAYS, MEAN_GAP_DAYS)
    begun = visits["day"] * SECONDS_A_DAY + visits["second"]
    visits["day"] += np.floor(rng.exponential(gap, len(visits))).astype(np.int64)
    visits["second"] = _seconds(rng, len(visits))
    visits["day"] += visits["day"] * SECONDS_A_DAY + visits["second"] < begun + APART
    visits["direct"] = rng.random(len(visits)) < 0.5
    to_direct = visits["direct"] & (visits["kind"] == ORDINARY) & (rng.random(len(visits)) < 0.6)
    visits["channel"][to_direct] = DIRECT
    visits = visits[np.lexsort((visits["second"], visits["day"], visits["visitor"]))]
    times = visits["day"] * SECONDS_A_DAY + visits["second"]
    visits = visits[(rank_within(visits["visitor"]) == 0) | (np.diff(times, prepend=0) >= APART)]
    visits["number"] = rank_within(visits["visitor"]) + 2
    return visits


def rank_within(groups: Array) -> Array:
    """Return the position of each row within its group, from 0; rows of a group must be adjacent."""
    begins = np.concatenate([[True], groups[1:] != groups[:-1]])[: len(groups)]
    starts = np.flatnonzero(begins)
    rank: Array = np.arange(len(groups)) - np.repeat(starts, np.diff(np.append(starts, len(groups))))
    return rank
