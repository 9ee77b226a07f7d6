"""`propensity plan-campaign` on the newest audience."""

import datetime as dt
import math

import pytest
from google.cloud import storage as gcs

from cli.errors import CommandError
from cli.plan_campaign import Given, design, plan, show
from cli.terminal import out
from shared.chain.environment import Environment

TODAY = dt.datetime.now(dt.UTC).date()
NOTHING = Given(None, None, None, None, None, None)


@pytest.fixture
def environment(warehouse):
    environment = Environment(warehouse.settings)
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(warehouse.settings.project)
    return environment


def designed(environment, given=NOTHING, channel="email"):
    return design(given, environment.settings, environment, channel)


def audience(count, day=TODAY, first=0):
    row = {"day": day, "campaign": "sale", "visitor_id": "v", "visitors": 1, "orders": 0, "revenue": 0}
    row |= {"arm": "treated", "run_id": "r", "probability": 0.25}
    return [{"customer_id": f"c{number}", **row} for number in range(first, first + count)]


def exclusions(*ids):
    row = {"day": TODAY, "channel": "email", "reason": "no consent to email", "run_id": "r"}
    return [{"customer_id": one, **row} for one in ids]


def test_the_plan_uses_the_customers_who_may_be_reached_and_their_probabilities(warehouse, environment, capsys):
    earlier = audience(6, TODAY - dt.timedelta(2))
    warehouse.fill({"audience_customers": [*earlier, *audience(10)], "exclusions": exclusions("c8", "c9")})
    found = designed(environment)
    assert (found.customers, found.mean, found.day, found.outcome_days) == (8, 0.25, str(TODAY), 14)
    show(plan(found, 0.5, 0.8, None), out)
    shown = capsys.readouterr().out
    assert f"8 customers whom email may reach on {TODAY}" in shown
    assert "the measurement also counts customers whom only another channel may reach" in shown
    # Each day, two customers are new in the audience. Email may reach 8 in 10 customers, so 2 * 0.8 = 1.6.
    assert found.per_day == 1.6
    assert designed(environment, channel="ads").customers == 10
    [half, _] = [one for one in plan(found, 0.5, 0.8, None).needs if one.effect == 0.5]
    assert half.days == 1 + math.ceil((half.customers - 8) / 1.6) + 14


def test_an_option_replaces_the_value_from_the_audience(warehouse, environment):
    warehouse.fill({"audience_customers": audience(3), "exclusions": []})
    found = designed(environment, Given(500, 7.0, None, None, 30, 0.5))
    assert (found.customers, found.per_day, found.outcome_days, found.control_share) == (500, 7.0, 30, 0.5)
    assert (found.mean, found.day, found.channel) == (0.25, "", "")


def test_without_an_audience_or_without_reachable_customers_the_error_has_a_remedy(warehouse, environment):
    warehouse.fill({"audience_customers": [], "exclusions": []})
    with pytest.raises(CommandError, match=r"no audience of the last 28 days .* give --customers and --conversion"):
        designed(environment)
    warehouse.fill({"audience_customers": audience(2), "exclusions": exclusions("c0", "c1")})
    with pytest.raises(CommandError, match=r"email may reach none of the 2 customers of .* give --customers"):
        designed(environment)
