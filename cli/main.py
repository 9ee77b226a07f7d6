"""The `propensity` command: its subcommands, and how an error ends the command."""

import sys
from typing import Annotated

import typer

from cli.commands import acting, looking, preparing, trying
from cli.errors import CommandError, UsageError, said_by_google
from shared.errors import Permanent, told
from shared.settings import SettingsError

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain text, because importing rich for the help takes longer than all other imports together.
    rich_markup_mode=None,
    help=(
        "Purchase propensity on Google Cloud, and on this machine.\n\n"
        "demo and up start a local cloud. The other commands use the environment that the environment variables name: "
        "a local cloud (`propensity up --env-file env.sh`) or a Google Cloud project (GOOGLE_CLOUD_PROJECT, "
        "PROPENSITY_SETTINGS)."
    ),
)
for group in (trying, looking, acting, preparing):
    app.registered_commands += group.app.registered_commands


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        from importlib import metadata  # noqa: PLC0415 - only --version needs this module

        typer.echo(f"propensity {metadata.version('propensity')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command. Print an error that the user can fix as one line, and exit with 1, or with 2 for wrong usage."""
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        problem = error.format_message().replace(": Value error, ", ": ").rstrip(".")
        context = getattr(error, "ctx", None)
        _tell(f"{problem}; see `{context.command_path if context else 'propensity'} --help`")
        sys.exit(2)
    except UsageError as error:
        _tell(str(error))
        sys.exit(2)
    except typer.Abort:
        _tell("nothing was done")
    except (Permanent, SettingsError, CommandError, OSError) as error:
        _tell(str(error))
    except Exception as error:
        said = said_by_google(error)
        if said is None:
            raise
        _tell(said)
    sys.exit(1)


def _tell(problem: str) -> None:
    """Print the error on one line, so that a command in it can be copied."""
    from cli.terminal import err  # noqa: PLC0415 - rich, for errors only

    err.print(f"error: {' '.join(told(problem).split())}", style="red", markup=False, highlight=False, soft_wrap=True)
