"""`propensity history`: show which version became champion, when, by whom and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from rich.markup import escape

from cli import terminal
from shared.chain import promotion

if TYPE_CHECKING:
    from rich.console import Console

    from shared.chain.environment import Environment


def read(environment: Environment) -> list[dict[str, Any]]:
    """Return the latest moves of the champion, the newest first. Each dict has the fields of `promotion.Move`."""
    return [msgspec.structs.asdict(move) for move in reversed(promotion.moves(environment))]


def show(moves: list[dict[str, Any]], out: Console) -> None:
    """Print the moves as a table, or a sentence if there are none."""
    if not moves:
        out.print("there has been no champion yet")
        return
    table = terminal.table("when", "move", "from", "to", "run", "by", "why", title="Moves of the champion")
    for move in moves:
        table.add_row(
            f"{move['decided_at']:%Y-%m-%d %H:%M}",
            move["kind"].replace("_", " "),
            move["from_version"] or "-",
            move["to_version"],
            move["run_id"],
            escape(move["decided_by"]),
            escape(move["reason"]),
        )
    out.print(table)
