"""The section about the run: its outcome, and the times and states of its steps, as a graph and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.chain.run_state import BESIDE, STEPS, function_of
from shared.report import words
from shared.report.page import Graph, Node, Section, Table

if TYPE_CHECKING:
    from shared.chain.run_state import Run
    from shared.report.material import Answers, Material
    from shared.warehouse import Statement

# The steps of a run that was opened by a refresh but does not train.
_REFRESH = ("build_features", "score_visitors", "publish_audience")
_OF_KIND = {
    "training": STEPS,
    "refresh": _REFRESH,
    "scoring": _REFRESH[1:],
    "recommendations": ("build_recommendations",),
    "monitoring": ("monitor_model",),
    "customers": ("resolve_customers",),
    "delivery": (),
    "campaigns": ("measure_campaign",),
    "value": ("value_customers",),
    "erasure": ("erase_subject",),
}
_ENDED = {
    "published": "It ended with a published audience.",
    "recommended": "It ended with new recommendations.",
    "monitored": "It ended with a check of the model's health.",
    "resolved": "It ended with the customers of an audience.",
    "delivered": "It ended when the destination had answered all requests.",
    "measured": "It ended with the effects of the campaigns.",
    "valued": "It ended with the customers' values.",
    "erased": "It ended with the erasure of persons.",
    "rejected": "The gate rejected its model: the champion stays, if there is one.",
    "superseded": "It was overtaken, which is not a failure.",
    "failed": "A step failed for good.",
    "retrying": "A step failed and is retried.",
    "running": "It had not ended when this page was written.",
}


def asks(_: Material) -> dict[str, Statement]:
    """Return no statement: the section needs only the ledger."""
    return {}


def tell(material: Material, _: Answers) -> Section:
    """Return the section: the steps, and the reason for the run's outcome."""
    run = material.run
    nodes = _nodes(run)
    return Section(
        "run",
        "The run",
        [_opened(run), *([run.reason] if run.reason else [])],
        [Graph("Steps of the run", _in_words(nodes), nodes), _table(run, nodes)],
    )


def _opened(run: Run) -> str:
    why = f" Reason: {run.wanted_for}." if run.wanted_for else ""
    return f"This {run.kind} run was opened at {words.moment(run.opened_at)} by {run.topic}.{why} {_ENDED[run.outcome]}"


def _nodes(run: Run) -> list[Node]:
    """Return the steps that a run of this kind has, and other steps that have finished or failed in this run."""
    begins = _begins(run)
    failed = {function_of(failure.step) for failure in run.failures}
    names = [step for step in (*STEPS, *BESIDE) if step in {*_OF_KIND[run.kind], *run.seconds, *failed}]
    return [
        Node(name, "done", begins[name], run.seconds[name], words.seconds(run.seconds[name]))
        if name in run.seconds
        else Node(name, "failed", text="failed")
        if name in failed
        else Node(name, "not reached", text="not reached")
        for name in names
    ]


def _begins(run: Run) -> dict[str, float]:
    """Return when each step began for the first time, in seconds after the run was opened."""
    begins: dict[str, float] = {}
    for record in run.records:
        begins.setdefault(function_of(record.step), (record.started_at - run.opened_at).total_seconds())
        if record.step == "train_models":
            begins["training"] = (record.finished_at - run.opened_at).total_seconds()
    return begins


def _in_words(nodes: list[Node]) -> str:
    done = [node for node in nodes if node.state == "done"]
    if not done:
        return "No step was finished."
    longest = max(done, key=lambda node: node.seconds)
    end = max(node.begin + node.seconds for node in done)
    said = f"{len(done)} of {len(nodes)} steps were finished, {words.seconds(end)} after the run was opened. "
    said += f"{longest.name} took longest, {words.seconds(longest.seconds)}."
    failed = [node.name for node in nodes if node.state == "failed"]
    return said + (f" {words.listed(failed)} failed." if failed else "")


def _table(run: Run, nodes: list[Node]) -> Table:
    in_bigquery = {function_of(record.step): record.bigquery_seconds for record in run.records}
    rows = [
        (
            node.name,
            node.state,
            words.seconds(node.begin) if node.state == "done" else words.NONE,
            words.seconds(node.seconds) if node.state == "done" else words.NONE,
            words.seconds(in_bigquery[node.name]) if node.name in in_bigquery else words.NONE,
        )
        for node in nodes
    ]
    head = ("step", "state", "began after", "took", "of this, waiting for BigQuery")
    return Table("Times of the steps", head, rows)
