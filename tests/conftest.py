"""Fixtures that several folders share, from tests/fixtures; and which tests run in one process."""

import os
from pathlib import PurePath

from xdist.scheduler import LoadScopeScheduling

# Functions that are given secrets do not even import without them.
os.environ.setdefault("PROPENSITY_PSEUDONYM_KEY", "a key for tests that hides nobody")

pytest_plugins = [
    "fixtures.bigquery",
    "fixtures.chain",
    "fixtures.deliveries",
    "fixtures.conversation",
    "fixtures.online",
    "fixtures.shop",
    "fixtures.storage",
    "fixtures.vertex",
]


class _BesideWhatTheyShare(LoadScopeScheduling):
    """Tests that share what takes long to start run in one process: those of sql/, and files named alike in a folder.

    So test_chain_errors.py runs beside test_chain_kill.py: both break one cloud.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = PurePath(nodeid.partition("::")[0])
        folder = path.parts[1]
        return folder if folder == "sql" else f"{folder}/{'_'.join(path.stem.split('_')[:2])}"


def pytest_xdist_make_scheduler(config, log):
    return _BesideWhatTheyShare(config, log)


def pytest_collection_modifyitems(items):
    """Begin with the whole chain, which takes longest, so that no process is left alone with it at the end.

    What was heard of the chain's conversation is told after it, and before others break the chain on purpose.
    """
    items.sort(key=_place)


def _place(item):
    if not item.path.stem.startswith("test_chain"):
        return (1,)
    return 0, item.path.parent, item.path.stem == "test_chain_conversation"
