"""The process that functions run in: gunicorn with one worker, on a socket that the parent has bound.

    python -m deskcloud.functions.worker FD THREADS SOURCE NAME...

It ends when its standard input does, so that it never outlives the process that started it.
"""

import contextlib
import importlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from deskcloud.functions.arriving import ArrivingWorker, from_environment
from deskcloud.functions.dispatcher import Dispatcher
from deskcloud.functions.output import Marked
from deskcloud.functions.process import WARM_UP
from deskcloud.web import guard

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _Application(BaseApplication):  # type: ignore[misc]
    def __init__(self, descriptor: int, threads: int, source: Path, names: list[str]) -> None:
        self._settings = {
            "bind": f"fd://{descriptor}",
            "workers": 1,
            "worker_class": ArrivingWorker,
            "threads": threads,
            "timeout": 0,  # a function may take longer than a web request
            "keepalive": 75,  # longer than any client keeps a connection, so that none is closed under a request
            "loglevel": "warning",
            "control_socket_disable": True,  # it would lie in the home directory
            "post_worker_init": _prepare,
        }
        self._source = source
        self._names = names
        self._rules, ArrivingWorker.waits = from_environment()
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":
        return guard.wsgi(Dispatcher(self._source, self._names), self._rules)


def _prepare(_: Worker) -> None:
    """In the worker, once it is forked: mark what is printed, and watch for the end of the parent."""
    lock = threading.Lock()
    sys.stdout, sys.stderr = Marked(sys.stdout, lock), Marked(sys.stderr, lock)
    # Functions write whole lines of log to this one, past what functions-framework puts before the other.
    sys.__stdout__ = sys.stdout  # type: ignore[misc,assignment]
    threading.Thread(target=_end_with_input, daemon=True).start()


def _warm_up() -> None:
    """Import what events would wait for, once for every worker that is forked from here.

    A module that cannot be imported is the function's error to report.
    """
    for module in os.environ.get(WARM_UP, "").split():
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    # Installed for development, never deployed; where Google's BigQuery client finds it, it imports it, for a second.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    _warm_up()
    os.chdir(Path(sys.argv[3]).parent)  # as on Google Cloud
    _Application(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]).run()
