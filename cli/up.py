"""`propensity up`: run a local cloud until Ctrl-C."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console

from cli import machine
from cli.page import routes as page
from deskcloud import standing
from deskcloud.cloud import Cloud

PAGE_PORT = 8090


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
    page_port: int | None = None,
) -> None:
    """Start the cloud and its page, print how to connect to both, and wait for Ctrl-C or a termination signal.

    The settings are those of the last start on this state folder, changed by `assignments`.

    `named` holds, by service, the ports that the options give. If a port is None, the default port is used. With
    `are_free`, any free port is used instead.

    Raises:
        CommandError: another process uses the state or a port.
        UsageError: two services have the same port, or an assignment is invalid.
    """
    chosen = standing.ports(named, are_free=are_free)
    kept = machine.last_settings(state)
    document = machine.local_settings(kept, assignments)
    port = (0 if are_free else PAGE_PORT) if page_port is None else page_port

    def say(line: str) -> None:
        out.print(line, soft_wrap=True, markup=False, highlight=False)

    @contextlib.contextmanager
    def start() -> Iterator[Cloud]:
        with (
            machine.started(
                state,
                document,
                ports=chosen,
                on_line=lambda entry: say(standing.as_line(entry)),
                is_on_demand=is_on_demand,
                is_strict=is_strict,
            ) as (cloud, environment),
            page.served(environment, port) as url,
        ):
            say(f"page: {url}")
            yield cloud

    say(f"starting the local cloud in {state} ...")
    if kept:
        say("with the settings of its last start; --set changes them")
    standing.run(start, chosen, env_file, say)
