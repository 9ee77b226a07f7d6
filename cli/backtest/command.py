"""Run `propensity backtest`: print the planned work and its cost, show the progress, and clean up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import typer

from cli import terminal, world
from cli.backtest import days as past_days
from cli.backtest import learning, promises, table
from cli.backtest.past import Past
from cli.errors import CommandError

if TYPE_CHECKING:
    from rich.console import Console

    from shared.chain.environment import Environment


def run(
    environment: Environment,
    count: int,
    every: int,
    until: date | None,
    out: Console,
    progress: Console,
    *,
    is_asked: bool,
    as_json: bool,
) -> None:
    """Train models on the data known on each past day. Print the result to `out`, and the progress to `progress`.

    With `is_asked`, ask for confirmation first, unless the cloud is local.

    Raises:
        UsageError: as in `days.choose`.
        CommandError: as in `days.choose`; or the backtest was interrupted, and the message says how to continue it.
        Permanent: a statement failed.
    """
    days = past_days.choose(environment, count, every, until)
    past = Past(environment, days)
    if is_asked and not world.is_local():
        trainings = len(days) * len(past.settings.training.candidates)
        _ask(f"{trainings} trainings", past, progress)
    try:
        past.begin(datetime.now(UTC))
        judged = list(learning.judge(past, lambda line: progress.print(line, highlight=False, markup=False)))
    except KeyboardInterrupt:
        again = f"propensity backtest --days {count} --every {every} --until {days[-1]}"
        raise CommandError(
            f"interrupted: `{again}` goes on; dataset {past.dataset} is left, and its tables expire after a week"
        ) from None
    past.remove()
    if as_json:
        terminal.print_json(promises.document(judged))
    else:
        table.show(judged, out)


def _ask(trainings: str, past: Past, progress: Console) -> None:
    progress.print(
        f"{trainings} as of {past.days[0]} to {past.days[-1]}, in dataset {past.dataset}, which is deleted at the end; "
        "BigQuery bills them (docs/operate.md)",
        highlight=False,
    )
    typer.confirm("Train?", abort=True)
