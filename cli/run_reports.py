"""Find the reports of runs, and download a report for `propensity report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import world
from cli.errors import CommandError
from shared.chain.documents import REPORT

if TYPE_CHECKING:
    from pathlib import Path

    from shared.chain.environment import Environment

# Prefix of the URL that shows an object to a person who is signed in to Google Cloud and may read it.
_BROWSER = "https://storage.cloud.google.com/"


def link(run_id: str, environment: Environment) -> str | None:
    """Return a link to the run's report for a browser or, in a local cloud, a gs:// URI; None if there is no report."""
    uri = environment.runs.uri(run_id, REPORT)
    if uri not in environment.runs.files(run_id, REPORT):
        return None
    return uri if world.is_local() else uri.replace("gs://", _BROWSER, 1)


def download(run_id: str, file: Path, environment: Environment) -> int:
    """Write the run's report to a file, and return its size in bytes.

    Raises:
        Malformed: there is no such run.
        CommandError: the run has no report. A report is written after the run has ended.
    """
    environment.runs.opened(run_id)
    content = environment.runs.content(run_id, REPORT)
    if content is None:
        raise CommandError(f"run {run_id} has no report: write_report writes it once the run has ended")
    return file.write_bytes(content)
