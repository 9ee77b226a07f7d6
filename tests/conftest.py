"""Import the fixtures that several folders of tests use, and decide the order of the tests."""

import os

from desk.scheduling import BesideWhatTheyShare

# Some functions need secrets, and cannot be imported without these variables.
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
    """Order the tests.

    The tests of the whole chain and those of sql/ run first, because each of the two groups takes long and runs in one
    process. Otherwise, one process would still run them when all other processes are idle. Of the tests of the chain,
    those that read its recorded requests come second, and those that break the chain come third.
    """
    items.sort(key=_place)


def _place(item):
    if item.path.stem.startswith("test_chain"):
        return 0, item.path.parent, item.path.stem == "test_chain_conversation"
    return (1,) if "sql" in item.path.parts else (2,)
