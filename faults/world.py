"""The local cloud of a series of fault trials: its process, and the state from which each trial run starts."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
from google.cloud import pubsub_v1  # type: ignore[attr-defined]

from cli import resetting, rollback
from faults.proxy import Proxies
from faults.schedule import Fault
from shared import jsontext
from shared.chain.environment import Environment
from shared.errors import Permanent
from shared.settings import Settings

PROJECT = "faults-local"
SETTINGS = {
    "bucket": PROJECT,
    "checks": {"max_age_days": 0},
    "label": {"horizon_days": 5},
    "gate": {"min_positives": 1, "min_roc_auc": 0.5, "min_roc_auc_lower": 0, "margin": 100},
    "training": {"candidates": ["baseline", "logistic"]},
    "files": {"mode": "replace"},
    "wait_seconds": 6,
    "resume_after_minutes": 0,
}
SERVICES = ("bigquery", "storage", "pubsub", "vertex", "logging", "functions")
_START_SECONDS = 120
_HEARD = ("audience-published", "model-rejected", "recommendations-built")


class World:
    """The cloud's process, the proxies in front of it, and clients that bypass the proxies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state = self.folder / "state"
        self.log = self.folder / "log"
        self._ports = {service: _free_port() for service in SERVICES}
        self.proxies = Proxies(self.strike)
        self._proxied: dict[str, int] = {}
        self._process: subprocess.Popen[str] | None = None
        # Only one fault at a time may change the processes.
        self._changing = threading.Lock()

    @contextlib.contextmanager
    def proxied(self) -> Iterator[None]:
        """Start the proxies, one in front of each service, and run them while the context is open."""
        with self.proxies.running():
            self._proxied = {service: self.proxies.front(service, port) for service, port in self._ports.items()}
            yield

    def start(self) -> None:
        """Start the cloud's process, and return once all services answer.

        Raises:
            RuntimeError: the process has not started in time.
        """
        deadline = time.monotonic() + _START_SECONDS
        arguments = [jsontext.text(one) for one in (SETTINGS, self._ports, self._proxied)]
        while True:
            with self.log.open("a") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "faults.child", str(self.state), *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                )
            if line := self._process.stdout.readline():
                break
            # The process may have failed because children of the former process still run and use a port.
            self._process.wait()
            if time.monotonic() > deadline:
                raise RuntimeError(f"the local cloud does not start: see {self.log}")
            time.sleep(0.5)
        os.environ.update(json.loads(line))
        self.clients = Environment(Settings.from_environment())

    def stop(self) -> None:
        """Close the standard input of the cloud's process, so that the process ends. Wait for its end."""
        with self._changing:
            self._process.stdin.close()
            self._process.wait(120)

    def keep(self) -> None:
        """Copy the current state. All later runs start from this copy. The process must be stopped."""
        shutil.rmtree(self.folder / "kept", ignore_errors=True)
        shutil.copytree(self.state, self.folder / "kept", symlinks=True)

    def restore(self) -> None:
        """Replace the state by the copy that `keep` made. The process must be stopped."""
        shutil.rmtree(self.state)
        shutil.copytree(self.folder / "kept", self.state, symlinks=True)

    def strike(self, fault: Fault) -> None:
        """Carry out a fault that strikes a process, or that an operator causes: a rollback or a reset."""
        match fault.kind:
            case "kill worker" | "freeze worker":
                with self._changing:
                    strike_worker(self._process.pid, fault)
            case "kill up":
                with self._changing:
                    self._kill()
            case "freeze up":
                with self._changing:
                    _freeze(psutil.Process(self._process.pid), fault.seconds)
            case "rollback":
                self.insist(partial(rollback.roll_back, reason="a fault", by="faults"))
            case "reset":
                self.insist(lambda clients: resetting.plan(clients, None).carry_out())

    def insist[T](self, action: Callable[[Environment], T], seconds: float = 90) -> T:
        """Call `action` with the clients, and return the result.

        After any error except Permanent, retry for `seconds`, because services may be down.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                return action(self.clients)
            except Exception as error:
                if isinstance(error, Permanent) or time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def _kill(self) -> None:
        up = psutil.Process(self._process.pid)
        started = up.children(recursive=True)
        up.kill()
        self._process.wait()
        psutil.wait_procs(started, timeout=30)
        self.start()


def strike_worker(pid: int, fault: Fault) -> None:
    """Kill or freeze the process in which the functions run, a child of process `pid`."""
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(pid).children(recursive=True)
        workers = [process for process in started if "deskcloud.functions.worker" in process.cmdline()]
        if workers and fault.kind == "kill worker":
            workers[-1].kill()
        elif workers:
            _freeze(workers[-1], fault.seconds)


def _freeze(process: psutil.Process, seconds: float) -> None:
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGCONT)


def listen() -> None:
    """Subscribe to the topics of _HEARD, so that `heard` can return their messages."""
    subscriber = pubsub_v1.SubscriberClient()
    for topic in _HEARD:
        subscriber.create_subscription(
            name=f"projects/{PROJECT}/subscriptions/{topic}", topic=f"projects/{PROJECT}/topics/{topic}"
        )


def heard() -> dict[str, list[str]]:
    """Return the bodies of the messages on the topics of _HEARD since the last call, sorted, without duplicates."""
    subscriber, bodies = pubsub_v1.SubscriberClient(), {}
    for topic in _HEARD:
        path = f"projects/{PROJECT}/subscriptions/{topic}"
        bodies[topic] = set()
        while found := subscriber.pull(subscription=path, max_messages=100, timeout=0.5).received_messages:
            bodies[topic] |= {one.message.data.decode() for one in found}
            subscriber.acknowledge(subscription=path, ack_ids=[one.ack_id for one in found])
    return {topic: sorted(found) for topic, found in bodies.items()}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
