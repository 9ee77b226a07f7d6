"""Change an environment: publish, replay, roll back, test and reset."""

import getpass
from typing import Annotated

import typer

from cli import options, world
from cli.errors import UsageError
from shared import jsontext

app = typer.Typer()


@app.command()
def publish(topic: str, body: Annotated[str, typer.Argument(metavar="JSON")] = "{}") -> None:
    """Publish a JSON object to a topic.

    For example `propensity publish data-refreshed '{"reason": "new campaign"}'`.
    """
    from cli import terminal, topics

    topics.require(topic)
    try:
        document = jsontext.decode(body.encode(errors="surrogateescape"))
    except jsontext.NotJSONError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="JSON") from None
    if not isinstance(document, dict):
        raise typer.BadParameter(f"an event is a JSON object, not {body}", param_hint="JSON")
    environment = world.connected()
    environment.send(topic, document)
    terminal.out.print(f"published to {topic} of {environment.settings.project}")


@app.command()
def activate(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing; show what each destination would be sent.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Send the newest audience to all destinations that are on.

    This is needed, for example, after a destination was switched on.

    If a destination already has a member, the member is not sent again.
    """
    from cli import activate as activating
    from cli import terminal

    environment = world.connected()
    audience = activating.newest(environment)
    if not dry_run:
        environment.publish(audience)
        terminal.out.print(f"the audience of {audience.day} is sent; `propensity runs` lists the delivery runs")
        return
    planned = activating.preview(audience, environment)
    if as_json:
        terminal.print_json(planned)
    else:
        activating.show(audience, planned, terminal.out)


@app.command()
def replay(
    messages: Annotated[
        list[str] | None, typer.Argument(metavar="MESSAGE", help="Dead letters, as named by `propensity runs`.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Send all dead letters.")] = False,
    yes: options.Yes = False,
) -> None:
    """Send dead letters again; asks first.

    Lists them first. Fix the cause of the failures before you send them.

    Each message is sent to its original topic. If a step has handled the event before, the step ignores the message.
    """
    from cli import replay as replaying
    from cli import terminal

    if messages and every:
        raise UsageError("give either --all or the names of dead letters, not both")
    if not messages and not every:
        raise UsageError("name the dead letters to send again (`propensity runs` lists them), or give --all")
    environment = world.connected()
    originals, refused = replaying.chosen(environment, messages or [])
    for one in originals:
        terminal.out.print(f"- {one.letter}: to {one.topic}, for {one.function}", markup=False, highlight=False)
    for name, why in refused.items():
        terminal.out.print(f"- {name} stays a dead letter: {why}", markup=False, highlight=False)
    if not originals:
        terminal.out.print("there is nothing to send again")
        raise typer.Exit(1 if refused else 0)
    if not yes:
        typer.confirm(f"Send {'it' if len(originals) == 1 else 'them'} again?", abort=True)
    known = set(environment.dead_letters.all())
    sent = replaying.send(environment, originals)
    terminal.out.print(f"sent {len(sent)} again; waiting up to {replaying.PATIENCE_SECONDS} s for new refusals")
    again = replaying.returned(environment, sent, known)
    for name, why in again.items():
        terminal.out.print(f"- a dead letter again, {name}: {why}", markup=False, highlight=False)
    left = len(environment.dead_letters.all())
    letters = "1 dead letter is left" if left == 1 else f"{left} dead letters are left"
    terminal.out.print(f"{letters}; `propensity runs` lists them and the runs")
    if again or refused:
        raise typer.Exit(1)


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
    """Make a former version the champion again; asks first.

    The version then scores the visitors.
    """
    from cli import terminal
    from cli.rollback import roll_back

    environment = world.connected()
    before, now = environment.registry.champion_and(to)
    if before.number != now.number:
        terminal.out.print(f"champion: version {before.number} ({before.model}) -> version {now.number} ({now.model})")
        if not yes:
            typer.confirm("Make it the champion?", abort=True)
    # Pass the version that the user has confirmed. Without it, roll_back would choose the version again, and might
    # choose a different one.
    before, now = roll_back(environment, reason or "not given", getpass.getuser(), now.number)
    if before.number == now.number:
        terminal.out.print(f"version {now.number} ({now.model}) is champion")
        return
    terminal.out.print(f"version {now.number} is champion")
    terminal.out.print("scoring-due is published: `propensity runs` shows when the visitors are scored and published")


@app.command()
def smoke_test(
    reason: Annotated[str, typer.Option(help="The run's reason; a new reason makes a new run on the same data.")],
    minutes: Annotated[int, options.count("Maximum duration of the run.", least=1, most=10_000)] = 120,
) -> None:
    """Test the deployment with a run of the whole chain.

    If the run fails, the former champion serves again.
    """
    from cli import report, smoke, terminal

    report.show(smoke.run(world.connected(), reason, minutes * 60), terminal.out)


@app.command()
def reset(
    run_id: Annotated[
        str | None, typer.Argument(metavar="RUN", parser=options.run_id, help="One run; by default all runs.")
    ] = None,
    *,
    yes: options.Yes = False,
) -> None:
    """Remove what a run, or all runs, created; asks first.

    Lists everything that it would remove.
    """
    from cli import resetting, terminal

    plan = resetting.plan(world.connected(), run_id)
    for line in plan.lines:
        terminal.out.print(f"- {line}", highlight=False)
    if not plan.lines:
        terminal.out.print("there is nothing to remove")
        return
    if not yes:
        typer.confirm("Remove all of it?", abort=True)
    plan.carry_out()
    terminal.out.print("removed")


@app.command()
def erase(
    customer: Annotated[str | None, typer.Option(metavar="ID", help="The shop's id of the customer.")] = None,
    visitor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="A visitor's id in the export (GA4: user_pseudo_id, GA360: fullVisitorId); give it several times.",
        ),
    ] = None,
    request: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The request's id, e.g. the ticket's number; by default a new one."),
    ] = None,
    minutes: Annotated[int, options.count("Maximum time to wait for the destinations; 0: look once.", most=1_000)] = 5,
    *,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Delete nothing; count what would be deleted, without logged checkouts and e-mails."
        ),
    ] = False,
    yes: options.Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Erase one person everywhere; asks first.

    Deletes the person from all tables, files and destinations, and prints the certificate.

    With the id of an earlier request and the same ids of the person, the command shows the current certificate. If the
    erasure is pending, the command asks whether to publish the request again. The exit code is 3 if the erasure is
    still pending, for example because a platform takes hours to confirm.
    """
    from cli import erasing, terminal

    asked = erasing.request(customer, visitor or [], request)
    environment = world.connected()
    if dry_run:
        counts = erasing.preview(asked, environment)
        if as_json:
            terminal.print_json(counts)
        else:
            erasing.show_counts(counts, "Would be deleted", terminal.out)
            terminal.out.print(f"not counted: {erasing.NOT_COUNTED}")
        return
    certificate = erasing.standing(asked, environment)
    if certificate is None or erasing.is_pending(certificate):
        if not yes:
            typer.confirm(erasing.question(asked, certificate), abort=True)
        certificate = erasing.follow(asked, environment, minutes * 60)
    if as_json:
        terminal.print_json(certificate)
    else:
        erasing.show(certificate, terminal.out)
    if erasing.is_pending(certificate):
        raise typer.Exit(erasing.PENDING)
