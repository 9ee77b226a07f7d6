"""Start a local cloud for a command, and connect the command's process to it."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cli import local_cloud
from cli.assignments import assigning, with_overrides
from cli.errors import CommandError
from cli.world import LOCAL_PROJECT
from deskcloud.bigquery.emulator.launch import EmulatorDiedError
from deskcloud.cloud import AlreadyRunningError, Cloud, Ports
from shared import jsontext
from shared.chain.environment import Environment
from shared.settings import Settings, SettingsError

# The file of a state folder with the settings of the cloud's last start.
_SETTINGS = "settings.json"


def local_settings(document: Mapping[str, Any], assignments: list[str]) -> dict[str, Any]:
    """Return the settings of a local cloud: `document` with the assignments (NAME=VALUE) of `--set`.

    Raises:
        UsageError: an assignment is malformed, or a value is not allowed.
    """
    with assigning():
        merged = with_overrides({"bucket": LOCAL_PROJECT, **document}, assignments)
        Settings.from_document({"project": LOCAL_PROJECT, **merged})
    return merged


def last_settings(state: Path) -> dict[str, Any]:
    """Return the settings with which the cloud of this state folder was last started, or {} if it never was.

    Raises:
        CommandError: this version does not accept the settings.
    """
    file = state / _SETTINGS
    if not file.exists():
        return {}
    try:
        document = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
        Settings.from_document({"project": LOCAL_PROJECT, **document})
    except (msgspec.DecodeError, SettingsError) as error:
        raise CommandError(f"{file}: {error}; remove the file to use the default settings") from error
    return document


@contextlib.contextmanager
def started(
    state: Path,
    document: dict[str, Any],
    *,
    ports: Ports = Ports(),  # noqa: B008 - frozen
    on_line: Callable[[dict[str, Any]], None] = lambda _: None,
    is_fresh: bool = False,
    is_on_demand: bool = False,
    is_strict: bool = False,
    is_held: bool = False,
) -> Iterator[tuple[Cloud, Environment]]:
    """Start a local cloud, point this process's environment variables to it, and yield the cloud and its environment.

    With `is_held`, the schedules do not run until `Cloud.scheduler` is started. `is_fresh` deletes the state first. The
    state folder keeps the settings `document` for `last_settings`.

    Raises:
        CommandError: another process runs a cloud on this state, or a service cannot open the state.
        OSError: a port is taken.
    """
    with contextlib.ExitStack() as stack:
        try:
            cloud = stack.enter_context(
                local_cloud.run(
                    state,
                    LOCAL_PROJECT,
                    document,
                    ports=ports,
                    on_line=on_line,
                    is_fresh=is_fresh,
                    is_on_demand=is_on_demand,
                    is_strict=is_strict,
                    is_held=is_held,
                )
            )
        except (AlreadyRunningError, EmulatorDiedError) as error:
            raise CommandError(str(error)) from error
        (state / _SETTINGS).write_text(jsontext.text(document, indent=1) + "\n")
        os.environ.update(cloud.environment)
        yield cloud, Environment(Settings.from_environment())
