"""`propensity sql`: print a statement of sql/ as a script for BigQuery's console.

A script has no parameters, so each parameter @NAME becomes a variable `p_NAME`. A variable `NAME` could be confused
with a column.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from string import Template
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli import terminal
from cli.errors import UsageError
from deskcloud.googlesql.tokens import tokenize
from shared import jsontext, placeholders
from shared.chain import recommending, source, traffic_sites
from shared.warehouse import SQL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.cloud import bigquery
    from rich.console import Console

    from shared.chain.environment import Environment
    from shared.settings import Settings

_HEADER = re.compile(r"(?:--.*\n)*")
_PARAMETER = re.compile(r"-- @(\w+) +([A-Z0-9<>]+)  +(.+)")
# In a statement's header, the description of a parameter may end with a name in brackets: the setting with its value.
_SETTING = re.compile(r"\(([a-z_.]+)\)\Z")
# The values of parameters that are constants of the code.
_CONSTANTS = {
    "placeholders": placeholders.PLACEHOLDERS,
    "no_ids": placeholders.NO_IDS,
    "most_products": recommending.MOST_PRODUCTS,
    **traffic_sites.PARAMETERS,
}


@dataclass(frozen=True)
class Parameter:
    """A parameter, as documented in the statement's header."""

    name: str
    type: str
    meaning: str

    @property
    def setting(self) -> str | None:
        """The path of the setting that holds the value, e.g. training.window_days; None if no setting holds it."""
        found = _SETTING.search(self.meaning)
        return found and found[1]


def names() -> list[str]:
    """Return the names of all statements: their files without `.sql`."""
    return sorted(str(path.relative_to(SQL).with_suffix("")) for path in SQL.rglob("*.sql"))


def require(name: str) -> None:
    """Check that there is a statement of this name.

    Raises:
        UsageError: there is none; the message suggests a similar name.
    """
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        remedy = f"did you mean {near[0]}?" if near else "`propensity sql` lists all"
        raise UsageError(f"there is no statement {name!r}; {remedy}")


def text(name: str) -> str:
    """Return the content of a statement's file, with its header."""
    return (SQL / f"{name}.sql").read_text()


def about(text: str) -> str:
    """Return the first sentence of a statement's header comment."""
    lines = [line.removeprefix("-- ") for line in _head(text).splitlines() if not _PARAMETER.match(line)]
    return re.split(r"(?<=\.) ", " ".join(lines))[0].removesuffix(".")


def parameters(text: str) -> list[Parameter]:
    """Return a statement's parameters, in the order of its header comment."""
    return [Parameter(*found.groups()) for found in _PARAMETER.finditer(_head(text))]


def show(out: Console) -> None:
    """Print the names of all statements with their descriptions."""
    grid = terminal.grid()
    for name in names():
        grid.add_row(name, escape(about(text(name))))
    out.print(grid, highlight=False)


def script(name: str, settings: Settings) -> str:
    """Return a statement as a script, with values and names from the settings.

    A parameter that depends on a run is NULL.
    """
    return _script(_filled(text(name), settings), settings, {})


def script_of_run(name: str, run_id: str, environment: Environment) -> str:
    """Return a statement as a script, with the values of the run's newest job that ran this statement.

    Without such a job, the script has the run's `run_id`, `as_of` and `created_on`, and the values of the settings.

    Raises:
        Malformed: there is no such run.
    """
    run = environment.runs.opened(run_id).run
    if job := _job(name, run_id, run.opened_at, environment.bigquery):
        values = {one.name: getattr(one, "values", None) or getattr(one, "value", []) for one in job.query_parameters}
        return f"-- Job {job.job_id}.\n{_script(job.query, environment.settings, values)}"
    values = {"run_id": run_id, "as_of": run.as_of, "created_on": run.opened_at.date()}
    script = _script(_filled(text(name), environment.settings), environment.settings, values)
    return f"-- BigQuery knows no job of run {run_id} that ran this.\n{script}"


def _job(name: str, run_id: str, opened_at: datetime, client: bigquery.Client) -> bigquery.QueryJob | None:
    """Return the run's newest job that ran the statement, or None if BigQuery lists none.

    The job's id contains the run's id and the statement's name: shared.warehouse.Warehouse.job_id.
    """
    its_id = re.compile(rf"{run_id}-\w+-{name.replace('/', '-')}-[0-9a-f]{{8}}-a\d+")
    jobs = client.list_jobs(all_users=True, min_creation_time=opened_at)
    return next((job for job in jobs if its_id.fullmatch(job.job_id)), None)


def _filled(text: str, settings: Settings) -> str:
    """Return the text of a statement with the identifiers inserted, e.g. the dataset's name for `${dataset}`.

    For an identifier that only a run knows, insert an example. Add a comment that asks the user to replace the example.
    """
    known = {
        "dataset": f"{settings.project}.{settings.dataset}",
        "source": settings.source_dataset,
        "model_id": settings.serving.model_id,
        **source.OPTIONAL_COLUMNS["ga4"],
        **source.OPTIONAL_COLUMNS["ga360"],
    }
    of_a_run = {
        "form": "customers",
        "model": "a_model",
        "table": "a_table",
        "column": "customer_id",
        "folder": f"gs://{settings.bucket}/console/",
        "uri": f"gs://{settings.bucket}/console/*.csv",
    }
    wanted = [of_a_run[one] for one in dict.fromkeys(re.findall(r"\$\{(\w+)\}", text)) if one in of_a_run]
    notes = "".join(f"-- Replace {one} by another name.\n" for one in wanted)
    return notes + Template(text).substitute(known | of_a_run)


def _script(text: str, settings: Settings, values: Mapping[str, Any]) -> str:
    head = _head(text)
    description = "".join(f"{line}\n" for line in head.splitlines() if not _PARAMETER.match(line))
    declared = "".join(_declaration(one, settings, values) for one in parameters(text))
    default = f"set @@dataset_project_id = '{settings.project}';\nset @@dataset_id = '{settings.dataset}';\n"
    return f"{description}{declared}{default}{_with_variables(text[len(head) :])}"


def _declaration(parameter: Parameter, settings: Settings, values: Mapping[str, Any]) -> str:
    value = values.get(parameter.name, _CONSTANTS.get(parameter.name))
    if value is None and parameter.setting:
        value = attrgetter(parameter.setting)(settings)
    remark = parameter.meaning if value is not None else f"fill in: {parameter.meaning}"
    return f"declare p_{parameter.name} {parameter.type.lower()} default {_literal(value)};  -- {remark}\n"


def _literal(value: Any) -> str:
    """Return a value as a GoogleSQL literal."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, date):
        return f"date '{value}'"
    # JSON's strings, numbers, booleans and null are valid GoogleSQL literals.
    return jsontext.text(value)


def _with_variables(body: str) -> str:
    """Replace each parameter @NAME by the variable p_NAME."""
    parts, end = [], 0
    for token in tokenize(body):
        if token.kind == "parameter":
            parts += [body[end : token.start], f"p_{token.text[1:]}"]
            end = token.end
    return "".join([*parts, body[end:]])


def _head(text: str) -> str:
    """Return the comment lines at the beginning of a statement; empty if there are none."""
    found = _HEADER.match(text)
    return found[0] if found else ""
