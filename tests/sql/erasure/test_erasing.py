"""A person is erased from every table, object, document, log and platform, and is not stored again."""

import datetime as dt
import json
import re

import msgspec
import pytest
from typer.testing import CliRunner

from cli import erasing, main, world
from functions import build_features, erase_subject
from shared.chain import current
from shared.chain.environment import StepContext
from shared.deadline import Deadline
from shared.errors import Malformed, Permanent
from shared.events import CustomersResolved, ErasureDue
from sql.erasure.scene import ANNA, AUDIENCE, BOB, DAY, FILLED, PERSONS, RECIPIENTS, where

pytestmark = pytest.mark.slow

PLATFORMS = {"google_ads", "meta", "salesforce"}
DESTINATIONS = PLATFORMS | {"files"}
# Names of the statements that the functions run in these tests.
RUN = (
    "destinations/record_sends",
    "erasure/bury",
    "erasure/count_rows",
    "erasure/key",
    "erasure/log_lines",
    "erasure/make_key",
    "erasure/members",
    "erasure/record",
    "erasure/related",
    "erasure/release",
    "erasure/rows",
    "erasure/tombstones_of",
)


def test_a_person_is_erased_everywhere_and_is_not_stored_again(scene, monkeypatch):
    scene.fill(RECIPIENTS)
    scene.mail(ANNA)
    scene.mail(BOB)
    scene.fill(FILLED - RECIPIENTS)
    delivered = scene.deliver(scene.resolve()) + scene.pass_half_an_hour()
    assert {(one.destination, one.members) for one in delivered} == {(name, 2) for name in DESTINATIONS}
    before = scene.everything()
    places = {f"table {name}" for name in PERSONS} | PLATFORMS | {"mailboxes", "withheld", "letter anna"}
    assert places <= where(ANNA, before)

    planned = scene.erase(customer_id=ANNA.ids["customer"])
    assert isinstance(planned, CustomersResolved)
    assert set(scene.certificate().pending) == DESTINATIONS
    # The member ledger and the platforms still hold the person, until the destinations have confirmed the removal.
    left = {"table destination_changes", "table destination_members", "mailboxes"} | PLATFORMS
    assert where(ANNA, scene.everything()) == left
    assert scene.erase(customer_id=ANNA.ids["customer"]) == planned
    # The process may die after it has written the certificate and before the ledger records the step. Then the step
    # runs again, and must not change the certificate's counts.
    so_far = scene.certificate()
    again = StepContext(scene.environment, planned.run_id, "erase_subject", scene.now, Deadline(60))
    assert erase_subject.STEP.run(ErasureDue(planned.run_id), again) == planned
    assert (scene.certificate().rows, scene.certificate().objects) == (so_far.rows, so_far.objects)

    scene.platforms.plan("meta", {"kind": "expired_token"})
    with pytest.raises(Permanent, match="META_ACCESS_TOKEN"):
        scene.deliver(planned)
    again = scene.tick(days=4)
    assert scene.certificate().pending == ["google_ads", "meta"]
    assert '"erasure_overdue"' in scene.printed.getvalue()
    scene.tell(scene.deliver(again))
    # Google Ads has accepted the request to remove the person, but has not processed it yet.
    assert scene.certificate().pending == ["google_ads"]
    scene.tell(scene.pass_half_an_hour())
    certificate = scene.certificate()
    assert certificate.completed_at
    assert certificate.destinations == dict.fromkeys(DESTINATIONS, "removed")
    assert certificate.rows == dict.fromkeys(PERSONS, 1) | {"destination_changes": 10, "destination_members": 4}
    assert certificate.objects == {"runs/": 1, "deliveries/": 1, "dead-letters/": 1, "messages/": 1}

    after = scene.everything()
    # Two places remain, and the certificate names both: the file that asks its reader to remove the customer, and the
    # mailboxes with sent e-mails.
    [withdrawal] = where(ANNA, after) - {"mailboxes"}
    assert re.fullmatch("object deliveries/.*/withdraw-000001.csv", withdrawal)
    assert {"files in deliveries/", "e-mails"} <= {one.what.split(" that ")[0] for one in certificate.remains}
    assert where(BOB, before) == where(BOB, after)

    _read_again(scene, monkeypatch)
    assert where(ANNA, scene.everything()) == {withdrawal, "mailboxes", "table crm_customers"}
    [customer] = scene.environment.query("customers/unchecked", {"page": 1, "most": 10})
    assert customer["customer_id"] == BOB.ids["customer"]


def _read_again(scene, monkeypatch):
    """Load GA360 and GA4 day-tables with both people, and Anna's CRM row. Then read the tables as the chain does."""
    monkeypatch.setattr(current, "require", lambda _: None)
    at = dt.datetime(2017, 8, 1, 10, tzinfo=dt.UTC)
    day = f"{DAY:%Y%m%d}"
    visits, events = [], []
    for who in (ANNA, BOB):
        hit = {
            "hitNumber": 1,
            "eCommerceAction": {"action_type": "6"},
            "transaction": {"transactionId": who.ids["order"]},
        }
        hit |= {"product": [{"productSKU": "mug", "productQuantity": 1}]}
        about = {"fullVisitorId": who.ids["visitor"], "visitId": 1, "visitNumber": 1, "date": day}
        about |= {"visitStartTime": int(at.timestamp()), "totals": {"visits": 1, "totalTransactionRevenue": 5_000_000}}
        visits.append({**about, "hits": [hit]})
        params = [{"key": "ga_session_id", "value": {"int_value": 1}}]
        of_all = {"event_date": day, "event_timestamp": int(at.timestamp() * 1e6), "event_params": params}
        bought = {"event_name": "purchase", "items": [{"item_id": "mug", "quantity": 1}]}
        order = {"ecommerce": {"transaction_id": who.ids["order"], "purchase_revenue": 5.0}}
        events.append({"user_pseudo_id": who.ids["visitor"], "user_id": who.ids["user"], **of_all, **bought, **order})
        # The shop's server reports a refund, so the event has no visitor id.
        events.append({**of_all, **order, "event_name": "refund"})
    crm = [{"customer_id": who.ids["customer"], "email": who.email} for who in (ANNA, BOB)]
    scene.warehouse.fill({f"ga_sessions_{day}": visits, f"events_{day}": events, "crm_customers": crm[:1]})
    for kind in ("ga360", "ga4"):
        settings = scene.environment.settings
        source = msgspec.structs.replace(settings.source, kind=kind)
        scene.environment.settings = msgspec.structs.replace(settings, source=source)
        context = StepContext(scene.environment, AUDIENCE, f"read_{kind}", scene.now, Deadline(60))
        build_features.fill_orders([DAY], context)
        build_features.fill_sessions([DAY], [DAY], {"user_id"}, context)
        build_features.fill_conversions([DAY], context)
        scene.warehouse.known.clear()
        for table in ("sessions", "orders", "order_reports", "interactions", "conversions"):
            assert scene.warehouse.rows(table), (kind, table)


def test_commands_count_and_erase_a_person_and_list_visitors_without_a_customer(scene, monkeypatch):
    scene.fill({"sessions", "orders", "audience"} | RECIPIENTS)
    scene.mail(BOB)
    scene.log_checkout(ANNA)
    scene.log_checkout(BOB)
    monkeypatch.setattr(world, "connected", lambda: scene.environment)
    monkeypatch.setattr(scene.environment, "send", scene.request, raising=False)
    asked = ("erase", "--visitor", ANNA.ids["visitor"], "--request", "dsar-1")
    rows = dict.fromkeys(("sessions", "orders", "customer_visitors", "audience"), 1)

    assert json.loads(run(*asked, "--dry-run", "--json")) == {
        "rows": rows,
        "objects": {"runs/": 1, "dead-letters/": 1},
    }
    assert scene.certificate() is None
    assert "What remains" in run(*asked, "--yes")
    assert scene.certificate().completed_at
    assert scene.certificate().rows == rows | {"run_googleapis_com_stdout": 1}
    assert len(scene.warehouse.rows("customers")) == 2
    left = run("erase", "--visitor", ANNA.ids["visitor"], "--dry-run")
    assert "there is nothing to delete" in left
    assert "not counted: logged checkouts" in left
    bob = json.loads(run("erase", "--visitor", BOB.ids["visitor"], "--dry-run", "--json"))
    assert bob["rows"] == rows

    today = f"{scene.now:%Y-%m-%d}"
    listed = run("audit", "--from", today, "--to", today, "--json")
    assert [one["request_id"] for one in json.loads(listed)["erasures"]] == ["dsar-1"]
    assert not any(mark in listed for mark in ANNA.marks())
    shown = run("audit", "--from", today, "--to", today)
    assert "always_on" in shown
    assert "deleted rows" in shown
    assert "no requests to destinations in this period" in shown
    with pytest.raises(Malformed, match="another person"):
        scene.erase(customer_id=BOB.ids["customer"])


def test_a_repeated_command_publishes_only_while_the_erasure_is_pending(scene, monkeypatch):
    scene.fill(("customers", "audience_customers"))
    scene.deliver(scene.resolve())
    scene.pass_half_an_hour()
    published = []
    monkeypatch.setattr(world, "connected", lambda: scene.environment)
    monkeypatch.setattr(
        scene.environment, "send", lambda *of: (published.append(of), scene.request(*of)), raising=False
    )
    asked = ("erase", "--customer", ANNA.ids["customer"], "--request", "dsar-1", "--minutes", "0")

    assert f"Erase customer {ANNA.ids['customer']}?" in invoke(*asked, answer="n\n").output
    assert invoke(*asked, "--yes").exit_code == erasing.PENDING
    assert len(published) == 1
    declined = invoke(*asked, answer="n\n")
    assert "Request dsar-1 is pending: waiting for" in declined.output
    assert "Publish it again" in declined.output
    assert declined.exit_code == 1
    assert len(published) == 1
    assert invoke(*asked, answer="y\n").exit_code == erasing.PENDING
    assert len(published) == 2

    planned = scene.erase(customer_id=ANNA.ids["customer"])
    scene.tell(scene.deliver(planned) + scene.pass_half_an_hour())
    assert "What remains" in run(*asked)
    assert json.loads(run(*asked, "--json"))["completed_at"]
    more = invoke(*asked, "--visitor", ANNA.ids["visitor"])
    assert "dsar-1 named other ids of this person" in str(more.exception)
    other = invoke("erase", "--customer", BOB.ids["customer"], "--request", "dsar-1")
    assert "dsar-1 names another person" in str(other.exception)
    assert len(published) == 2


def invoke(*words, answer=None):
    return CliRunner().invoke(main.app, list(words), input=answer)


def run(*words):
    answer = invoke(*words)
    assert answer.exit_code == 0, answer.output or answer.exception
    return answer.stdout
