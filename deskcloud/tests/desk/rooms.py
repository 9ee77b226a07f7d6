"""Tests in a folder `unit` start no process and open no socket. Tests that do belong in `component`."""

import sys

import pytest

_FORBIDDEN = {"socket.bind", "socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn"}
_running = []


def _refuse(event, _):
    if _running and event in _FORBIDDEN:
        raise AssertionError(f"{event} in {_running[-1]}, which is a unit test: move it to component/")


# An audit hook cannot be removed, so it checks whether a unit test runs.
sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def kept_to_its_room(request):
    """Refuse processes and sockets while a unit test runs."""
    if request.path.parent.name != "unit":
        yield
        return
    _running.append(request.node.nodeid)
    yield
    _running.pop()
