"""The fixture for tests about erasures: the scene with two people."""

import io
import sys

import pytest
from google.cloud import storage as gcs

from cli.local_cloud import SALESFORCE_COLUMNS
from desk.platforms import running
from deskcloud.document import AdAccount, DataExtension, DataManager, GoogleAdsAccount, MailRelay, MarketingCloud
from fixtures.signed_in import sign_in
from shared.chain.environment import Environment
from shared.settings import Settings
from sql.erasure.scene import HALF_AN_HOUR, Scene

META = "23842587123456789"
ACCOUNT, LIST, EXTENSION = "1234567890", "987", "audience"


@pytest.fixture
def scene(warehouse, tmp_path, monkeypatch):
    found = warehouse.settings
    sign_in(monkeypatch)
    ads = DataManager((GoogleAdsAccount(ACCOUNT, (LIST,)),), processing_seconds=HALF_AN_HOUR)
    extension = MarketingCloud((DataExtension(EXTENSION, SALESFORCE_COLUMNS),), processing_seconds=60)
    meta = AdAccount("act_1", (META,), processing_seconds=0)
    with running(tmp_path, meta=meta, datamanager=ads, salesforce=extension, mail=MailRelay()) as platforms:
        document = {
            "project": found.project,
            "bucket": found.bucket,
            "dataset": found.dataset,
            "files": {"mode": "replace"},
            "google_ads": {
                "mode": "replace",
                "account": ACCOUNT,
                "user_list": LIST,
                "api_endpoint": platforms.url["datamanager"],
            },
            "meta": {"mode": "replace", "audience": META, "api_endpoint": platforms.url["meta"]},
            "salesforce": {
                "mode": "replace",
                "subdomain": "mc123",
                "data_extension": EXTENSION,
                "api_endpoint": platforms.url["salesforce"],
            },
            "mail": {
                "mode": "on",
                "relay": platforms.url["mail"],
                "starttls": "off",
                "sender": "hello@shop.example",
                "quiet_from": 0,
                "quiet_until": 0,
            },
        }
        environment = Environment(Settings.from_document(document))
        environment.__dict__["bigquery"] = warehouse.client
        environment.__dict__["storage"] = gcs.Client(found.project)
        # A sent e-mail publishes a campaign event. No function of the scene subscribes to it, so it is dropped.
        monkeypatch.setattr(environment, "send", lambda *_: None)
        monkeypatch.setattr(sys, "__stdout__", printed := io.StringIO())
        yield Scene(warehouse, environment, platforms, printed)
        for blob in environment.bucket.list_blobs():
            blob.delete()
