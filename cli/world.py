"""Which environment a command speaks to: the one that the variables name, or a local cloud that it starts."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from local import cloud as local_cloud
from local.provision import Names
from shared.cloud import Clients
from shared.settings import Settings, SettingsError, with_overrides

PROJECT = "propensity-local"


def connected() -> Clients:
    """Return clients for the environment that the variables name; without them, say what to do and end."""
    try:
        return Clients(Settings.from_environment())
    except SettingsError as error:
        raise typer.BadParameter(
            f"{error}. For a local cloud: `propensity up --env-file env.sh` in one terminal, `. env.sh` in this one."
        ) from None


def local_settings(document: Mapping[str, Any], assignments: list[str]) -> dict[str, Any]:
    """Return the settings of a local cloud, validated."""
    merged = with_overrides({"bucket": PROJECT, **document}, assignments)
    Settings.from_document({"project": PROJECT, **merged})
    return merged


@contextlib.contextmanager
def started(
    state: Path,
    document: dict[str, Any],
    *,
    ports: local_cloud.Ports = local_cloud.Ports(),  # noqa: B008 - frozen
    on_line: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Iterator[tuple[local_cloud.LocalCloud, Clients]]:
    """Start a local cloud and point this process at it."""
    settings = Settings.from_document({"project": PROJECT, **document})
    names = Names(
        settings.project,
        settings.bucket,
        settings.dataset,
        settings.serving.region,
        settings.serving.endpoint_id,
    )
    with local_cloud.run(state, names, document, ports=ports, on_line=on_line) as cloud:
        os.environ.update(cloud.environment)
        yield cloud, Clients(Settings.from_environment())
