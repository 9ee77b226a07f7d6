"""The environment that a command speaks to: the one that the variables name."""

import os
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cli.errors import CommandError
from shared.settings import Project, Settings, SettingsError

if TYPE_CHECKING:
    from shared.chain.environment import Environment

LOCAL_PROJECT = "propensity-local"
LOCAL = "For a local cloud: `propensity up --env-file env.sh` in one terminal, `. ./env.sh` in this one."
REMEDY = f'{LOCAL} For Google Cloud, at the root of the checkout: `eval "$(terraform -chdir=infra output -raw env)"`'


def connected() -> "Environment":
    """Return clients for the environment that the variables name; where that cannot be, say what to do.

    Raises:
        CommandError: they name none, or a local cloud that has ended: Google's clients would wait two minutes for it.
    """
    from shared.chain.environment import Environment

    if local := os.environ.get("STORAGE_EMULATOR_HOST"):
        _require_answer(local)
    try:
        _require_id(os.environ.get("GOOGLE_CLOUD_PROJECT"))
        return Environment(Settings.from_environment())
    except SettingsError as error:
        raise CommandError(f"{error}. {REMEDY}") from None


def settings() -> Settings:
    """Return the settings of the environment that the variables name, without asking it; the defaults without any."""
    return Settings.from_environment({"GOOGLE_CLOUD_PROJECT": LOCAL_PROJECT} | os.environ)


def _require_id(project: str | None) -> None:
    """Say the rule of a project's id in words."""
    try:
        msgspec.convert(project, Project | None)
    except msgspec.ValidationError:
        raise SettingsError(
            f"GOOGLE_CLOUD_PROJECT is {project!r}, which is no project's id: that has 6 to 30 lower-case letters, "
            "digits and hyphens, begins with a letter and does not end with a hyphen"
        ) from None


def _require_answer(url: str) -> None:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10).close()
    except OSError as error:
        raise CommandError(
            f"nothing answers at {parts.hostname}:{parts.port}, which STORAGE_EMULATOR_HOST names: start the local "
            "cloud again (`propensity up`), or leave it by opening a new shell"
        ) from error
