"""Forbid tests in a folder `unit` to start a process or to open a socket. Such tests belong in `component`."""

import sys

import pytest

_FORBIDDEN = {"socket.bind", "socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn"}
_running = []


def _refuse(event, _):
    if _running and event in _FORBIDDEN:
        raise AssertionError(f"{event} in {_running[-1]}, which is a unit test: move it to component/")


# Python cannot remove an audit hook again, so the hook itself checks whether a unit test is running.
sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def kept_to_its_room(request):
    """Raise an error if a unit test starts a process or opens a socket."""
    if request.path.parent.name != "unit":
        yield
        return
    _running.append(request.node.nodeid)
    yield
    _running.pop()
