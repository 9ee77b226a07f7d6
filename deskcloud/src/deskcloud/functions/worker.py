"""The process in which functions run. It is gunicorn with one worker, on a socket that the parent process has bound.

    python -m deskcloud.functions.worker FD THREADS SOURCE NAME...

FD is the file descriptor of the socket. The process ends when its standard input is closed. This also happens when the
parent process ends.
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
            # gunicorn's time limit for requests is off, because a function may take longer than a web request.
            "timeout": 0,
            # Clients close idle connections after a shorter time, so none sends a request when this server closes one.
            "keepalive": 75,
            "loglevel": "warning",
            "control_socket_disable": True,  # gunicorn's control socket would be a file in the home directory
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
    """Prepare the forked worker.

    Mark each line that a function prints with the function's name. Kill the worker when standard input is closed.
    """
    lock = threading.Lock()
    sys.stdout, sys.stderr = Marked(sys.stdout, lock), Marked(sys.stderr, lock)
    # Functions write their log lines to `sys.__stdout__`, because functions-framework changes what is written to
    # `sys.stdout`. These lines must be marked, too.
    sys.__stdout__ = sys.stdout  # type: ignore[misc,assignment]
    threading.Thread(target=_end_with_input, daemon=True).start()


def _warm_up() -> None:
    """Import the modules that the first events need, before this process forks workers.

    An ImportError is ignored here, because the function that needs the module will report it.
    """
    for module in os.environ.get(WARM_UP, "").split():
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    # Without this line, Google's BigQuery client would import pandas, which takes 1 s. Deployed functions have no
    # pandas either: it is installed for development only.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    _warm_up()
    os.chdir(Path(sys.argv[3]).parent)  # functions open files by paths relative to their source
    _Application(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]).run()
