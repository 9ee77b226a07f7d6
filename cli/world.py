"""The environment that a command speaks to: the one that the variables name."""

import typer

from shared.cloud import Clients
from shared.settings import Settings, SettingsError


def connected() -> Clients:
    """Return clients for the environment that the variables name; without them, say what to do and end."""
    try:
        return Clients(Settings.from_environment())
    except SettingsError as error:
        raise typer.BadParameter(
            f"{error}. For a local cloud: `propensity up --env-file env.sh` in one terminal, `. env.sh` in this one."
        ) from None
