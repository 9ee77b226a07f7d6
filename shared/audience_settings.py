"""The settings of the audience, of offers, of the campaign and its measurement, and of customer values."""

from typing import Annotated, Literal

from msgspec import Meta

from shared.setting_types import CampaignName, Days, Salt, Section, Share


class Policy(Section, frozen=True):
    """Which offer a visitor gets: the full price for a high probability, a coupon for a lower one, otherwise none.

    Kind `band` uses the probabilities `coupon_from` and `coupon_below` as thresholds. Kind `quantile` sorts the
    visitors by probability. The first `full_price_percent` % of the visitors get the full price, and the next
    `coupon_percent` % get a coupon.
    """

    kind: Literal["band", "quantile"] = "band"
    coupon_from: Share = 0.5
    coupon_below: Share = 0.8
    # The default percentages together cover the default audience: 20 % of the visitors.
    full_price_percent: Annotated[int, Meta(ge=0, le=99)] = 5
    coupon_percent: Annotated[int, Meta(ge=1, le=100)] = 15


class Audience(Section, frozen=True):
    """Which visitors are scored, and which of them are published as the audience."""

    window_days: Days = 30
    # The audience consists of decile 1 up to this decile. Decile 1 holds the visitors with the highest probabilities.
    max_decile: Annotated[int, Meta(ge=1, le=10)] = 2


class Campaign(Section, frozen=True):
    """The campaign that uses the audience: its control group, the customers it leaves out, and its measurement."""

    name: CampaignName = "always_on"
    # The hash that decides a customer's arm includes the salt. A change of the salt affects only customers without an
    # arm.
    salt: Salt = ""
    # Share of the customers in the control group. The campaign does not reach these customers, so that its effect can
    # be measured.
    control_share: Share = 0.1
    # Share of all customers in the holdout. No campaign reaches these customers.
    holdout_share: Share = 0.02
    # Customers who have bought in the last `recent_buyer_days` days, up to the audience's day, are left out. 0 leaves
    # out no customer.
    recent_buyer_days: Annotated[int, Meta(ge=0, le=1000)] = 14
    # Minimum number of rows of crm_customers, as a share of the number of rows at the last check. If there are fewer
    # rows, the run that resolves the customers fails.
    min_rows_share: Share = 0.5
    # The orders of a customer in this number of days after the assignment count as the campaign's outcome.
    outcome_days: Days = 30
    # The orders in this number of days before the assignment are a covariate, which makes intervals narrower (CUPED).
    before_days: Days = 180
    # Number of days for which the campaign is planned. Set it before the campaign starts.
    planned_days: Days = 30
    # The expected number of buyers by the last planned day, in both arms together.
    planned_buyers: Annotated[int, Meta(ge=1)] = 1000
    # Profit margin as a share of the revenue.
    margin: Share = 1.0
    # Cost per order, in the shop's currency. `margin` does not include this cost.
    cost_per_order: Annotated[float, Meta(ge=0)] = 0.0
    # Cost of the campaign for each treated customer, in the shop's currency; 0 if it is unknown.
    cost_per_customer: Annotated[float, Meta(ge=0)] = 0.0


class Value(Section, frozen=True):
    """How the customers are valued: see docs/customer-value.md."""

    # Number of days for which orders and revenue are forecast. The oldest order must be at least 2 * `horizon_days`
    # days old.
    horizon_days: Annotated[int, Meta(ge=7, le=365)] = 90
