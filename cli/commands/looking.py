"""Show an environment: its state, its runs, its statements, and the answer to a checkout."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from cli import options, world
from cli.errors import UsageError
from shared import jsontext

app = typer.Typer()


@app.command()
def status(*, as_json: options.AsJson = False) -> None:
    """Show the champion, the newest run and open alerts.

    Also shows the ages of the champion and of the data.

    Alerts on Google's own metrics are not listed: Cloud Monitoring shows them.
    """
    from datetime import UTC, datetime

    from cli import listing, terminal
    from cli import status as state

    environment = world.connected()
    found = state.read(environment, datetime.now(UTC), listing.listed(environment, limit=1, is_failed=False))
    if as_json:
        terminal.print_json(found)
    else:
        state.show(found, terminal.out)


@app.command()
def runs(
    limit: Annotated[int, options.count("Maximum number of runs.", least=1)] = 20,
    *,
    failed: Annotated[
        bool, typer.Option("--failed", help="List only runs that failed, are retrying, or lost their record.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List the runs, the newest first, and the dead letters.

    Dead letters are messages that no function could use.
    """
    from cli import listing, terminal

    found = listing.listed(world.connected(), limit=limit, is_failed=failed)
    if as_json:
        terminal.print_json(found)
    else:
        listing.show(found, terminal.out)


@app.command()
def show(
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="RUN", parser=options.run_id, help="A run's id, as named by `propensity runs`."),
    ] = None,
    *,
    request: Annotated[
        str | None, typer.Option(metavar="ID", help="A checkout's request id, instead of a run; needs --filter.")
    ] = None,
    log_filter: Annotated[
        bool, typer.Option("--filter", help="Print the filter for Cloud Logging that follows the run or the request.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show a run: its steps, checks and results.

    Results are, for example, candidates, audience, deliveries, campaigns and customer values.
    """
    from cli import report, run_reports, terminal
    from shared.chain import run_state

    if (run_id is None) == (request is None):
        raise UsageError("name a run (`propensity runs` lists them), or give --request ID with --filter")
    if log_filter:
        from cli import logs

        terminal.out.print(
            logs.of_run(run_id) if run_id else logs.of_request(str(request)), markup=False, highlight=False
        )
        return
    if run_id is None:
        raise UsageError("--request needs --filter: a checkout is followed in the log")
    environment = world.connected()
    run = run_state.read(environment.runs, run_id)
    linked = run_reports.link(run_id, environment)
    if as_json:
        terminal.print_json({**report.document(run), "report": linked})
        return
    report.show(run, terminal.out)
    terminal.out.print(f"report       {linked or 'none yet'}", markup=False, highlight=False, soft_wrap=True)


@app.command("report")
def download_report(
    run_id: Annotated[str, typer.Argument(metavar="RUN", parser=options.run_id)],
    out_file: Annotated[Path | None, typer.Option("--out", help="The file to write; default report-RUN.html.")] = None,
) -> None:
    """Download the report of a run.

    The report is a single HTML page that needs no other file.
    """
    from cli import run_reports, terminal

    file = out_file or Path(f"report-{run_id}.html")
    options.require_folder(file)
    size = run_reports.download(run_id, file, world.connected())
    terminal.out.print(f"{file}: {size / 1000:.0f} kB", markup=False, highlight=False, soft_wrap=True)


@app.command()
def compare(
    run_id: Annotated[str, typer.Argument(metavar="RUN", parser=options.run_id)],
    other_id: Annotated[str, typer.Argument(metavar="RUN", parser=options.run_id)],
) -> None:
    """Show two runs side by side; lines that differ are bold."""
    from cli import compare as comparison
    from cli import terminal
    from shared.chain import run_state

    runs = world.connected().runs
    comparison.show(run_state.read(runs, run_id), run_state.read(runs, other_id), terminal.out)


@app.command()
def history(*, as_json: options.AsJson = False) -> None:
    """List the latest moves of the champion.

    Shows when, from which version to which, by whom and why.
    """
    from cli import history as moves
    from cli import terminal

    found = moves.read(world.connected())
    if as_json:
        terminal.print_json(found)
    else:
        moves.show(found, terminal.out)


@app.command()
def why(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The shop's id of a customer.")],
    *,
    as_json: options.AsJson = False,
) -> None:
    """Show why a customer is or is not reached.

    Shows score and its causes, value, offer, arm, consent and destinations.
    """
    from cli import terminal
    from cli import why as known

    found = known.read(customer, world.connected())
    if as_json:
        terminal.print_json(found)
    else:
        known.show(found, terminal.out)


@app.command()
def score(
    request: Annotated[str, typer.Argument(metavar="JSON", help="The request, @FILE, or - for standard input.")],
    *,
    as_json: options.AsJson = False,
) -> None:
    """Score a checkout online.

    For example `propensity score @checkout.json`. GET /openapi.json describes the request.
    """
    from cli import checkout, terminal

    answer = checkout.ask(checkout.document(request))
    if as_json:
        sys.stdout.buffer.write(jsontext.encode(answer) + b"\n")
    else:
        checkout.show(answer, terminal.out)


@app.command()
def backtest(
    days: Annotated[int, options.count("Number of past days.", least=1, most=366)] = 4,
    every: Annotated[int, options.count("Days between two past days.", least=1, most=366)] = 7,
    until: Annotated[
        date | None,
        typer.Option(metavar="DAY", parser=options.day, help="The newest past day; by default the last possible day."),
    ] = None,
    *,
    yes: options.Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Compare former predictions with the outcomes.

    Trains models on the data of past days, and compares their predictions with later outcomes. On Google Cloud, the
    command asks first.

    The command uses the chain's code in a separate dataset, which it deletes at the end. The command only reads
    production's data.
    """
    from cli import terminal
    from cli.backtest import command

    command.run(world.connected(), days, every, until, terminal.out, terminal.err, is_asked=not yes, as_json=as_json)


@app.command()
def audit(
    first: Annotated[date, typer.Option("--from", metavar="DAY", parser=options.day, help="First day, in UTC.")],
    last: Annotated[date, typer.Option("--to", metavar="DAY", parser=options.day, help="Last day, in UTC.")],
    *,
    as_json: options.AsJson = False,
) -> None:
    """List a period's deliveries, e-mails and erasures.

    The lists hold no personal data.
    """
    from cli import auditing, terminal

    if first > last:
        raise UsageError(f"--from {first} is after --to {last}: exchange them")
    found = auditing.read(world.connected(), first, last)
    if as_json:
        terminal.print_json(found)
    else:
        auditing.show(found, terminal.out)
