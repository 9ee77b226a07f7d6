"""Delivery runs to the local Marketing Cloud, which stores rows only a minute after it has accepted a request."""

import datetime as dt

import pytest
from urllib3.exceptions import ProtocolError

from cli.local_cloud import SALESFORCE_COLUMNS
from desk.platforms import running
from deskcloud.document import DataExtension, MarketingCloud
from shared.chain.audience_documents import DELIVERY
from shared.destination_settings import Salesforce
from shared.destinations.marketing_cloud import Client
from shared.destinations.salesforce import SalesforceDestination
from shared.events import MembersDelivered
from sql.destinations.test_delivery import DAY, TICK, bring_forward, resolved, states
from sql.destinations.test_plan import audience, customers, exclusions

PROCESSING, TICKS = 60, dt.timedelta(minutes=10)


@pytest.fixture
def desk(tmp_path):
    settings = MarketingCloud((DataExtension("audience", SALESFORCE_COLUMNS),), processing_seconds=PROCESSING)
    with running(tmp_path, salesforce=settings) as found:
        yield found


@pytest.fixture
def platform(desk, monkeypatch):
    monkeypatch.setattr(SalesforceDestination, "batch_size", 2)
    known, url = desk.running.credentials, desk.url["salesforce"]
    settings = Salesforce(mode="replace", subdomain="mc123", data_extension="audience", api_endpoint=url)
    return SalesforceDestination(settings, Client(known["SALESFORCE_CLIENT_ID"], known["SALESFORCE_CLIENT_SECRET"]))


def rows(desk):
    """Map the name of each stored row to two counts: how often the row was added, and how often it was updated."""
    return {name: found[1:3] for name, found in desk.members("salesforce", "audience").items() if found[0]}


def asked(desk, request):
    return sum(one.startswith(request) for one, _ in desk.received("salesforce"))


@pytest.mark.slow
def test_a_batch_that_was_accepted_before_the_connection_broke_is_sent_again_with_one_effect(world, desk):
    world.warehouse.fill({"customers": customers("a", "b", "c"), "audience_customers": audience("a", "b", "c")})
    event = resolved(world)
    desk.plan("salesforce", {"kind": "reset_after", "request": "PUT", "after": 1})
    with pytest.raises(ProtocolError):
        bring_forward(world, event)
    assert states(world) == {"a": "sent", "b": "sent", "c": "wanted"}
    assert bring_forward(world, event) is None
    desk.advance(PROCESSING)
    assert bring_forward(world, TICK, later=TICKS).members == 3
    # The row c was sent twice. The first request adds the row, and the second updates it.
    assert rows(desk) == {"a": (1, 0), "b": (1, 0), "c": (1, 1)}


@pytest.mark.slow
def test_a_row_that_is_to_be_deleted_is_not_stored_by_an_earlier_request(world, desk):
    world.warehouse.fill({"customers": customers("a", "b"), "audience_customers": audience("a", "b")})
    desk.plan("salesforce", {"kind": "partial_failure", "every": 2})
    first = resolved(world)
    assert bring_forward(world, first) is None
    tomorrow = DAY + dt.timedelta(1)
    world.warehouse.fill(
        {"audience_customers": audience("a", "b", day=tomorrow), "exclusions": exclusions("a", day=tomorrow)}
    )
    assert bring_forward(world, resolved(world, 1, tomorrow)) is None
    assert asked(desk, "POST /Service.asmx") == 0
    desk.advance(PROCESSING)
    assert set(rows(desk)) == {"a"}
    delivered = bring_forward(world, TICK, later=TICKS)
    assert isinstance(delivered, MembersDelivered)
    assert rows(desk) == {}
    assert states(world) == {"a": "removed", "b": "refused"}
    assert world.environment.runs.read(delivered.run_id, DELIVERY).planned == {"withdraw": 1}
