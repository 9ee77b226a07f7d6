"""Print the estimate as a table."""

from rich.console import Console
from rich.table import Table

from cli.cost.estimate import Estimate
from cli.cost.prices import price_list

MARKS = {"listed": "", "reported": "~", "guess": "?"}


def show(found: Estimate, console: Console) -> None:
    """Print a line per price, the sums, the marginal costs, and how reliable the prices are."""
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
    table.add_row("total", "", "", "", f"{found.idle:,.2f}", f"{found.total:,.2f}", "", style="bold")
    console.print(table, highlight=False)
    more = Table.grid(padding=(0, 2))
    more.add_row("one run (refresh, training, recommendations)", _small(found.per_run))
    more.add_row("1,000 visitors scored and published", _small(found.per_1000_scored_visitors))
    more.add_row("1,000 checkouts answered", _small(found.per_1000_checkouts))
    console.print("Marginal cost, at list prices without free quantities:", more, highlight=False)
    listed = price_list()
    console.print(
        f"List prices of {listed.as_of} in {listed.region} and {listed.location}; ~ marks a price from third parties, "
        f"? a guess (${found.unsure:,.2f} of the total). Durations and sizes are assumed (cli/cost/assumptions.yaml); "
        "none was measured on Google Cloud.",
        highlight=False,
    )
    for note in found.notes:
        console.print(note, style="yellow", markup=False, highlight=False)


def _small(dollars: float) -> str:
    return "less than $0.0001" if 0 < dollars < 0.0001 else f"${dollars:,.4f}"
