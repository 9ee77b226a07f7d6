"""`propensity audit`: list a period's erasures, e-mails and requests to destinations, without personal data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from cli import terminal
from shared.messages.intents import FOLDER, Intents
from shared.store import Store

if TYPE_CHECKING:
    from datetime import date

    from rich.console import Console

    from shared.chain.environment import Environment


def read(environment: Environment, first_day: date, last_day: date) -> dict[str, list[dict[str, Any]]]:
    """Return the requests to destinations, the e-mails by day, and the erasures, from `first_day` to `last_day`.

    Days are in UTC. An e-mail counts on the day on which the intent to send it was stored.
    """
    period = {"first_day": first_day, "last_day": last_day}
    return {
        "sends": environment.query("audit/sends", period),
        "messages": _messages(environment, first_day, last_day),
        "erasures": environment.query("audit/erasures", period),
    }


def _messages(environment: Environment, first_day: date, last_day: date) -> list[dict[str, Any]]:
    found = Counter(
        (intent.at.date(), intent.key.rpartition("/")[0], intent.outcome)
        for _, intents in Store(environment.bucket).all(FOLDER, Intents)
        for intent in intents.intents
        if first_day <= intent.at.date() <= last_day
    )
    return [
        {"day": day, "campaign": campaign, "outcome": outcome, "messages": number}
        for (day, campaign, outcome), number in sorted(found.items())
    ]


TITLES = {"sends": "requests to destinations", "messages": "e-mails", "erasures": "erasures"}
# Titles of columns whose names do not say what was counted.
COLUMNS = {"row_count": "deleted rows", "object_count": "deleted or rewritten objects", "pending": "waits for"}


def show(found: dict[str, list[dict[str, Any]]], out: Console) -> None:
    """Print the result of `read`, a table for each kind that has rows."""
    for kind, rows in found.items():
        title = TITLES[kind]
        if not rows:
            out.print(f"no {title} in this period")
            continue
        columns = [name for name in rows[0] if name != "subject"]
        table = terminal.table(
            *(COLUMNS.get(name, name.replace("_", " ")) for name in columns), title=title.capitalize()
        )
        for row in rows:
            table.add_row(*(_text(row[name]) for name in columns))
        out.print(table)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "hour") else str(value)
