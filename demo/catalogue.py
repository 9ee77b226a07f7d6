"""The shop of the generated sessions: its products, prices, bundles and pages."""

from dataclasses import dataclass
from typing import Final

import numpy as np

HOSTNAME: Final = "shop.example.com"
MICROS: Final = 1_000_000  # GA360 stores amounts of money times 10^6


@dataclass(frozen=True, slots=True)
class Category:
    """A category of products: the path of its listing page, and its products as (name, price in cents)."""

    name: str
    path: str
    products: tuple[tuple[str, int], ...]


CATEGORIES: Final = (
    Category(
        "Apparel",
        "/apparel/mens",
        (
            ("Logo Tee", 1699),
            ("Vintage Tee", 1899),
            ("Zip Hoodie", 5599),
            ("Pullover Hoodie", 4999),
            ("Rain Shell", 7999),
            ("Running Shorts", 2999),
            ("Crew Socks", 1299),
            ("Baseball Cap", 1699),
        ),
    ),
    Category(
        "Kids",
        "/apparel/kids",
        (
            ("Toddler Tee", 1399),
            ("Infant Bodysuit", 1599),
            ("Youth Hoodie", 2999),
            ("Plush Robot", 1499),
            ("Building Blocks", 2499),
            ("Picture Book", 1199),
            ("Crayon Set", 699),
        ),
    ),
    Category(
        "Drinkware",
        "/drinkware",
        (
            ("Water Bottle", 1499),
            ("Steel Bottle", 2199),
            ("Travel Mug", 1899),
            ("Ceramic Mug", 999),
            ("Coffee Sampler", 1699),
            ("Tea Tin", 1399),
            ("Coaster Set", 1099),
        ),
    ),
    Category(
        "Bags",
        "/bags",
        (
            ("Laptop Backpack", 9999),
            ("Rucksack", 6999),
            ("Tote Bag", 1299),
            ("Gym Bag", 3499),
            ("Laptop Sleeve", 2999),
            ("Packing Cubes", 2599),
            ("Luggage Tag", 799),
        ),
    ),
    Category(
        "Office",
        "/office",
        (
            ("Ruled Notebook", 899),
            ("Dotted Journal", 1299),
            ("Gel Pen", 199),
            ("Pencil Set", 499),
            ("Sticky Notes", 349),
            ("Desk Mat", 2299),
            ("Badge Holder", 399),
            ("Sticker Sheet", 249),
        ),
    ),
    Category(
        "Electronics",
        "/electronics",
        (
            ("Wireless Charger", 3499),
            ("Power Bank", 2999),
            ("USB-C Cable", 1199),
            ("Bluetooth Speaker", 4999),
            ("Earbuds", 5999),
            ("Phone Stand", 1599),
            ("Smart Thermostat", 14999),
            ("Security Camera", 11999),
        ),
    ),
    Category(
        "Outdoor",
        "/lifestyle/outdoor",
        (
            ("Picnic Blanket", 3299),
            ("Camp Lantern", 2799),
            ("Trail Towel", 1899),
            ("Umbrella", 2499),
            ("Sunglasses", 1399),
            ("Dog Frisbee", 899),
            ("Pet Collar", 1499),
        ),
    ),
    Category(
        "Gifts",
        "/gifts",
        (
            ("Gift Card 25", 2500),
            ("Gift Card 50", 5000),
            ("Greeting Cards", 999),
            ("Gift Box", 599),
            ("Ornament", 1299),
            ("Advent Calendar", 3499),
            ("Snow Globe", 2199),
            ("Candle", 1899),
        ),
    ),
)

# Bundles of products that are often bought together: a visitor who views a product of a bundle often views the rest of
# the bundle.
BUNDLES: Final = (
    ("Ruled Notebook", "Gel Pen", "Sticky Notes"),
    ("Dotted Journal", "Pencil Set", "Sticker Sheet"),
    ("Laptop Backpack", "Laptop Sleeve", "Luggage Tag"),
    ("Rucksack", "Packing Cubes", "Steel Bottle"),
    ("Gym Bag", "Running Shorts", "Water Bottle"),
    ("Ceramic Mug", "Coffee Sampler", "Coaster Set"),
    ("Travel Mug", "Tea Tin", "Candle"),
    ("Wireless Charger", "USB-C Cable", "Phone Stand"),
    ("Smart Thermostat", "Security Camera", "USB-C Cable"),
    ("Infant Bodysuit", "Plush Robot", "Picture Book"),
    ("Toddler Tee", "Crayon Set", "Building Blocks"),
    ("Logo Tee", "Baseball Cap", "Sticker Sheet"),
    ("Zip Hoodie", "Crew Socks", "Logo Tee"),
    ("Picnic Blanket", "Camp Lantern", "Trail Towel"),
    ("Dog Frisbee", "Pet Collar", "Trail Towel"),
    ("Gift Card 50", "Greeting Cards", "Gift Box"),
    ("Ornament", "Snow Globe", "Gift Box"),
)

PRODUCT_NAMES: Final = tuple(name for category in CATEGORIES for name, _ in category.products)
PRODUCT_SKUS: Final = tuple(
    f"{category.name[:2].upper()}{number:04d}{index:02d}"
    for number, category in enumerate(CATEGORIES, start=1)
    for index, _ in enumerate(category.products, start=1)
)
PRODUCT_CATEGORY: Final = np.repeat(np.arange(len(CATEGORIES)), [len(c.products) for c in CATEGORIES])
PRICES: Final = np.array([cents for c in CATEGORIES for _, cents in c.products]) * (MICROS // 100)
FIRST_PRODUCT: Final = np.searchsorted(PRODUCT_CATEGORY, np.arange(len(CATEGORIES)))
CATEGORY_SIZE: Final = np.bincount(PRODUCT_CATEGORY)


def _companions() -> np.ndarray:
    """Return the indices of two companions of each product: shape (products, 2).

    The companions are the other products of the bundle. For a product in no bundle, they are the next two products of
    the category.
    """
    table = (
        FIRST_PRODUCT[PRODUCT_CATEGORY][:, None]
        + ((np.arange(len(PRICES)) - FIRST_PRODUCT[PRODUCT_CATEGORY])[:, None] + [1, 2])
        % (CATEGORY_SIZE[PRODUCT_CATEGORY][:, None])
    )
    for bundle in reversed(BUNDLES):
        indices = [PRODUCT_NAMES.index(name) for name in bundle]
        for index in indices:
            table[index] = [other for other in indices if other != index]
    return table


COMPANIONS: Final = _companions()

# The numbers of pages: first FIXED_PAGES, then one page per category, then one per product.
FIXED_PAGES: Final = (
    ("/home", "Home"),
    ("/store", "Store"),
    ("/search", "Search results"),
    ("/policies/shipping", "Shipping"),
    ("/policies/frequently-asked-questions", "Frequently asked questions"),
    ("/signin", "Sign in"),
    ("/basket", "Shopping cart"),
    ("/checkout/information", "Checkout: your information"),
    ("/checkout/payment", "Checkout: payment"),
    ("/checkout/review", "Checkout: review"),
    ("/checkout/completed", "Checkout: confirmation"),
)
BROWSING_PAGES: Final = 6  # the first pages of FIXED_PAGES, for browsing; the rest are basket and checkout
BASKET_PAGE: Final = 6
LISTING_PAGE: Final = len(FIXED_PAGES)
PRODUCT_PAGE: Final = LISTING_PAGE + len(CATEGORIES)
_SHELF = [CATEGORIES[c] for c in PRODUCT_CATEGORY]
PAGE_PATHS: Final = (
    *(path for path, _ in FIXED_PAGES),
    *(category.path for category in CATEGORIES),
    *(f"{c.path}/{n.lower().replace(' ', '+')}" for c, n in zip(_SHELF, PRODUCT_NAMES, strict=True)),
)
PAGE_TITLES: Final = (
    *(title for _, title in FIXED_PAGES),
    *(category.name for category in CATEGORIES),
    *(f"{n} | {c.name}" for c, n in zip(_SHELF, PRODUCT_NAMES, strict=True)),
)
