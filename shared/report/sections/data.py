"""The section about the data: the checks, the visitors of each split, and the features.

Each feature is shown alone and by label. A table shows the correlations between features.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.report import axes, words
from shared.report.page import Bars, Section, Table
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared.chain.documents import Check, Split
    from shared.report.material import Answers, Material, Rows

_BINS = 12
_CATEGORIES = 8
_HEAD = 5
_LABEL = "will_buy_on_return_visit"
_OTHERS = "all others"


@dataclass
class Histogram:
    """A histogram of a feature: the number of visitors per bin, and the number of buyers among them.

    `words` describes the values of each bin. For a numeric feature, `sums` holds the sum of its values over all
    visitors and the sum over buyers; for a category, None.
    """

    visitors: Counter[str] = field(default_factory=Counter)
    buyers: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)
    sums: tuple[float, float] | None = None

    @property
    def all(self) -> int:
        """The number of visitors."""
        return self.visitors.total()

    @property
    def all_buyers(self) -> int:
        """The number of visitors who bought."""
        return self.buyers.total()

    def means(self) -> tuple[float | None, float | None]:
        """Return the feature's means for buyers and for others. A category or an empty group has the mean None."""
        everybody, buyers = self.sums or (0.0, 0.0)
        others = self.all - self.all_buyers
        if self.sums is None:
            return None, None
        return buyers / self.all_buyers if self.all_buyers else None, (everybody - buyers) / others if others else None

    def shares(self) -> tuple[list[float], list[float]]:
        """Return two lists with the share of each bin: among visitors who did not buy, and among buyers."""
        others = [visitors - self.buyers[label] for label, visitors in self.visitors.items()]
        return _shares(others), _shares([self.buyers[label] for label in self.visitors])


def asks(material: Material) -> dict[str, Statement]:
    """Return the statements about the run's training rows, if the run has written training rows."""
    if not material.has("train_models"):
        return {}
    rows = material.rows_of_run
    return {
        "numbers": Statement("report/numbers", {**rows, "bins": _BINS}),
        "categories": Statement("report/categories", {**rows, "most": _CATEGORIES}),
        "correlations": Statement("report/correlations", rows),
        "months": Statement("report/months", rows),
        "head": Statement("report/head", {**rows, "rows": _HEAD}),
    }


def tell(material: Material, answers: Answers) -> Section | None:
    """Return the section, or None if the run checked no data."""
    documents = material.run.documents
    histograms = _histograms(answers)
    parts: list[Table | Bars] = []
    if documents.checks:
        parts.append(_checks(documents.checks))
    if documents.evaluation:
        parts.append(_splits(documents.evaluation.splits))
    if histograms:
        missing = _missing(histograms, answers)
        alone = documents.evaluation.single_features if documents.evaluation else {}
        parts += [_head(answers["head"]), _features(histograms, missing, alone), *_months(answers["months"])]
        parts += [_drawn(name, found) for name, found in histograms.items()]
        parts.append(_correlations(answers["correlations"]))
    return Section("data", "Data", _sentences(documents.checks or {}, histograms), parts) if parts else None


def _sentences(checks: dict[str, Check], histograms: dict[str, Histogram]) -> list[str]:
    failed = [name for name, check in checks.items() if not check.is_ok]
    said = [f"{len(checks) - len(failed)} of {len(checks)} checks of the data are satisfied."] if checks else []
    said += [f"Not satisfied: {words.listed(failed)}."] if failed else []
    if histograms:
        one = next(iter(histograms.values()))
        said.append(
            f"The run has {words.count(one.all)} visitors whose outcome is known; {words.count(one.all_buyers)} of "
            f"them, {words.percent(one.all_buyers / one.all)}, bought on a return visit."
        )
    return said


def _checks(checks: dict[str, Check]) -> Table:
    rows = [(name, "ok" if check.is_ok else name.partition("/")[0], check.found) for name, check in checks.items()]
    return Table("Checks", ("check", "result", "found"), rows, numbers=False)


def _splits(splits: list[Split]) -> Table:
    rows = [
        (one.split, str(one.first_day), str(one.last_day), words.count(one.visitors), words.count(one.positives))
        for one in splits
    ]
    return Table("Visitors by split", ("split", "first day", "last day", "visitors", "buyers"), rows)


def _histograms(answers: Answers) -> dict[str, Histogram]:
    """Return the histogram of each feature. Numeric features come first."""
    found: defaultdict[str, Histogram] = defaultdict(Histogram)
    for row in answers.get("numbers", []):
        one, label = found[row["feature"]], str(row["first_value"])
        one.visitors[label] += row["visitors"]
        one.buyers[label] += row["visitors"] * row["label"]
        one.words[label] = _values(row["first_value"], row["last_value"])
        everybody, buyers = one.sums or (0.0, 0.0)
        one.sums = everybody + row["total"], buyers + row["total"] * row["label"]
    for row in answers.get("categories", []):
        one, label = found[row["feature"]], _OTHERS if row["category"] is None else row["category"]
        one.visitors[label] += row["visitors"]
        one.buyers[label] += row["buyers"]
        one.words[label] = label
    return found


def _values(first: int, last: int | None) -> str:
    if last is None:
        return f"{first} or more"
    return str(first) if first == last else f"{first} to {last}"


def _missing(histograms: dict[str, Histogram], answers: Answers) -> dict[str, float]:
    """Return the share of visitors without a value, by feature.

    In the training rows, a missing number is NULL, and a missing category is the text `missing`.
    """
    everybody = sum(row["visitors"] for row in answers["months"])
    return {
        name: 1 - found.all / everybody if found.sums else found.visitors.get("missing", 0) / everybody
        for name, found in histograms.items()
    }


def _head(rows: Rows) -> Table:
    columns = [name for name in rows[0] if name != _LABEL]
    told = [(words.named(name), *(str(row[name]) for row in rows)) for name in (*columns, _LABEL)]
    return Table(f"{len(rows)} visitors as the models see them, without their ids", ("feature", *_numbered(rows)), told)


def _numbered(rows: Rows) -> list[str]:
    return [f"visitor {number}" for number, _ in enumerate(rows, 1)]


def _features(histograms: dict[str, Histogram], missing: dict[str, float], alone: dict[str, float | None]) -> Table:
    rows = []
    for name, found in histograms.items():
        buyers, others = found.means()
        most = max(found.visitors, key=lambda label: found.visitors[label])
        means = (words.decimal(buyers, 1), words.decimal(others, 1))
        rows.append(
            (words.named(name), words.percent(missing[name]), *means, found.words[most], words.decimal(alone.get(name)))
        )
    head = ("feature", "missing", "mean of buyers", "mean of others", "most frequent", "ROC AUC alone")
    return Table("Features", head, rows)


def _drawn(name: str, found: Histogram) -> Bars:
    others, buyers = found.shares()
    labels = list(found.visitors)
    highest = max(range(len(labels)), key=lambda number: abs(buyers[number] - others[number]))
    said = (
        f"Buyers differ most from others at {found.words[labels[highest]]}: "
        f"{words.percent(buyers[highest])} of the buyers and {words.percent(others[highest])} of the others have it."
    )
    axis = axes.shares("share of the buyers, and of the others", max(*others, *buyers, 0.01) * 1.05)
    bars = {"did not buy": others, "bought": buyers}
    return Bars(f"Histogram of {words.named(name)} by label", said, words.named(name), axis, labels, bars)


def _shares(counts: list[int]) -> list[float]:
    total = sum(counts)
    return [one / total if total else 0.0 for one in counts]


def _months(rows: Rows) -> list[Bars]:
    if not rows:
        return []
    rates = [row["buyers"] / row["visitors"] for row in rows]
    said = words.listed(
        f"{row['month']:%Y-%m}: {words.count(row['visitors'])} visitors, {words.percent(rate)} bought"
        for row, rate in zip(rows, rates, strict=True)
    )
    axis = axes.shares("share that bought", max(rates) * 1.05)
    labels = [f"{row['month']:%Y-%m}" for row in rows]
    return [Bars("Month by month", f"{said}.", "month of the first visit", axis, labels, {"share that bought": rates})]


def _correlations(rows: Rows) -> Table:
    pairs = {(row["feature"], row["other_feature"]): row["correlation"] for row in rows}
    names = [*dict.fromkeys(name for pair in pairs for name in pair if name != _LABEL), _LABEL]
    told = [
        (_short(name), *(words.decimal(pairs.get((name, other), pairs.get((other, name))), 2) for other in names))
        for name in names
    ]
    return Table("Correlations (Pearson) of the numbers with one another", ("feature", *map(_short, names)), told)


def _short(name: str) -> str:
    return "bought" if name == _LABEL else words.named(name)
