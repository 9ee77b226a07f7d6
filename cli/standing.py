"""`propensity up`: a local cloud that stays until it is told to end."""

import shlex
import signal
import threading
from pathlib import Path
from typing import Any

from rich.console import Console

from cli import machine
from local.cloud import Ports


def run(
    state: Path,
    assignments: list[str],
    ports: tuple[int, ...],
    env_file: Path | None,
    out: Console,
    *,
    is_on_demand: bool = False,
    is_strict: bool = False,
) -> None:
    """Start it, say how to reach it, and wait for Ctrl-C or a termination signal. `ports` are in the order of Ports."""
    document = machine.local_settings({}, assignments)
    ending = threading.Event()
    # Set before anything is started, so that a signal during the start ends what was started too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    out.print(f"starting the local cloud in {state} ...")
    started = machine.started(
        state,
        document,
        ports=Ports(*ports),
        on_line=lambda entry: _print(entry, out),
        is_on_demand=is_on_demand,
        is_strict=is_strict,
    )
    with started as (cloud, _):
        lines = [f"export {name}={shlex.quote(value)}" for name, value in cloud.environment.items()]
        if env_file:
            env_file.write_text("\n".join(lines) + "\n")
        for line in lines:
            out.print(line, soft_wrap=True, markup=False, highlight=False)
        out.print("ready; Ctrl-C ends it")
        ending.wait()
        out.print("ending ...")


def _print(entry: dict[str, Any], out: Console) -> None:
    payload = entry.get("jsonPayload", {})
    message = payload.get("message") or entry.get("textPayload", "")
    about = payload.get("run_id", "")
    out.print(f"{entry.get('severity', 'DEFAULT'):8} {about:17} {message}", markup=False, highlight=False)
