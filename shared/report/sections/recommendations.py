"""The section about rules and recommendations, which are built in a separate run that does not train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.report import words
from shared.report.page import Section, Table
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared.chain.documents import Recommended
    from shared.report.material import Answers, Material, Rows

MOST_RULES = 15


def asks(material: Material) -> dict[str, Statement]:
    """Return the statement that finds the rules with the highest lift, if recommendations were built."""
    found = material.run.documents.recommendations
    if found is None:
        return {}
    about = {"run_id": material.run.run_id, "as_of": found.as_of, "most_rules": MOST_RULES}
    return {"rules": Statement("report/rules", about)}


def tell(material: Material, answers: Answers) -> Section | None:
    """Return the section; None if the run built no recommendations."""
    found = material.run.documents.recommendations
    if found is None:
        return None
    parts = [table for table in (_methods(found), _rules(answers.get("rules", []))) if table.rows]
    return Section("recommendations", "Rules and recommendations", _sentences(found), parts)


def _sentences(found: Recommended) -> list[str]:
    better = found.better_than_popularity
    return [
        f"{words.count(found.visitors)} visitors have products by {words.named(found.method)} until {found.as_of}.",
        f"Shown to be better than popularity: {words.listed(map(words.named, better))}."
        if better
        else "No method is shown to be better than popularity.",
        f"{words.count(found.rules)} association rules were counted from {words.count(found.baskets)} baskets.",
        *([f"{words.count(found.out_of_stock)} products are out of stock."] if found.out_of_stock else []),
    ]


def _methods(found: Recommended) -> Table:
    rows = [
        (words.named(name), words.count(one.visitors), words.decimal(one.recall), words.decimal(one.ndcg))
        for name, one in found.methods.items()
    ]
    title = "How often each method found the product that was held out"
    return Table(title, ("method", "visitors", "recall", "NDCG"), rows)


def _rules(rows: Rows) -> Table:
    told = [
        (
            f"{words.listed(row['antecedents'])} → {words.listed(row['consequents'])}",
            words.count(row["basket_count"]),
            words.percent(row["confidence"]),
            words.decimal(row["lift"], 1),
        )
        for row in rows
    ]
    return Table(
        f"The rules with the highest lift, at most {MOST_RULES}", ("rule", "baskets", "confidence", "lift"), told
    )
