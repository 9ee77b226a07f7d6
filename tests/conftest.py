"""Fixtures of several folders, from tests/fixtures and deskcloud/tests/desk; and which tests run in one process."""

import os

from desk.scheduling import BesideWhatTheyShare

# Functions that are given secrets do not even import without them.
os.environ.setdefault("PROPENSITY_PSEUDONYM_KEY", "a key for tests that hides nobody")
os.environ.setdefault("META_ACCESS_TOKEN", "a token for tests")
os.environ.setdefault("SALESFORCE_CLIENT_ID", "a client for tests")
os.environ.setdefault("SALESFORCE_CLIENT_SECRET", "a secret for tests")
os.environ.setdefault("MAIL_USER", "a user for tests")
os.environ.setdefault("MAIL_PASSWORD", "a password for tests")

pytest_plugins = [
    "desk.bigquery",
    "fixtures.chain",
    "fixtures.deliveries",
    "fixtures.handling",
    "desk.conversation",
    "fixtures.online",
    "fixtures.shop",
    "fixtures.versions",
    "desk.rooms",
    "desk.storage",
    "desk.vertex",
]


def pytest_xdist_make_scheduler(config, log):
    return BesideWhatTheyShare(config, log)


def pytest_collection_modifyitems(items):
    """Begin with the whole chain, which takes longest, so that no process is left alone with it at the end.

    What was heard of the chain's conversation is told after it, and before others break the chain on purpose.
    """
    items.sort(key=_place)


def _place(item):
    if not item.path.stem.startswith("test_chain"):
        return (1,)
    return 0, item.path.parent, item.path.stem == "test_chain_conversation"
