"""Write a run's report: read its documents, run the sections' statements concurrently, and store the page."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from shared import jsontext
from shared.chain import run_state, training
from shared.chain.documents import REPORT
from shared.chain.opened_runs import ExportRun
from shared.errors import Malformed, Permanent, told
from shared.report import page
from shared.report.material import Material
from shared.report.sections import (
    audience,
    campaigns,
    changes,
    cost,
    curves,
    customers,
    data,
    delivery,
    drivers,
    health,
    models,
    recommendations,
    run,
    segments,
    value,
)
from shared.warehouse import MOST_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from shared.chain.environment import Environment
    from shared.chain.opened_runs import OpenedRun
    from shared.chain.run_state import Run
    from shared.chain.runs import Runs
    from shared.report.material import Part, Rows
    from shared.warehouse import Statement

# The sections in the order of the page.
PARTS: tuple[Part, ...] = (
    run,
    data,
    models,
    curves,
    drivers,
    segments,
    audience,
    recommendations,
    health,
    customers,
    delivery,
    campaigns,
    value,
    cost,
    changes,
)


def write(run_id: str, environment: Environment) -> bytes:
    """Write the page into the run's folder and return it.

    If the folder already has a page of the same steps and failures, keep that page. Later runs may have replaced the
    rows that the page shows, so a second delivery could write a different page.

    Raises:
        Malformed: there is no such run.
        GoogleAPICallError: BigQuery or Cloud Storage failed, and a retry may help.
    """
    run = run_state.read(environment.runs, run_id)
    existing = environment.runs.content(run_id, REPORT)
    if existing is not None and _made_of(run).encode() in existing:
        return existing
    written = made(gather(run, environment), environment)
    environment.runs.write_page(run_id, REPORT, written)
    return written


def made(material: Material, environment: Environment) -> bytes:
    """Return the page. Its head contains a hash of the run's steps and failures."""
    run = material.run
    return page.render(f"Run {run.run_id}: {run.outcome}", sections(material, environment), _made_of(run))


def _made_of(run: Run) -> str:
    return hashlib.sha256(jsontext.encode([run.records, run.failures])).hexdigest()


def gather(run: Run, environment: Environment) -> Material:
    """Return the run with its run.json, the previous training run, and the bytes billed for the run's trainings.

    Raises:
        Malformed: the run was reset meanwhile.
    """
    opened = environment.runs.opened(run.run_id).run
    before = _before(opened, environment.runs)
    return Material(run, opened, environment.settings, before, training.billed(run.run_id, environment))


def sections(material: Material, environment: Environment) -> list[page.Section]:
    """Return the sections for which the run has data.

    If BigQuery refuses a section's statement, e.g. because a model was deleted, the section is left out. An additional
    section gives the reasons.
    """
    found, lacking = [], []
    with ThreadPoolExecutor(MOST_AT_ONCE, "report") as pool:
        asked = [_asked(part.asks(material), environment, pool) for part in PARTS]
        for part, answers in zip(PARTS, asked, strict=True):
            try:
                section = part.tell(material, {name: rows.result() for name, rows in answers.items()})
            except Permanent as error:
                lacking.append(told(error))
            else:
                found += [section] if section else []
    return [*found, page.Section("lacking", "Left out", lacking)] if lacking else found


def _asked(
    statements: Mapping[str, Statement], environment: Environment, pool: ThreadPoolExecutor
) -> dict[str, Future[Rows]]:
    # The ids of these jobs do not depend on the run. Otherwise, a delivery after a deployment of new code could find
    # the job of an older statement and read its rows.
    return {
        name: pool.submit(environment.query, one.name, one.parameters, **one.identifiers)
        for name, one in statements.items()
    }


def _before(opened: OpenedRun, runs: Runs) -> Run | None:
    if not isinstance(opened, ExportRun) or opened.after is None:
        return None
    try:
        return run_state.read(runs, opened.after)
    except Malformed:
        # The previous run was reset.
        return None
