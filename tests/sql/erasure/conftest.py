"""The fixture for tests about erasures: the scene with two people."""

import io
import sys

import pytest
from google.cloud import storage as gcs

from desk.platforms import running
from deskcloud.document import AdAccount, DataManager, GoogleAdsAccount
from fixtures.signed_in import sign_in
from shared.chain.environment import Environment
from shared.settings import Settings
from sql.erasure.scene import HALF_AN_HOUR, Scene

META = "23842587123456789"
ACCOUNT, LIST = "1234567890", "987"


@pytest.fixture
def scene(warehouse, tmp_path, monkeypatch):
    found = warehouse.settings
    sign_in(monkeypatch)
    ads = DataManager((GoogleAdsAccount(ACCOUNT, (LIST,)),), processing_seconds=HALF_AN_HOUR)
    with running(tmp_path, meta=AdAccount("act_1", (META,), processing_seconds=0), datamanager=ads) as platforms:
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
        }
        environment = Environment(Settings.from_document(document))
        environment.__dict__["bigquery"] = warehouse.client
        environment.__dict__["storage"] = gcs.Client(found.project)
        monkeypatch.setattr(sys, "__stdout__", printed := io.StringIO())
        yield Scene(warehouse, environment, platforms, printed)
        for blob in environment.bucket.list_blobs():
            blob.delete()
