"""The section about the customers' value: their expected orders and revenue, and the chosen method with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.report import words
from shared.report.page import Section, Table
from shared.value import wording

if TYPE_CHECKING:
    from shared.chain.documents import Valued
    from shared.report.material import Answers, Material
    from shared.warehouse import Statement


def asks(_: Material) -> dict[str, Statement]:
    """Return no statement: the section needs only the run's document."""
    return {}


def tell(material: Material, _: Answers) -> Section | None:
    """Return the section, or None if the run valued no customers."""
    found = material.run.documents.value
    if found is None:
        return None
    left_out = [(campaign, f"{share:.1%}") for campaign, share in found.incremental_shares.items()]
    lacking = [(words.named(method), why) for method, why in found.lacking.items()]
    tables = [
        Table("Orders that the campaigns have caused", ("campaign", "share left out"), left_out),
        Table("Methods that could not be fitted", ("method", "why"), lacking, numbers=False),
    ]
    return Section("value", "Customer value", _sentences(found), [table for table in tables if table.rows])


def _sentences(found: Valued) -> list[str]:
    said = [
        f"{words.count(found.customers)} customers are expected to bring {wording.expected(found)}.",
        f"{words.begun(words.named(found.reason))}.",
        "The models of value assume that a customer's order values do not depend on the number of orders.",
        f"{words.begun(found.independence)}.",
    ]
    if found.incremental_shares:
        said.append(
            "A campaign's effect is measured and counted once. So the orders that a campaign has caused do not raise "
            "the value of the treated customers."
        )
    return said
