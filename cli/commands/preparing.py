"""Prepare a deployment, without an environment: bundles, statements and costs."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import options, world
from cli.errors import UsageError

app = typer.Typer()


@app.command("package")
def package_bundles(
    output: Annotated[Path | None, typer.Option(help="The folder to write to; default dist.")] = None,
) -> None:
    """Write the bundles of the functions for Google Cloud.

    Google Cloud builds the functions from them. The same tree gives the same bytes.
    """
    from cli import package, terminal

    for bundle in package.write(output or package.OUTPUT):
        size = f"{bundle.size / 1000:.0f} kB"
        path = os.path.relpath(bundle.path)
        terminal.out.print(
            f"{path}: {bundle.files} files, {size}, SHA-256 {bundle.sha256}", highlight=False, soft_wrap=True
        )


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
    """Print a statement of sql/ for BigQuery's console.

    Without --run, the command contacts no service: the parameters get the values in PROPENSITY_SETTINGS, and a
    parameter that depends on a run is NULL.
    """
    from cli import sql, terminal

    if name is None:
        sql.show(terminal.out)
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
        float | None, options.amount("Sessions per visitor; the default was measured on Google's sample shop.", least=1)
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
    """Estimate the monthly cost on Google Cloud.

    Shows the cost of an idle environment, and by usage. This contacts no service and needs no account.

    The settings come from PROPENSITY_SETTINGS or, if that is not set, from the defaults; --set overrides both.
    """
    from cli import terminal
    from cli.cost import estimate, prices, show, volumes

    visits = sessions_per_visitor or prices.assumptions().sessions_per_visitor
    inputs = volumes.Inputs(sessions, visits, checkouts, runs, history_days, products, export_bytes)
    environment = estimate.environment(inputs, assignments or [])
    found = estimate.estimate(environment)
    if as_json:
        terminal.print_json(found.to_json())
    else:
        show.show(found, terminal.out)


@app.command("plan-campaign")
def plan_campaign(
    effect: Annotated[
        float, options.amount("The effect to show, as a share of the control group's mean.", least=-1)
    ] = 0.1,
    *,
    customers: Annotated[
        int | None, options.count("Customers whom the campaign can reach on its first day.", least=2)
    ] = None,
    per_day: Annotated[float | None, options.amount("Further customers on each later day.")] = None,
    conversion: Annotated[
        float | None, options.amount("Share of the control group that buys, e.g. 0.03.", most=1)
    ] = None,
    mean: Annotated[
        float | None, options.amount("Instead of a conversion: mean amount of all customers of the control group.")
    ] = None,
    deviation: Annotated[float | None, options.amount("Standard deviation of the amount.")] = None,
    outcome_days: Annotated[
        int | None, options.count("Days for which a customer's outcome is counted; default: the label's.", least=1)
    ] = None,
    days: Annotated[int | None, options.count("Days after which the campaign ends.", least=2)] = None,
    control_share: Annotated[
        float | None, options.amount("Share of the control group; default campaign.control_share.", most=1)
    ] = None,
    power: Annotated[float, options.amount("Probability with which the effect is to be shown.", most=1)] = 0.8,
    channel: Annotated[options.Channel, typer.Option(help="The campaign's channel.")] = options.Channel.EMAIL,
    as_json: options.AsJson = False,
) -> None:
    """Plan a campaign before it starts.

    Shows customers, days, power, and the smallest effect that the campaign can show.

    Without options, the plan is for the newest audience and its expected conversion: `propensity plan-campaign`. If
    there is no audience yet, or to compare, give the numbers: `propensity plan-campaign --customers 20000 --per-day 500
    --conversion 0.03 --days 30`. With --customers and an outcome, the command contacts no service.
    """
    from cli import plan_campaign as planning
    from cli import terminal

    if (mean is None) != (deviation is None) or (mean is not None and conversion is not None):
        raise UsageError("give either --conversion, or --mean and --deviation together")
    expected = mean if conversion is None else conversion
    given = planning.Given(customers, per_day, expected, deviation, outcome_days, control_share)
    environment = None if given.is_enough else world.connected()
    settings = environment.settings if environment else world.settings()
    design = planning.design(given, settings, environment, channel.value)
    found = planning.plan(design, effect, power, days)
    if as_json:
        terminal.print_json(found)
    else:
        planning.show(found, terminal.out)
