"""The scene of tests about erasures, with two people, Anna and Bob.

Every table has rows of both people, and the bucket has files about both. Both people are members at three platforms.
"""

import base64
import datetime as dt
import hashlib
import io
import json
from collections import defaultdict
from dataclasses import dataclass, field

from cli import declarations
from desk.platforms import Desk
from fixtures.pubsub import delivered
from functions import erase_subject, send_to_files, send_to_google_ads
from shared import withheld
from shared.chain.environment import Environment, StepContext
from shared.chain.opened_runs import CustomersRun
from shared.chain.runs import Record
from shared.dead_letters import Letter
from shared.deadline import Deadline
from shared.destinations import marketing_cloud
from shared.destinations.meta import MetaDestination
from shared.destinations.salesforce import SalesforceDestination
from shared.destinations.step import step_of
from shared.erasure.certificate import Certificate, path
from shared.erasure.persons import UNTIL_REMOVED
from shared.events import CustomersDue, CustomersResolved, MembersDelivered, MembersDue
from shared.messages.log_events import MessageSent
from shared.messages.relay import Credentials
from shared.messages.sending import Messenger
from shared.online.contract import CheckoutScored
from shared.store import Store

DAY = dt.date(2017, 8, 1)
TABLES = {table.name: table for table in declarations.read().tables}
PERSONS = declarations.read().persons
FILLED = PERSONS.keys() - UNTIL_REMOVED
# The tables from which message_customer reads whether a customer may get an e-mail.
RECIPIENTS = {"customers", "customer_visitors", "consents"}
AUDIENCE = "20170801-00000000"
HALF_AN_HOUR = 1800
VALUES = {"STRING": "x", "INT64": 1, "FLOAT64": 0.5, "BOOL": True, "DATE": DAY, "TIMESTAMP": "2017-08-01 10:00:00 UTC"}


@dataclass
class Who:
    """A person. The person's name is part of all the person's ids and addresses."""

    name: str

    @property
    def ids(self):
        return {
            "customer": f"customer-{self.name}",
            "user": f"user-{self.name}",
            "order": f"order-{self.name}",
            "visitor": f"visitor-{self.name}",
        }

    @property
    def email(self):
        return f"{self.name}@example.com"

    def marks(self):
        """Return all texts by which the person could be recognized: ids, addresses, and hashes of these."""
        texts = {*self.ids.values(), self.email, f"+336{self.name}", self.name}
        return texts | {hashlib.sha256(one.encode()).hexdigest() for one in texts}


ANNA, BOB = Who("anna"), Who("bob")


def row(table, who):
    """Return a row of `table` that is about the person `who`.

    Columns with ids or addresses of people hold the ids and addresses of this person.
    """
    kinds, declared = PERSONS[table], TABLES[table]
    of_row = {
        "arm": "holdout" if table == "assignments" else "treated",
        "channel": "none",
        "email": who.email,
        "phone": f"+336{who.name}",
        "first_name": who.name,
        "last_name": who.name,
        "country": "FR",
        "purpose": "email",
        "email_sha256": hashlib.sha256(who.email.encode()).hexdigest(),
        "session_id": f"{who.ids['visitor']}-1",
        "digest": f"row of {who.name}",
    }
    return {
        column.name: who.ids[kinds[column.name]]
        if column.name in kinds
        else of_row.get(column.name, VALUES[column.type])
        for column in declared.columns
        if not column.repeated
    }


@dataclass
class Scene:
    """Delivers messages to functions at the time `now`, which a test can set, and reads all stored data afterwards."""

    warehouse: object
    environment: Environment
    platforms: Desk
    printed: io.StringIO
    published: list = field(default_factory=list)
    now: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    def fill(self, tables=FILLED):
        filled = {table: [row(table, ANNA), row(table, BOB)] for table in tables}
        self.warehouse.fill(filled)
        self.warehouse.filled.update(UNTIL_REMOVED)
        self.warehouse.filled.update(("tombstones", "erasure_key", "erasures", "sends"))
        bucket = self.environment.bucket
        lines = "".join(f"{who.ids['visitor']},0.5,1\n" for who in (ANNA, BOB))
        bucket.blob(f"runs/{AUDIENCE}/audience/audience-0.csv").upload_from_string(
            f"visitor_id,probability,decile\n{lines}"
        )
        for who in (ANNA, BOB):
            body = json.dumps({"visitor_id": who.ids["visitor"], "cart": []})
            self.environment.dead_letters.bury(who.name, letter(body))
        hashes = sorted(hashlib.sha256(who.ids["visitor"].encode()).hexdigest()[:16] for who in (ANNA, BOB))
        bucket.blob(withheld.PATH).upload_from_string(withheld.content(hashes))

    def mail(self, who):
        """Send the person the e-mail after a checkout. The tables of RECIPIENTS must be filled."""
        known = self.platforms.running.credentials
        credentials = Credentials(known["MAIL_USER"], known["MAIL_PASSWORD"])
        scored = CheckoutScored(
            probability=0.6,
            decile=1,
            model_version="7",
            offer="coupon",
            next_products=[],
            request_id=f"checkout of {who.name}",
            scored_by="embedded",
            visitor_id=who.ids["visitor"],
        )
        messenger = Messenger(self.environment, erase_subject.PSEUDONYMS, credentials, self.now)
        assert isinstance(messenger.take(scored, self.now), MessageSent)

    def resolve(self):
        """Open a run that finds the customers of the day. Return the run's last event without running its steps."""
        resolved = CustomersResolved(AUDIENCE, DAY, 2)
        self.environment.runs.open(CustomersRun(self.now, CustomersDue(AUDIENCE), DAY, "20170801-ffffffff"))
        return resolved

    def handle(self, step, topic, body):
        """Deliver a message to a step, as shared/handler.py does. Return the event that the step returns."""
        self.now += dt.timedelta(minutes=1)
        message = delivered(body, topic, published_at=self.now)
        due = step.event(message, self.environment, self.now)
        if due is None:
            return None
        record = self.environment.runs.record(due.run_id, step.name)
        if record:
            return record.event
        event = step.run(due, StepContext(self.environment, due.run_id, step.name, self.now, Deadline(60)))
        if event:
            done = Record(step.name, event, self.now, self.now, 0.0)
            self.environment.runs.finish(due.run_id, done)
            self.published.append((event.topic, event.to_json()))
        return event

    def deliver(self, event):
        """Deliver the event to the functions of all destinations. Return the events that these functions return."""
        return self._handled_by_all(event.topic, event.to_json())

    def pass_half_an_hour(self):
        """Let the platforms process their requests, and deliver the scheduled message. Return the functions' events."""
        self.platforms.advance(HALF_AN_HOUR)
        self.now += dt.timedelta(seconds=HALF_AN_HOUR)
        return self._handled_by_all(MembersDue.topic, {})

    def _handled_by_all(self, topic, body):
        steps = (send_to_files.STEP, send_to_google_ads.STEP, self.to_salesforce, self.to_meta)
        return [event for step in steps if (event := self.handle(step, topic, body))]

    @property
    def to_meta(self):
        token = self.platforms.running.credentials["META_ACCESS_TOKEN"]
        return step_of("send_to_meta", MetaDestination.name, lambda world: MetaDestination(world.settings.meta, token))

    @property
    def to_salesforce(self):
        known = self.platforms.running.credentials
        client = marketing_cloud.Client(known["SALESFORCE_CLIENT_ID"], known["SALESFORCE_CLIENT_SECRET"])
        destination = SalesforceDestination(self.environment.settings.salesforce, client)
        return step_of("send_to_salesforce", SalesforceDestination.name, lambda _: destination)

    def erase(self, **asked):
        return self.handle(erase_subject.STEP, "erasure-requested", {"request_id": "dsar-1", **asked})

    def request(self, topic, body):
        """Publish a message, as commands do. The function erase_subject handles the message at once."""
        self.handle(erase_subject.STEP, topic, body)

    def log_checkout(self, who):
        """Write a log line about the person's checkout of yesterday into the table of the log."""
        prediction = {"visitor": erase_subject.PSEUDONYMS.of(who.ids["visitor"])}
        line = {"timestamp": self.now - dt.timedelta(days=1), "jsonPayload": {"prediction": prediction}}
        self.warehouse.fill({"run_googleapis_com_stdout": [line]})

    def tick(self, days=0):
        self.now += dt.timedelta(days=days)
        return self.handle(erase_subject.STEP, "erasure-due", {})

    def tell(self, events):
        """Deliver each MembersDelivered among the events to the function erase_subject."""
        for one in events:
            if isinstance(one, MembersDelivered):
                self.handle(erase_subject.STEP, one.topic, one.to_json())

    def certificate(self, request_id="dsar-1"):
        return Store(self.environment.bucket).read(path(request_id), Certificate)

    def everything(self):
        """Map each place to the text that is stored there.

        Places are tables, objects, events, the log, the platforms' members, and mailboxes.
        """
        client, dataset = self.environment.bigquery, self.environment.settings.dataset
        # Read all tables with one statement, because one request per table would take most of the test's time.
        rows = " union all ".join(
            f"select 'table {one.table_id}' as place, to_json_string(t) as text from `{dataset}.{one.table_id}` as t"  # noqa: S608
            for one in client.list_tables(dataset)
            if one.table_type == "TABLE"
        )
        found = defaultdict(str)
        for place, text in client.query_and_wait(rows):
            found[place] += text
        for blob in self.environment.bucket.list_blobs():
            found[f"object {blob.name}"] = f"{blob.name} {blob.download_as_bytes().decode(errors='replace')}"
        for name, one in self.environment.dead_letters.all().items():
            found[f"letter {name}"] = base64.b64decode(one.data).decode()
        withheld_now = self.environment.bucket.get_blob(withheld.PATH)
        found["withheld"] = withheld_now.download_as_bytes().hex() if withheld_now else ""
        found["events"] = json.dumps(self.published)
        found["log"] = self.printed.getvalue()
        settings = self.environment.settings
        found["mailboxes"] = json.dumps(self.platforms.admin("GET", "mail/messages"))
        found["meta"] = self._members("meta", settings.meta.audience)
        found["salesforce"] = self._members("salesforce", settings.salesforce.data_extension)
        found["google_ads"] = self._members(
            "datamanager", f"{settings.google_ads.account}/{settings.google_ads.user_list}"
        )
        return found

    def _members(self, platform, name):
        found = self.platforms.members(platform, name)
        return json.dumps([member for member, counts in found.items() if counts[0]])


def where(who, everything):
    """Return the places whose text contains one of the person's ids, addresses or hashes."""
    marks = who.marks() | {one[:16] for one in who.marks() if len(one) == 64}
    return {place for place, text in everything.items() if any(mark in text for mark in marks)}


def letter(body):
    data = base64.b64encode(body.encode()).decode()
    return Letter(function="f", reason="r", received_at=dt.datetime.now(dt.UTC), data=data)
