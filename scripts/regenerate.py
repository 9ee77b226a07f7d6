"""Rewrite all texts that are generated from the code, after a change of settings, events, declarations or statements.

    .venv/bin/python scripts/regenerate.py

Tests compare each of these texts with the code.
"""

import os
import re
from pathlib import Path

os.environ.pop("PROPENSITY_SETTINGS", None)

from typer.testing import CliRunner

from cli import declarations, main, terminal
from cli.cost.estimate import environment, estimate
from cli.cost.prices import assumptions
from cli.cost.volumes import Inputs
from shared import log_events, settings
from shared.erasure import persons
from shared.online import openapi

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "deploy.md"
# Width of the blocks of output in docs/deploy.md, in characters.
WIDTH = 118
PARTS = {
    "CREATE MODEL": ("create_model",),
    "queries": ("query",),
    "storage": ("active_storage", "long_term_storage"),
    "alert conditions": ("alert_conditions",),
    "listings of the bucket": ("bucket_writes",),
}
COSTS = re.compile(r"(```console\n\$ propensity cost\n).*?(```)", re.DOTALL)
VOLUMES = re.compile(r"^\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) million \| \$[\d,]+ \| \$[\d,]+ \| (.*) \|$", re.MULTILINE)


def regenerate() -> None:
    """Rewrite docs/logs.md, the schema of the settings, the OpenAPI document, the columns of people, and the costs."""
    (ROOT / "docs" / "logs.md").write_text(log_events.page())
    (ROOT / "infra" / "settings" / "schema.json").write_bytes(settings.schema())
    (ROOT / "functions" / "score_checkout.openapi.json").write_bytes(openapi.document())
    (ROOT / persons.FILE).write_bytes(persons.content(declarations.read().persons))
    GUIDE.write_text(VOLUMES.sub(_volumes, _with_costs(GUIDE.read_text())))


def _with_costs(guide: str) -> str:
    terminal.out.width = WIDTH
    printed = CliRunner().invoke(main.app, ["cost"]).output
    lines = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    return COSTS.sub(lambda found: found[1] + lines + found[2], guide)


def _volumes(row: re.Match[str]) -> str:
    """Return a row of the table of volumes in docs/deploy.md, with the costs that the code computes now."""
    a_day, checkouts = (int(one.replace(",", "")) for one in row.groups()[:2])
    inputs = Inputs(a_day, assumptions().sessions_per_visitor, checkouts, 1, 400, 1_000)
    ga360, ga4 = (estimate(environment(inputs, [f"source.kind={kind}"])) for kind in ("ga360", "ga4"))
    costs = {line.name.removeprefix("bigquery_"): line.cost for line in ga360.lines}
    of_which = row[4]
    for title, names in PARTS.items():
        cost = f"{sum(costs[name] for name in names):,.0f}"
        of_which = re.sub(rf"{title} \$(\d[\d,]*\d|\d)", f"{title} ${cost}", of_which)
    return f"| {row[1]} | {row[2]} | {row[3]} million | ${ga360.total:,.0f} | ${ga4.total:,.0f} | {of_which} |"


if __name__ == "__main__":
    regenerate()
