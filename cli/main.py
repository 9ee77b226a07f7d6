"""The subcommands of `propensity`: try the chain on this machine, or operate it locally or on Google Cloud."""

import getpass
import os
import sys
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from cli import options, terminal, world
from cli.declarations import HOME
from cli.errors import CommandError, UsageError, said_by_google
from cli.terminal import Output
from shared import jsontext
from shared.errors import Permanent, told
from shared.settings import SettingsError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=(
        "Purchase propensity on Google Cloud, and on this machine.\n\n"
        "demo and up start a local cloud. The other commands use the environment that the environment variables name: "
        "a local cloud (`propensity up --env-file env.sh`) or a Google Cloud project (GOOGLE_CLOUD_PROJECT, "
        "PROPENSITY_SETTINGS)."
    ),
)
out = Output()
err = Output(stderr=True)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        out.print(f"propensity {metadata.version('propensity')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    seed: Annotated[int, options.count("Seed of the generator: the same seed gives the same sessions.")] = 1,
    days: Annotated[int, options.count("Day-tables to generate.", least=20, most=1000)] = 62,
    sessions: Annotated[int, options.count("Total number of sessions to generate.", least=1000)] = 62_000,
    source: Annotated[
        list[Path] | None,
        typer.Option(exists=True, help="Use a real GA360 or GA4 export: a file or folder (NDJSON, gzip, Parquet)."),
    ] = None,
    assignments: options.Assignments = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file as JSON.")] = None,
    state: Annotated[
        Path | None, typer.Option(help="Folder of the local cloud, which is kept; the default .state/demo is emptied.")
    ] = None,
) -> None:
    """Run the whole chain in a local cloud, from generated or real sessions to a published audience."""
    from cli import demonstration, report

    options.require_folder(json_file)
    options.require_state(state)
    plan = demonstration.Plan(seed, days, sessions, source or [], assignments or [], state)
    result = demonstration.run(plan, out)
    report.show(result.run, out, result.upper_bound)
    if result.report_file:
        out.print(f"report       {os.path.relpath(result.report_file)}", markup=False, highlight=False, soft_wrap=True)
    document = {**report.document(result.run), "upper_bound": result.upper_bound, "phases": result.phases}
    if json_file:
        json_file.write_text(jsontext.text(document, indent=1) + "\n")
    if result.run.outcome not in {"published", "rejected"}:
        raise typer.Exit(1)


@app.command()
def up(
    state: options.StateFolder = HOME / ".state" / "local",
    env_file: Annotated[Path | None, typer.Option(help="Also write the export lines to this file.")] = None,
    assignments: options.Assignments = None,
    ports: Annotated[
        options.Choice,
        typer.Option(help="free: use free ports, except for the ports given below; --env-file records them."),
    ] = options.Choice.FIXED,
    bigquery_port: Annotated[int | None, options.port("Default 9050; 0 means a free port, here and below.")] = None,
    bigquery_storage_port: Annotated[int | None, options.port("Default 9060; of the Storage Read API.")] = None,
    storage_port: Annotated[int | None, options.port("Default 9023.")] = None,
    pubsub_port: Annotated[int | None, options.port("Default 8085.")] = None,
    vertex_port: Annotated[int | None, options.port("Default 9051.")] = None,
    logging_port: Annotated[int | None, options.port("Default 9052.")] = None,
    functions_port: Annotated[int | None, options.port("Default 8080.")] = None,
    page_port: Annotated[int | None, options.port("Default 8090; of the page for a browser.")] = None,
    on_demand: Annotated[
        bool, typer.Option("--on-demand", help="BigQuery without a reservation: no matrix factorization.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="BigQuery refuses each statement that Google's own analyzer refuses.")
    ] = False,
) -> None:
    """Run a local cloud until Ctrl-C, and print the environment variables that connect clients to it."""
    from cli import up as local_cloud

    options.require_folder(env_file)
    options.require_state(state)
    named = {
        "bigquery": bigquery_port,
        "bigquery_storage": bigquery_storage_port,
        "storage": storage_port,
        "pubsub": pubsub_port,
        "vertex": vertex_port,
        "logging": logging_port,
        "functions": functions_port,
    }
    are_free = ports is options.Choice.FREE
    local_cloud.run(
        state,
        assignments or [],
        named,
        env_file,
        out,
        are_free=are_free,
        is_on_demand=on_demand,
        is_strict=strict,
        page_port=page_port,
    )


@app.command()
def publish(topic: str, body: Annotated[str, typer.Argument(metavar="JSON")] = "{}") -> None:
    """Publish a JSON object to a topic, e.g. `propensity publish data-refreshed '{"reason": "new campaign"}'`."""
    from cli import topics

    topics.require(topic)
    try:
        document = jsontext.decode(body.encode(errors="surrogateescape"))
    except jsontext.NotJSONError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="JSON") from None
    if not isinstance(document, dict):
        raise typer.BadParameter(f"an event is a JSON object, not {body}", param_hint="JSON")
    environment = world.connected()
    environment.send(topic, document)
    out.print(f"published to {topic} of {environment.settings.project}")


@app.command()
def runs(
    limit: Annotated[int, options.count("Maximum number of runs.", least=1)] = 20,
    *,
    failed: Annotated[
        bool, typer.Option("--failed", help="List only runs that failed, are retrying, or lost their record.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List the runs, the newest first, and the dead letters: messages that no function could use."""
    from cli import listing

    found = listing.listed(world.connected(), limit=limit, is_failed=failed)
    if as_json:
        terminal.print_json(found)
    else:
        listing.show(found, out)


@app.command()
def status(*, as_json: options.AsJson = False) -> None:
    """Show the champion and its age, the newest run, the age of the data, and the open alerts.

    Alerts on Google's own metrics are not listed: Cloud Monitoring shows them.
    """
    from datetime import UTC, datetime

    from cli import status as state

    found = state.read(world.connected(), datetime.now(UTC))
    if as_json:
        terminal.print_json(found)
    else:
        state.show(found, out)


@app.command()
def replay(
    messages: Annotated[
        list[str] | None, typer.Argument(metavar="MESSAGE", help="Dead letters, as named by `propensity runs`.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Send all dead letters.")] = False,
    yes: options.Yes = False,
) -> None:
    """Send dead letters again, after their cause is fixed; lists them and asks first.

    Each is sent to its original topic. A step that has handled the event already ignores it.
    """
    from cli import replay as replaying

    if messages and every:
        raise UsageError("give either --all or the names of dead letters, not both")
    if not messages and not every:
        raise UsageError("name the dead letters to send again (`propensity runs` lists them), or give --all")
    environment = world.connected()
    originals, refused = replaying.chosen(environment, messages or [])
    for one in originals:
        out.print(f"- {one.letter}: to {one.topic}, for {one.function}", markup=False, highlight=False)
    for name, why in refused.items():
        out.print(f"- {name} stays a dead letter: {why}", markup=False, highlight=False)
    if not originals:
        out.print("there is nothing to send again")
        raise typer.Exit(1 if refused else 0)
    if not yes:
        typer.confirm(f"Send {'it' if len(originals) == 1 else 'them'} again?", abort=True)
    known = set(environment.dead_letters.all())
    sent = replaying.send(environment, originals)
    out.print(f"sent {len(sent)} again; waiting up to {replaying.PATIENCE_SECONDS} s for new refusals")
    again = replaying.returned(environment, sent, known)
    for name, why in again.items():
        out.print(f"- a dead letter again, {name}: {why}", markup=False, highlight=False)
    left = len(environment.dead_letters.all())
    letters = "1 dead letter is left" if left == 1 else f"{left} dead letters are left"
    out.print(f"{letters}; `propensity runs` lists them and the runs")
    if again or refused:
        raise typer.Exit(1)


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
    """Show a run: its steps, checks, candidates, gate, deployment, audience and recommendations."""
    from cli import report, run_reports
    from shared.chain import run_state

    if (run_id is None) == (request is None):
        raise UsageError("name a run (`propensity runs` lists them), or give --request ID with --filter")
    if log_filter:
        from cli import logs

        out.print(logs.of_run(run_id) if run_id else logs.of_request(str(request)), markup=False, highlight=False)
        return
    if run_id is None:
        raise UsageError("--request needs --filter: a checkout is followed in the log")
    environment = world.connected()
    run = run_state.read(environment.runs, run_id)
    linked = run_reports.link(run_id, environment)
    if as_json:
        terminal.print_json({**report.document(run), "report": linked})
        return
    report.show(run, out)
    out.print(f"report       {linked or 'none yet'}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def score(
    request: Annotated[str, typer.Argument(metavar="JSON", help="The request, @FILE, or - for standard input.")],
    *,
    as_json: options.AsJson = False,
) -> None:
    """Score a checkout online, e.g. `propensity score @checkout.json`; GET /openapi.json describes the request."""
    from cli import checkout

    answer = checkout.ask(checkout.document(request))
    if as_json:
        sys.stdout.buffer.write(jsontext.encode(answer) + b"\n")
    else:
        checkout.show(answer, out)


@app.command()
def rollback(
    to: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", parser=options.version, help="A deployed version; by default the former champion."
        ),
    ] = None,
    *,
    reason: Annotated[str, typer.Option(help="The reason, for `propensity history`.")] = "",
    yes: options.Yes = False,
) -> None:
    """Make a former version the champion again, and have it score the visitors; asks first."""
    from cli.rollback import roll_back

    environment = world.connected()
    before, now = environment.registry.champion_and(to)
    if before.number != now.number:
        out.print(f"champion: version {before.number} ({before.model}) -> version {now.number} ({now.model})")
        if not yes:
            typer.confirm("Make it the champion?", abort=True)
    # Name the confirmed version explicitly: another one may have been deployed meanwhile.
    before, now = roll_back(environment, reason or "not given", getpass.getuser(), now.number)
    if before.number == now.number:
        out.print(f"version {now.number} ({now.model}) is champion")
        return
    out.print(f"version {now.number} is champion")
    out.print("scoring-due is published: `propensity runs` shows when the visitors are scored and published")


@app.command()
def backtest(
    days: Annotated[int, options.count("Number of past days.", least=1, most=366)] = 4,
    every: Annotated[int, options.count("Days between two of them.", least=1, most=366)] = 7,
    until: Annotated[
        date | None,
        typer.Option(metavar="DAY", parser=options.day, help="The newest; by default the last one that can be judged."),
    ] = None,
    *,
    yes: options.Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Learn as of past days, and compare what each model promised with what came; asks first on Google Cloud.

    It uses the chain's own code in a dataset of its own, which it deletes at the end. Production is only read.
    """
    from cli.backtest import command

    command.run(world.connected(), days, every, until, out, err, is_asked=not yes, as_json=as_json)


@app.command()
def history(*, as_json: options.AsJson = False) -> None:
    """List the latest moves of the champion: when, from which version to which, by whom and why."""
    from cli import history as moves

    found = moves.read(world.connected())
    if as_json:
        terminal.print_json(found)
    else:
        moves.show(found, out)


@app.command("report")
def download_report(
    run_id: Annotated[str, typer.Argument(metavar="RUN", parser=options.run_id)],
    out_file: Annotated[Path | None, typer.Option("--out", help="The file to write; default report-RUN.html.")] = None,
) -> None:
    """Download the report of a run: one HTML page that needs nothing else."""
    from cli import run_reports

    file = out_file or Path(f"report-{run_id}.html")
    options.require_folder(file)
    size = run_reports.download(run_id, file, world.connected())
    out.print(f"{file}: {size / 1000:.0f} kB", markup=False, highlight=False, soft_wrap=True)


@app.command()
def compare(
    run_id: Annotated[str, typer.Argument(metavar="RUN", parser=options.run_id)],
    other_id: Annotated[str, typer.Argument(metavar="RUN", parser=options.run_id)],
) -> None:
    """Show two runs side by side; lines that differ are bold."""
    from cli import compare as comparison
    from shared.chain import run_state

    runs = world.connected().runs
    comparison.show(run_state.read(runs, run_id), run_state.read(runs, other_id), out)


@app.command()
def smoke_test(
    reason: Annotated[str, typer.Option(help="The run's reason; a new reason makes a new run on the same data.")],
    minutes: Annotated[int, options.count("Maximum duration of the run.", least=1, most=10_000)] = 120,
) -> None:
    """Test the deployment with a run of the whole chain; if it fails, the former champion serves again."""
    from cli import report, smoke

    report.show(smoke.run(world.connected(), reason, minutes * 60), out)


@app.command()
def reset(
    run_id: Annotated[
        str | None, typer.Argument(metavar="RUN", parser=options.run_id, help="One run; by default all runs.")
    ] = None,
    *,
    yes: options.Yes = False,
) -> None:
    """Remove everything that a run, or all runs, created; lists it and asks first."""
    from cli import resetting

    plan = resetting.plan(world.connected(), run_id)
    for line in plan.lines:
        out.print(f"- {line}", highlight=False)
    if not plan.lines:
        out.print("there is nothing to remove")
        return
    if not yes:
        typer.confirm("Remove all of it?", abort=True)
    plan.carry_out()
    out.print("removed")


@app.command("package")
def package_bundles(
    output: Annotated[Path | None, typer.Option(help="The folder to write to; default dist.")] = None,
) -> None:
    """Write the bundles from which Google Cloud builds the functions; the same tree gives the same bytes."""
    from cli import package

    for bundle in package.write(output or package.OUTPUT):
        size = f"{bundle.size / 1000:.0f} kB"
        path = os.path.relpath(bundle.path)
        out.print(f"{path}: {bundle.files} files, {size}, SHA-256 {bundle.sha256}", highlight=False, soft_wrap=True)


@app.command("sql")
def print_sql(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A statement, e.g. scoring/scores; without it, list them all.")
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", parser=options.run_id, help="Insert the values that this run used."),
    ] = None,
) -> None:
    """Print a statement of sql/ as a script for BigQuery's console.

    Without --run, it contacts no service. The values are those of PROPENSITY_SETTINGS; the values of a run are NULL.
    """
    from cli import sql

    if name is None:
        sql.show(out)
        return
    sql.require(name)
    if run_id is None:
        sys.stdout.write(sql.script(name, world.settings()))
    else:
        sys.stdout.write(sql.script_of_run(name, run_id, world.connected()))


@app.command()
def cost(
    sessions: Annotated[float, options.amount("Sessions per day.")] = 10_000,
    sessions_per_visitor: Annotated[
        float | None, options.amount("Sessions per visitor; the default is that of Google's sample shop.", least=1)
    ] = None,
    checkouts: Annotated[float, options.amount("Checkouts per day that score_checkout answers.")] = 500,
    runs: Annotated[
        float,
        options.amount("Data changes per day; a run trains at most once per training.min_hours.", most=1440),
    ] = 1,
    history_days: Annotated[
        int, options.count("Days in the export and in the tables derived from it.", least=1, most=10_000)
    ] = 400,
    products: Annotated[int, options.count("Products that the shop sells.")] = 1_000,
    export_bytes: Annotated[float | None, options.amount("Bytes per session in the columns that are read.")] = None,
    *,
    assignments: options.Assignments = None,
    as_json: options.AsJson = False,
) -> None:
    """Estimate the monthly cost on Google Cloud, idle and by usage. It contacts no service and needs no account.

    The settings are those of PROPENSITY_SETTINGS if it is set, otherwise the defaults; --set overrides both.
    """
    from cli.cost import estimate, prices, show, volumes

    visits = sessions_per_visitor or prices.assumptions().sessions_per_visitor
    inputs = volumes.Inputs(sessions, visits, checkouts, runs, history_days, products, export_bytes)
    environment = estimate.environment(inputs, assignments or [])
    found = estimate.estimate(environment)
    if as_json:
        terminal.print_json(found.to_json())
    else:
        show.show(found, out)


def main() -> None:
    """Run the command. Print an error that the user can fix as one line; exit with 1, or with 2 for wrong usage."""
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        # Without a subcommand, the message is empty, because the help is printed already.
        if problem := error.format_message().replace(": Value error, ", ": "):
            context = getattr(error, "ctx", None)
            _tell(f"{problem.rstrip('.')}; see `{context.command_path if context else 'propensity'} --help`")
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
    err.print(f"error: {' '.join(told(problem).split())}", style="red", markup=False, highlight=False, soft_wrap=True)
