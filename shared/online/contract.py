"""The contract of `score_checkout`: the structures of the request and of the answer.

Requests are decoded into these structs, and answers are encoded from these structs. shared/online/openapi.py generates
the OpenAPI document from the same structs. `on_checkout` takes the same request from Pub/Sub.
"""

import datetime as dt
import json
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

# Maximum size of a request's body in bytes. A body that respects the limits of the fields is much smaller.
MAX_BYTES = 1 << 19
Identifier = Annotated[str, Meta(min_length=1, max_length=256)]
Category = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Hour = Annotated[int, Meta(ge=0, le=23)]
Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


class Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base class of the structures of a request: unknown fields are refused."""


class CartItem(Part, frozen=True):
    """A product in the cart."""

    product_id: Identifier
    quantity: Annotated[int, Meta(ge=1, le=100_000)] = 1


class Features(Part, frozen=True):
    """The model's inputs, as described in table visitor_features. A missing or null input is imputed."""

    bounces: Annotated[int, Meta(ge=0, le=1)] | None = None
    time_on_site: Count | None = None
    pageviews: Count | None = None
    hits: Count | None = None
    furthest_step: Annotated[int, Meta(ge=0, le=6)] | None = None
    products_viewed: Count | None = None
    products_added: Count | None = None
    hour: Hour | None = None
    weekday: Weekday | None = None
    source: Category | None = None
    medium: Category | None = None
    channel: Category | None = None
    device: Category | None = None
    country: Category | None = None


class Product(Part, frozen=True, rename="camel"):
    """A product that a hit is about."""

    product_sku: Category | None = msgspec.field(name="productSKU", default=None)
    # True if the product was only listed on the page, and the visitor did not open it.
    is_impression: bool | None = None


class Action(Part, frozen=True):
    """What the visitor did, as Google Analytics' number: e.g. 2 is a product view, 3 an addition to the cart."""

    action_type: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8"] | None = None


class Hit(Part, frozen=True, rename="camel"):
    """A hit as in GA360's export.

    `time` is in milliseconds since the session began; `hour` is in the export's time zone.
    """

    type: Literal["PAGE", "EVENT", "TRANSACTION", "ITEM", "SOCIAL", "APPVIEW", "EXCEPTION"]
    time: Count
    hour: Hour | None = None
    is_interaction: bool | None = None
    e_commerce_action: Action | None = None
    product: Annotated[list[Product], Meta(max_length=200)] | None = None


class TrafficSource(Part, frozen=True):
    """The traffic source of the visit."""

    source: Category | None = None
    medium: Category | None = None


class Device(Part, frozen=True, rename="camel"):
    """The visitor's device."""

    device_category: Category | None = None


class GeoNetwork(Part, frozen=True):
    """The visitor's location."""

    country: Category | None = None


class Visit(Part, frozen=True, rename="camel"):
    """The session so far, with the field names of GA360's export; hits are in chronological order.

    `visitStartTime` is in seconds since 1970. `day` is the day on which the session began, in the export's time zone.
    Without `day`, the weekday is computed from `visitStartTime`, in the time zone of the setting `source.time_zone`.
    The hour is computed in the same way if the first hit has none.
    """

    # The largest value is the end of the year 2999.
    visit_start_time: Annotated[int, Meta(ge=0, lt=32_503_680_000)]
    hits: Annotated[list[Hit], Meta(max_length=1000)]
    day: dt.date | None = None
    channel_grouping: Category | None = None
    traffic_source: TrafficSource | None = None
    device: Device | None = None
    geo_network: GeoNetwork | None = None


class Session(Part, frozen=True):
    """Either the model's features, or the visit, from which the function derives the features."""

    features: Features | UnsetType = UNSET
    visit: Visit | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.features is UNSET) == (self.visit is UNSET):
            raise ValueError("give either `features` or `visit`")


class Checkout(Part, frozen=True):
    """A visitor at the checkout. `visitor_id` is Google Analytics' pseudonymous id, never a name or an address."""

    visitor_id: Identifier
    cart: Annotated[list[CartItem], Meta(max_length=200)]
    session: Annotated[Session, Meta(extra_json_schema={"minProperties": 1, "maxProperties": 1})]


PARTS = (Checkout, CartItem, Session, Features, Visit, Hit, Product, Action, TrafficSource, Device, GeoNetwork)
NAMES = frozenset(name for part in PARTS for name in part.__struct_encode_fields__)
DECODER = msgspec.json.Decoder(Checkout)


def decode(body: bytes) -> Checkout:
    """Return the request from a body.

    Raises:
        msgspec.ValidationError: the request breaks the contract; the message names the field.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: the body is not JSON in UTF-8, or is nested too deeply.
    """
    try:
        return DECODER.decode(body)
    except msgspec.ValidationError:
        return convert(_plain(body))


def _plain(body: bytes) -> Any:
    """Return the body's plain values. A number that is too large for float64, such as 1e400, becomes infinity.

    msgspec would refuse such a number without naming the field. The validation refuses infinity and names the field.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError:
        pass
    try:
        return json.loads(body)
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from None


def convert(document: Any) -> Checkout:
    """Return the request from plain values: dicts, lists, texts and numbers.

    Raises:
        msgspec.ValidationError: the request breaks the contract; the message names the field.
    """
    return msgspec.convert(_whole(document), Checkout)


def _whole(value: Any) -> Any:
    """Return the value with integers in place of integral floats, since 3.0 is an integer in JSON Schema."""
    match value:
        case float():
            return int(value) if value.is_integer() else value
        case list():
            return [_whole(one) for one in value]
        case dict():
            return {name: _whole(one) for name, one in value.items()}
        case _:
            return value


class Score(Struct, frozen=True, kw_only=True):
    """The answer to the shop.

    `decile` 1 is the tenth of the visitors with the highest probabilities; null if the decile is not known.
    """

    probability: Annotated[float, Meta(ge=0, le=1)]
    decile: Annotated[int, Meta(ge=1, le=10)] | None
    model_version: Identifier
    offer: Literal["none", "coupon", "full_price"]
    next_products: list[Identifier]
    request_id: Identifier
    scored_by: Literal["endpoint", "embedded"]


class Health(Struct, frozen=True):
    """The answer to GET /health if the function can score: the champion's version."""

    model_version: Identifier


class CheckoutScored(Score, frozen=True):
    """The message that `on_checkout` publishes to checkout-scored: the score, and the visitor of the checkout."""

    visitor_id: Identifier


class Complaint(Struct, frozen=True):
    """An error in one field; `pointer` is the field's JSON pointer (RFC 6901) as a URI fragment."""

    pointer: str
    detail: str


class Problem(Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457) of the type about:blank: `title` names the status, `detail` says what to do."""

    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Complaint] = []
