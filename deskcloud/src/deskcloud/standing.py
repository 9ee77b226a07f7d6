"""Run a local cloud until the user ends the process."""

import contextlib
import errno
import itertools
import os
import queue
import shlex
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deskcloud.cloud import AlreadyRunningError, Ports, Running
from deskcloud.errors import CommandError, UsageError

# The default ports of the services.
FIXED = Ports(
    bigquery=9050,
    bigquery_storage=9060,
    storage=9023,
    pubsub=8085,
    vertex=9051,
    logging=9052,
    functions=8080,
    datamanager=9053,
    meta=9054,
    salesforce=9055,
    mail=9025,
    platforms=9056,
)


def ports(named: Mapping[str, int | None], *, are_free: bool) -> Ports:
    """Return the port of each service. `named` maps services to the ports that the user has chosen, or to None.

    For all other services, the port is 0 (any free port) if `are_free`, and otherwise the default port.

    Raises:
        UsageError: two services have the same port.
    """
    others = Ports() if are_free else FIXED
    chosen = asdict(others) | {service: port for service, port in named.items() if port is not None}
    for one, other in itertools.combinations(chosen, 2):
        if chosen[one] and chosen[one] == chosen[other]:
            raise UsageError(f"{_flag(one)} and {_flag(other)} are both {chosen[one]}: give one of them another port")
    return Ports(**chosen)


def _flag(service: str) -> str:
    return f"--{service.replace('_', '-')}-port"


def require(chosen: Ports) -> None:
    """Check that the ports are available.

    Raises:
        CommandError: a port is not available. The message names the port, its flag and the remedy.
    """
    for service, port in asdict(chosen).items():
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
            raise CommandError(
                f"port {port} for {service} {why}: choose another with {_flag(service)}, or `--ports free` for all"
            ) from error


def run(
    start: Callable[[], Running],
    chosen: Ports,
    env_file: Path | None,
    say: Callable[[str], object],
) -> None:
    """Start a cloud, print how to reach it, and wait for Ctrl-C or a termination signal.

    Raises:
        CommandError: another process uses the state folder or a port.
    """
    # This is a queue and not an event, because a second signal may interrupt the handler of the first. Event.set would
    # then wait forever for a lock that the same thread already holds.
    ending: queue.SimpleQueue[None] = queue.SimpleQueue()
    # Install the handlers before the start, so that a signal during the start stops the services too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.put(None))
    with contextlib.ExitStack() as stack:
        try:
            cloud = stack.enter_context(start())
        except AlreadyRunningError as error:
            raise CommandError(str(error)) from error
        except OSError:
            # Here, this cloud's own services have already stopped. So if a port is taken, another process uses it.
            require(chosen)
            raise
        lines = [f"export {name}={shlex.quote(value)}" for name, value in cloud.environment.items()]
        if env_file:
            _write_for_its_owner(env_file, "\n".join(lines) + "\n")
        for line in lines:
            say(line)
        say("ready; Ctrl-C ends it")
        ending.get()
        say("ending ...")


def as_line(entry: Mapping[str, Any]) -> str:
    """Format a log entry of the functions as one line: severity, run id and message."""
    payload = entry.get("jsonPayload", {})
    message = payload.get("message") or entry.get("textPayload", "")
    return f"{entry.get('severity', 'DEFAULT'):8} {payload.get('run_id', ''):17} {message}"


def _write_for_its_owner(file: Path, content: str) -> None:
    """Write a file that contains a secret, so that only the file's owner can read it."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        os.fchmod(opened.fileno(), 0o600)
        opened.write(content)
