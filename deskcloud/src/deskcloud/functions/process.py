"""Serve functions in a process, and start a new process if the old process dies."""

import collections
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx

from deskcloud.functions import output
from deskcloud.web.plain import NO_TLS

type OnLine = Callable[[str, str], None]
"""Called with a function's deployed name, in kebab-case, and a line that the function printed.

If it is not known which function printed the line, the name is `functions`.
"""

WARM_UP = "LOCAL_FUNCTIONS_WARM_UP"
"""The environment variable with the names of the modules that a process imports before its first event."""

_log = logging.getLogger(__name__)

_START_SECONDS = 60.0
_BACKOFF = (0.1, 5.0)
"""First and maximum delay, in seconds, before a dead process is replaced. The delay doubles each time."""

_LONG_LIFE = 60.0
"""If a process lived for more than this number of seconds, the next delay is the first delay again."""


class FunctionsError(RuntimeError):
    """The source file of the functions does not exist, or their process does not start."""


class Process:
    """Serves the functions `names` of the file `source`. The port stays the same when the process is replaced."""

    def __init__(
        self, source: Path, names: list[str], env: Mapping[str, str], port: int, threads: int, on_line: OnLine
    ) -> None:
        self._source = source
        self._names = names
        self._env = {**os.environ, **env, "PYTHONUNBUFFERED": "1"}
        self._threads = threads
        self._on_line = on_line
        # Each process inherits this socket. The port stays open, and requests wait, while a process is replaced.
        self._listener = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._stopping = threading.Event()
        self._child: subprocess.Popen[str] | None = None
        self._last_lines: collections.deque[str] = collections.deque(maxlen=20)
        self._thread = threading.Thread(target=self._keep_running, name="functions", daemon=True)

    def start(self) -> None:
        """Start the process and wait until the functions answer.

        Raises:
            FunctionsError: the functions do not answer. The message contains the last lines that the process printed.
        """
        self._thread.start()
        try:
            httpx.get(self.url, timeout=_START_SECONDS, trust_env=False, verify=NO_TLS)
        except httpx.HTTPError as error:
            printed = "\n".join(self._last_lines) or "nothing"
            raise FunctionsError(f"{', '.join(self._names)} did not start; the process printed:\n{printed}") from error

    def stop(self) -> None:
        """End the process and wait for it."""
        self._stopping.set()
        if self._child is not None:
            self._end(self._child)
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()

    def _keep_running(self) -> None:
        shortest, longest = _BACKOFF
        wait = shortest / 2
        while not self._stopping.is_set():
            began = time.monotonic()
            with self._spawned() as child:
                self._child = child
                if self._stopping.is_set():
                    self._end(child)
                for line in child.stdout or ():
                    self._pass_on(line.rstrip("\n"))
                code = child.wait()
            if self._stopping.is_set():
                return
            wait = shortest if time.monotonic() - began > _LONG_LIFE else min(wait * 2, longest)
            _log.warning("%s ended with status %d and is replaced", ", ".join(self._names), code)
            self._stopping.wait(wait)

    @contextlib.contextmanager
    def _spawned(self) -> Iterator[subprocess.Popen[str]]:
        descriptor = self._listener.fileno()
        command = [
            sys.executable, "-m", "deskcloud.functions.worker",
            str(descriptor), str(self._threads), str(self._source), *self._names,
        ]  # fmt: skip
        with subprocess.Popen(  # noqa: S603 it starts only our own module
            command,
            env=self._env,
            pass_fds=[descriptor],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C must not reach the child: this process ends the child
        ) as child:
            yield child

    def _pass_on(self, line: str) -> None:
        function, text = output.split(line)
        self._last_lines.append(text)
        service = function or (self._names[0] if len(self._names) == 1 else "functions")
        try:
            self._on_line(service.replace("_", "-"), text)
        except Exception:  # noqa: BLE001 a failing log must not stop the functions
            _log.exception("a line of %s could not be logged", service)

    def _end(self, child: subprocess.Popen[str]) -> None:
        """Kill `child` and its workers. No event is lost, because Pub/Sub delivers an unanswered event again."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
