"""Import the fixtures of tests/desk that several folders use, and decide which tests run in the same process."""

from desk.scheduling import BesideWhatTheyShare

pytest_plugins = ["desk.bigquery", "desk.conversation", "desk.platforms", "desk.rooms", "desk.storage", "desk.vertex"]


def pytest_xdist_make_scheduler(config, log):
    return BesideWhatTheyShare(config, log)
