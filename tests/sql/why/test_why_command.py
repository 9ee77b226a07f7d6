"""What `propensity why` prints about a customer, and about an id that it does not know."""

import datetime as dt
import io
from types import SimpleNamespace

import pytest
from google.cloud import storage as gcs
from rich.console import Console

from cli import why
from cli.errors import CommandError
from shared.chain.environment import Environment

TODAY = dt.datetime.now(dt.UTC).date()
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def environment(warehouse, models):
    environment = Environment(warehouse.settings)
    environment.__dict__["bigquery"] = warehouse.client
    environment.__dict__["storage"] = gcs.Client(warehouse.settings.project)
    environment.__dict__["registry"] = SimpleNamespace(champion=lambda: SimpleNamespace(model="logistic"))
    return environment


def told(customer, environment):
    written = io.StringIO()
    why.show(why.read(customer, environment), Console(file=written, width=120))
    return written.getvalue()


def test_everything_about_a_customer_is_printed_except_addresses(warehouse, environment):
    of = {"customer_id": "anna", "run_id": "r"}
    member = {**of, "day": TODAY, "campaign": "c", "visitor_id": "v1", "visitors": 1, "orders": 0, "revenue": 0.0}
    session = {"visitor_id": "v1", "session_id": "1", "day": TODAY, "started_at": NOW, "is_new_visit": True}
    warehouse.fill(
        {
            "customers": [{"customer_id": "anna", "email": "anna@example.com", "digest": "d"}],
            "audience_customers": [
                {
                    **member,
                    "probability": 0.25,
                    "decile": 2,
                    "offer": "coupon",
                    "next_products": ["mug"],
                    "arm": "control",
                }
            ],
            "customer_value": [
                {
                    **of,
                    "day": TODAY,
                    "horizon_days": 90,
                    "expected_orders": 1.5,
                    "probability": 0.6,
                    "expected_revenue": 45.0,
                    "revenue_per_order": 30.0,
                    "method": "bgnbd",
                }
            ],
            "customer_visitors": [{"visitor_id": "v1", "customer_id": "anna", "customers": 1, "matched_by": "user_id"}],
            "consents": [{"customer_id": "anna", "purpose": "email", "is_granted": True, "stated_at": NOW}],
            "exclusions": [{**of, "day": TODAY, "channel": "ads", "reason": "no consent to ad_user_data"}],
            "destination_members": [
                {**of, "destination": "files", "is_wanted": False, "state": "removed", "changed_at": NOW}
            ],
            "sessions": [{**session, "is_internal": False, "time_on_site": 900, "source": "mail"}],
        }
    )
    said = told("anna", environment)
    for words in (
        "customer anna has an e-mail address and 1 visitors",
        f"in the audience of {TODAY}: probability 0.2500, decile 2",
        "offer coupon, next products mug",
        "arm control: gets nothing, so that the campaign's effect can be measured",
        "1.50 orders and 45.00 in revenue in 90 days without a campaign",
        "time_on_site",
        "no consent to ad_user_data",
        "removed",
    ):
        assert words in said
    assert "example.com" not in said


def test_the_command_says_that_a_customer_was_never_in_an_audience(warehouse, environment):
    warehouse.fill({"customers": [{"customer_id": "bert", "digest": "d"}]})
    said = told("bert", environment)
    assert "customer bert has no address and 0 visitors" in said
    assert "no visitor was in the audience in the last 30 days" in said


@pytest.mark.slow
def test_an_unknown_customer_is_an_error_that_does_not_repeat_the_id(environment):
    with pytest.raises(CommandError, match="there is no such customer") as error:
        why.read("secret@example.com", environment)
    assert "secret" not in str(error.value)
