"""The environment that a command speaks to: the one that the variables name."""

import os
import socket
from urllib.parse import urlsplit

import typer

from cli.errors import CommandError
from shared.cloud import Clients
from shared.settings import Settings, SettingsError


def connected() -> Clients:
    """Return clients for the environment that the variables name; without them, say what to do and end.

    Raises:
        CommandError: they name a local cloud that has ended, which Google's clients would wait two minutes for.
    """
    if local := os.environ.get("STORAGE_EMULATOR_HOST"):
        _require_answer(local)
    try:
        return Clients(Settings.from_environment())
    except SettingsError as error:
        raise typer.BadParameter(
            f"{error}. For a local cloud: `propensity up --env-file env.sh` in one terminal, `. env.sh` in this one."
        ) from None


def _require_answer(url: str) -> None:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10).close()
    except OSError as error:
        raise CommandError(
            f"nothing answers at {url}, which STORAGE_EMULATOR_HOST names: start the local cloud again "
            "(`propensity up`), or leave it by opening a new shell"
        ) from error
