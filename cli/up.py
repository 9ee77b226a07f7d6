"""`propensity up`: run a local cloud until Ctrl-C."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console

from cli import machine
from deskcloud import standing
from deskcloud.cloud import Cloud


def run(
    state: Path,
    assignments: list[str],
    named: Mapping[str, int | None],
    env_file: Path | None,
    out: Console,
    *,
    are_free: bool = False,
    is_on_demand: bool = False,
    is_strict: bool = False,
) -> None:
    """Start the cloud, print how to connect to it, and wait for Ctrl-C or a termination signal.

    `named` holds the ports of the options, by service; the others are fixed or, if `are_free`, free ports.

    Raises:
        CommandError: another process uses the state or a port.
        UsageError: two services have the same port, or an assignment is invalid.
    """
    chosen = standing.ports(named, are_free=are_free)
    document = machine.local_settings({}, assignments)

    def say(line: str) -> None:
        out.print(line, soft_wrap=True, markup=False, highlight=False)

    @contextlib.contextmanager
    def start() -> Iterator[Cloud]:
        with machine.started(
            state,
            document,
            ports=chosen,
            on_line=lambda entry: say(standing.told(entry)),
            is_on_demand=is_on_demand,
            is_strict=is_strict,
        ) as (cloud, _):
            yield cloud

    say(f"starting the local cloud in {state} ...")
    standing.run(start, chosen, env_file, say)
