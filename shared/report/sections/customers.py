"""The section about the customers of an audience: their number by arm, and how many of them must not be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.report import words
from shared.report.page import Section, Table

if TYPE_CHECKING:
    from shared.chain.audience_documents import Resolved
    from shared.report.material import Answers, Material
    from shared.warehouse import Statement


def asks(_: Material) -> dict[str, Statement]:
    """Return no statement: the section needs only the run's documents."""
    return {}


def tell(material: Material, _: Answers) -> Section | None:
    """Return the section, or None if the run did not look for customers."""
    found = material.run.documents.customers
    if found is None:
        return None
    arms = [(arm, words.count(customers)) for arm, customers in found.arms.items()]
    excluded = [(one.channel, words.named(one.reason), words.count(one.customers)) for one in found.excluded]
    tables = [
        Table("Customers by arm of the campaign", ("arm", "customers"), arms),
        Table("Treated customers who may not be reached", ("channel", "reason", "customers"), excluded, numbers=False),
    ]
    return Section("customers", "Customers", _sentences(found), [table for table in tables if table.rows])


def _sentences(found: Resolved) -> list[str]:
    visitors, customers = words.count(found.visitors), words.count(found.customers)
    said = [
        f"{words.count(found.matched)} of {visitors} visitors in the audience belong to {customers} customers.",
        f"{words.count(found.unmatched)} visitors belong to nobody known. Two customers claim {found.conflicts}.",
    ]
    if found.refused_rows or found.refused_values:
        said.append(
            f"{words.count(found.refused_rows)} rows and {words.count(found.refused_values)} values of crm_customers "
            "break a rule: the table refused_customers names each."
        )
    if found.excluded:
        said.append("A customer may be left out for several reasons.")
    return said
