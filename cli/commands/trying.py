"""Try the chain: the demonstration, a local cloud, and the e-mail that follows a checkout."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.declarations import HOME
from cli.errors import UsageError
from shared import jsontext

app = typer.Typer()


@app.command()
def demo(
    seed: Annotated[int, options.count("Seed of the generator: the same seed gives the same sessions.")] = 1,
    days: Annotated[int, options.count("Day-tables to generate.", least=20, most=1000)] = 62,
    sessions: Annotated[int, options.count("Total number of sessions to generate.", least=1000)] = 62_000,
    source: Annotated[
        list[Path] | None,
        typer.Option(exists=True, help="Use a real GA360 or GA4 export: a file or folder (NDJSON, gzip, Parquet)."),
    ] = None,
    campaign: Annotated[
        bool,
        typer.Option(
            "--campaign",
            help="Let customers answer a campaign, measure it beside the truth, and value them.",
        ),
    ] = False,
    assignments: options.Assignments = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file as JSON.")] = None,
    state: Annotated[
        Path | None, typer.Option(help="Folder of the local cloud, which is kept; the default .state/demo is emptied.")
    ] = None,
) -> None:
    """Run the whole chain in a local cloud.

    The chain goes from generated or real sessions to a published audience.
    """
    from cli import demo_campaign, demonstration, report, terminal

    options.require_folder(json_file)
    options.require_state(state)
    if campaign and source:
        raise UsageError(
            "--campaign needs generated sessions, because only their customers can answer; leave out --source"
        )
    plan = demonstration.Plan(seed, days, sessions, source or [], assignments or [], state, campaign)
    result = demonstration.run(plan, terminal.out)
    report.show(result.run, terminal.out, result.upper_bound)
    if result.report_file:
        terminal.out.print(
            f"report       {os.path.relpath(result.report_file)}", markup=False, highlight=False, soft_wrap=True
        )
    if result.destinations:
        terminal.out.print(report.destinations(result.destinations))
    if result.campaign:
        demo_campaign.show(result.campaign, terminal.out)
    document = {
        **report.document(result.run),
        "upper_bound": result.upper_bound,
        "destinations": result.destinations,
        "phases": result.phases,
        "campaign": result.campaign and result.campaign.document(),
    }
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
    datamanager_port: Annotated[int | None, options.port("Default 9053; of Google's Data Manager API.")] = None,
    meta_port: Annotated[int | None, options.port("Default 9054; of Meta's Graph API.")] = None,
    salesforce_port: Annotated[int | None, options.port("Default 9055; of Salesforce Marketing Cloud.")] = None,
    mail_port: Annotated[int | None, options.port("Default 9025; of the SMTP relay.")] = None,
    platforms_port: Annotated[int | None, options.port("Default 9056; of the platforms' admin API.")] = None,
    page_port: Annotated[int | None, options.port("Default 8090; of the page for a browser.")] = None,
    on_demand: Annotated[
        bool, typer.Option("--on-demand", help="BigQuery without a reservation: no matrix factorization.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="BigQuery refuses each statement that Google's own analyzer refuses.")
    ] = False,
) -> None:
    """Run a local cloud until Ctrl-C.

    It prints the environment variables that connect clients to the cloud.
    """
    from cli import terminal
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
        "datamanager": datamanager_port,
        "meta": meta_port,
        "salesforce": salesforce_port,
        "mail": mail_port,
        "platforms": platforms_port,
    }
    are_free = ports is options.Choice.FREE
    local_cloud.run(
        state,
        assignments or [],
        named,
        env_file,
        terminal.out,
        are_free=are_free,
        is_on_demand=on_demand,
        is_strict=strict,
        page_port=page_port,
    )


@app.command()
def preview_message(
    language: Annotated[str, typer.Option(help="The customer's language, e.g. fr or fr-CA.")] = "",
    offer: Annotated[str, typer.Option(help="The checkout's offer: coupon or full_price.")] = "coupon",
    html: Annotated[Path | None, typer.Option(help="Also write the message's HTML to this file.")] = None,
) -> None:
    """Print the e-mail that follows a checkout.

    Its values are made up. This contacts no service and sends nothing.
    """
    from cli import terminal, world
    from shared.messages import rendering

    rendered = rendering.render(world.settings().mail, language, "Anna", ["TEA-250", "MUG-BLUE"], offer)
    terminal.out.print(f"subject: {rendered.subject}\n\n{rendered.text}", markup=False, highlight=False, soft_wrap=True)
    if html:
        html.write_text(rendered.html)
