"""The section about the changes since the previous run that was opened to train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.report import words
from shared.report.page import Section, Table

if TYPE_CHECKING:
    from shared.chain.run_state import Run
    from shared.report.material import Answers, Material
    from shared.warehouse import Statement


def asks(_: Material) -> dict[str, Statement]:
    """Return no statement: the section needs only the documents of both runs."""
    return {}


def tell(material: Material, _: Answers) -> Section | None:
    """Return the section, or None if there is no previous run, or if the previous run was reset."""
    run, before = material.run, material.before
    if before is None:
        return None
    then, now = _values(before), _values(run)
    rows = [(name, then.get(name, words.NONE), now.get(name, words.NONE)) for name in dict.fromkeys([*then, *now])]
    changed = [name for name, old, new in rows if old != new]
    sentences = [
        f"Compared with run {before.run_id}, opened at {words.moment(before.opened_at)}.",
        f"Different: {words.listed(changed)}." if changed else "Nothing is different.",
        "Each run is measured on its own test visitors, so metrics also differ because the visitors do.",
        "The section on candidates and champion compares models on the same visitors.",
    ]
    table = Table("Both runs", ("compared", f"run {before.run_id}", f"run {run.run_id}"), rows)
    return Section("changes", "What changed since the last run", sentences, [table])


def _values(run: Run) -> dict[str, str]:
    documents = run.documents
    values = {"outcome": run.outcome}
    if checks := documents.checks:
        values["checks not satisfied"] = words.listed(name for name, check in checks.items() if not check.is_ok)
    if evaluation := documents.evaluation:
        for split in evaluation.splits:
            values[f"{split.split} visitors"] = words.count(split.visitors)
            values[f"{split.split} buyers"] = words.count(split.positives)
        values["winner"] = words.named(evaluation.winner)
        if found := evaluation.test.get(evaluation.winner):
            values |= {f"{title}, test": words.metric(metric, found) for metric, title in words.METRICS.items()}
    if audience := documents.audience:
        values["scored visitors"] = words.count(audience.scored)
        values["audience"] = words.count(audience.members)
        values["coupons"] = words.count(audience.coupons)
        values["at full price"] = words.count(audience.full_price)
    return values
