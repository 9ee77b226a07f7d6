"""The environment variables through which functions and clients reach the platforms that a document declares."""

from collections import defaultdict
from pathlib import Path

import pytest

from desk.platforms import SECRET, running
from deskcloud import document, platforms
from deskcloud.document import Fault, MailRelay, Platforms
from deskcloud.platforms.faults import UnknownFaultError
from deskcloud.web import credentials
from deskcloud.web.guard import Rules

EXAMPLE = Path(document.__file__).parents[2] / "example" / "platforms.yaml"


def started(state, named):
    return platforms.run(state, named, defaultdict(int), Rules(SECRET))


def test_each_platform_of_the_example_has_an_address_and_credentials(tmp_path):
    named = document.read(EXAMPLE).platforms
    with started(tmp_path, named) as found:
        variables = found.variables(lambda service, url: f"{url}/{service}")
        first = dict(found.credentials)
        assert set(found.environment(lambda _, url: url)) == {
            f"{name}_EMULATOR_HOST" for name in ("DATAMANAGER", "META", "SALESFORCE", "MAIL", "PLATFORMS")
        }
    assert set(variables) - first.keys() == {
        "DATAMANAGER_URL",
        "META_URL",
        "SALESFORCE_URL",
        "MAIL_HOST",
        "PLATFORMS_URL",
    }
    assert SECRET in variables["PLATFORMS_URL"]
    # Clients of Google and Meta send the secret as a token, so the URL does not contain it.
    assert variables["META_URL"].endswith("/meta")
    assert SECRET not in variables["META_URL"] + variables["DATAMANAGER_URL"]
    with started(tmp_path, named) as found:
        assert found.credentials == first
    # A function gets each credential as a secret. The secrets are stored in the state, so they survive a restart.
    assert credentials.secrets(tmp_path, first) == first


def test_without_declared_platforms_no_platform_runs(tmp_path):
    with started(tmp_path, Platforms()) as found:
        assert (found.addresses, found.credentials) == ({}, {})


def test_a_fault_that_a_platform_does_not_have_stops_the_start(tmp_path):
    named = MailRelay(faults=(Fault("never_ends"),))
    with pytest.raises(UnknownFaultError, match="no fault never_ends"), running(tmp_path, mail=named):
        pass
