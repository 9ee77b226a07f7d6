"""The estimate as a table for people."""

from rich.console import Console
from rich.table import Table

from cli.cost.estimate import Estimate
from cli.cost.prices import price_list

MARKS = {"listed": "", "reported": "~", "guess": "?"}


def show(found: Estimate, console: Console) -> None:
    """Print each price's line, the sums, and how much to believe."""
    table = Table("a month", "quantity", "unit", "free", "idle $", "$", "", title_justify="left")
    for column in table.columns[1:6]:
        column.justify = "right"
    table.columns[2].justify = "left"
    for line in found.lines:
        price = line.price
        numbers = (f"{line.quantity:,.3g}" if line.quantity < 1000 else f"{line.quantity:,.0f}", price.unit)
        table.add_row(
            price.what,
            *numbers,
            f"{price.free:,.3g}" if price.free < 1000 else f"{price.free:,.0f}",
            f"{line.idle_cost:,.2f}",
            f"{line.cost:,.2f}",
            MARKS[price.sure],
        )
    table.add_section()
    table.add_row("in all", "", "", "", f"{found.idle:,.2f}", f"{found.total:,.2f}", "", style="bold")
    console.print(table, highlight=False)
    more = Table.grid(padding=(0, 2))
    more.add_row("one run (refresh, training, recommendations)", _small(found.per_run))
    more.add_row("1,000 visitors scored and published", _small(found.per_1000_scored_visitors))
    more.add_row("1,000 checkouts answered", _small(found.per_1000_checkouts))
    console.print("One more, at list prices without any free share:", more, highlight=False)
    listed = price_list()
    console.print(
        f"List prices of {listed.as_of} in {listed.region} and {listed.location}: ~ as others report them, ? a guess "
        f"(${found.unsure:,.2f} of the sum). Durations and sizes are assumed (cli/cost/assumptions.yaml); none was "
        "measured on Google Cloud.",
        highlight=False,
    )
    for note in found.notes:
        console.print(note, style="yellow", markup=False, highlight=False)


def _small(dollars: float) -> str:
    return "less than $0.0001" if 0 < dollars < 0.0001 else f"${dollars:,.4f}"
