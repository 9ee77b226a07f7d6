"""Start the local platforms for a test, and call the platforms' admin API, which exists for tests."""

import contextlib
import hashlib
from collections import defaultdict

import httpx
import pytest

from deskcloud import platforms
from deskcloud.document import Platforms
from deskcloud.web.guard import Rules
from deskcloud.web.plain import NO_TLS

SECRET = "a-secret"  # noqa: S105 - a secret for platforms that run only during a test
HTTP = httpx.Client(verify=NO_TLS, trust_env=False)


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Desk:
    """Running local platforms, with their URLs and methods that call their admin API."""

    def __init__(self, running):
        self.running, self.url = running, running.addresses
        self._admin = running.services()["platforms"]

    def admin(self, method, path, **body):
        answer = HTTP.request(method, f"{self._admin}/{path}", json=body or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, seconds):
        """Advance the platforms' clock."""
        self.admin("POST", "clock", advance_seconds=seconds)

    def plan(self, platform, *faults):
        """Plan faults of a platform. The next requests to the platform meet these faults."""
        self.admin("PUT", f"{platform}/faults", faults=list(faults))

    def members(self, platform, name):
        """Map each person who is or was a member of the list `name` to four values.

        The values are: whether the person is a member, and how often the person was added, updated and removed.
        """
        found = self.admin("GET", f"{platform}/members/{name}")["members"]
        return {
            member: (one["is_member"], one["added"], one["updated"], one["removed"]) for member, one in found.items()
        }

    def received(self, platform):
        """Return each request that the platform has received, with the HTTP status of the answer."""
        found = self.admin("GET", f"{platform}/requests")["requests"]
        return [(one["request"], one["status"]) for one in found]


@contextlib.contextmanager
def running(folder, **named):
    """Run the platforms that `named` configures. The platforms keep their state in `folder`."""
    with platforms.run(folder, Platforms(**named), defaultdict(int), Rules(SECRET)) as found:
        yield Desk(found)


@pytest.fixture
def desk(tmp_path):
    """Return a function that starts platforms for one test. For example, `desk(meta=...)` starts the local Meta."""
    with contextlib.ExitStack() as stack:
        yield lambda **named: stack.enter_context(running(tmp_path, **named))
