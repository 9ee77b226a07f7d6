"""The command `deskcloud`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deskcloud.errors import CommandError, UsageError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Google Cloud's data services on one machine.")


class Choice(StrEnum):
    """Which ports the services use: their default ports or any free ports."""

    FIXED = "fixed"
    FREE = "free"


@app.command()
def up(
    document: Annotated[Path, typer.Argument(help="The YAML or JSON file that describes the cloud; see `schema`.")],
    state: Annotated[Path, typer.Option(help="The folder for persistent state.")] = Path(".deskcloud"),
    env_file: Annotated[Path | None, typer.Option(help="Also write the export lines to this file.")] = None,
    ports: Annotated[Choice, typer.Option(help="free: use any free ports.")] = Choice.FIXED,
    strict: Annotated[
        bool, typer.Option("--strict", help="Make BigQuery refuse statements that Google's analyzer refuses.")
    ] = False,
) -> None:
    """Run a cloud until Ctrl-C, and print the environment variables for its clients."""
    from deskcloud import cloud, standing  # noqa: PLC0415 - this import is slow, and --help does not need it
    from deskcloud.document import DocumentError, read  # noqa: PLC0415

    try:
        wanted = read(document)
    except DocumentError as error:
        raise UsageError(str(error)) from error
    chosen = standing.ports({}, are_free=ports is Choice.FREE)

    def start() -> cloud.Running:
        return cloud.run(
            state, wanted, ports=chosen, on_line=lambda entry: print(standing.as_line(entry)), is_strict=strict
        )

    print(f"starting the cloud in {state} ...", flush=True)
    standing.run(start, chosen, env_file, lambda line: print(line, flush=True))


@app.command()
def schema() -> None:
    """Print the JSON schema of the file that describes a cloud."""
    from deskcloud import document, jsontext  # noqa: PLC0415 - as above

    print(jsontext.text(document.schema(), indent=1))


def main() -> None:
    """Run the command. An error that the user can fix is printed as one line on stderr.

    The exit code is then 2 for wrong usage, and 1 for other errors.
    """
    try:
        app()
    except CommandError as error:
        print(f"deskcloud: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)


if __name__ == "__main__":
    main()
