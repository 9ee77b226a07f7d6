"""`propensity up`: a local cloud that stays until it is told to end."""

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
    """Start it, say how to reach it, and wait for Ctrl-C or a termination signal.

    `named` are the ports that somebody chose, by service; the others are fixed, or free.

    Raises:
        CommandError: another process has the state or a port.
        UsageError: two services are to listen at one port, or an assignment breaks a setting's rule.
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
