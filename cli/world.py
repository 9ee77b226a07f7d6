"""Connect a command to the environment that the environment variables name: a local cloud or Google Cloud."""

import os
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cli.errors import CommandError
from shared.setting_types import Project
from shared.settings import Settings, SettingsError

if TYPE_CHECKING:
    from shared.chain.environment import Environment

LOCAL_PROJECT = "propensity-local"
LOCAL = "For a local cloud: `propensity up --env-file env.sh` in one terminal, `. ./env.sh` in this one."
REMEDY = f'{LOCAL} For Google Cloud, in the repository\'s root: `eval "$(terraform -chdir=infra output -raw env)"`'


def connected() -> "Environment":
    """Return the clients of the environment that the environment variables name.

    Raises:
        CommandError: the variables name no environment, or a local cloud that no longer runs. The message says what to
            do. Without this check, Google's clients would wait two minutes for a cloud that does not run.
    """
    from shared.chain.environment import Environment

    if local := os.environ.get("STORAGE_EMULATOR_HOST"):
        _require_answer(local)
    try:
        _require_id(os.environ.get("GOOGLE_CLOUD_PROJECT"))
        return Environment(Settings.from_environment())
    except SettingsError as error:
        raise CommandError(f"{error}. {REMEDY}") from None


def is_local() -> bool:
    """Whether the environment variables name a local cloud."""
    return "STORAGE_EMULATOR_HOST" in os.environ


def settings() -> Settings:
    """Return the settings from the environment variables, or else the defaults. This contacts no service."""
    return Settings.from_environment({"GOOGLE_CLOUD_PROJECT": LOCAL_PROJECT} | os.environ)


def _require_id(project: str | None) -> None:
    """Check that the text is a project's id. None is accepted.

    Raises:
        SettingsError: the id breaks Google's rule, which the message describes.
    """
    try:
        msgspec.convert(project, Project | None)
    except msgspec.ValidationError:
        raise SettingsError(
            f"GOOGLE_CLOUD_PROJECT is {project!r}, which is not a project's id. An id has 6 to 30 lower-case letters, "
            "digits and hyphens, begins with a letter and does not end with a hyphen"
        ) from None


def _require_answer(url: str) -> None:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10).close()
    except OSError as error:
        raise CommandError(
            f"nothing answers at {parts.hostname}:{parts.port}, which STORAGE_EMULATOR_HOST names: start the local "
            "cloud again (`propensity up`), or open a new shell to leave it"
        ) from error
