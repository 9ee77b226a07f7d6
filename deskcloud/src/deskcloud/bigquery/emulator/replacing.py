"""Run MERGE ... ON FALSE, which replaces a part of a table, without a join of source and target.

Replacing a part takes three simple steps: read the source, delete rows, insert rows.
"""

from collections.abc import Callable
from typing import Any

from local_bigquery.models import JobStatistics2
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator.merging import SOURCE, Merge, Steps, text_of

_ROWS = "__merge_rows"


def is_one(merge: exp.Merge) -> bool:
    """Return whether a MERGE only replaces a part of its table.

    Such a MERGE deletes rows independently of the source, and inserts rows independently of the target.
    """
    on = merge.args["on"]
    if not isinstance(on, exp.Boolean) or on.this:
        return False
    parts = Merge(merge)
    is_short = len(parts.of_source) <= 1 and len(parts.of_target) <= 1
    return is_short and not any(isinstance(one.args["then"], exp.Update) for one in parts.of_source)


def run(cursor: Any, merge: exp.Merge, context: Context) -> JobStatistics2:
    """Replace the part in the cursor's transaction. Return the numbers of inserted and deleted rows."""
    steps, parts = Steps(cursor, context), Merge(merge)
    steps.run(f"SELECT {parts.given}.* FROM {parts.source}", SOURCE)  # noqa: S608 - the client's statement
    filling = [_filling(one, parts.given, steps.run) for one in parts.of_target]
    inserted = deleted = 0
    for one in parts.of_source:
        condition = text_of(one.args.get("condition") or exp.true())
        deleted += steps.run(f"DELETE FROM {parts.table} AS {parts.alias} WHERE {condition}")  # noqa: S608 - the client's SQL
    for columns, query in filling:
        inserted += steps.run(f"INSERT INTO {parts.table} {columns} {query}")
    steps.forget(SOURCE, _ROWS)
    counts = {"insertedRowCount": str(inserted), "updatedRowCount": "0", "deletedRowCount": str(deleted)}
    return JobStatistics2(numDmlAffectedRows=str(inserted + deleted), dmlStats=counts)


def _filling(when: exp.When, given: str, execute: Callable[[str, str], int]) -> tuple[str, str]:
    """Return the columns to insert (an empty string for all columns) and the query for the rows.

    `given` is the name of the source in the MERGE.

    Subqueries and conditions are evaluated now, because they may read rows that the next step deletes.
    """
    action, condition = when.args["then"], when.args.get("condition")
    is_row = isinstance(action.this, exp.Var)
    columns = "" if is_row or not action.this else text_of(action.this)
    values = ["*"] if is_row else [text_of(one) for one in action.expression.expressions]
    if not condition and not action.find(exp.Query):
        return columns, f"SELECT {', '.join(values)} FROM {SOURCE} AS {given}"  # noqa: S608 - the client's statement
    named = values if is_row else [f"{value} AS _{number}" for number, value in enumerate(values)]
    wanted = text_of(condition or exp.true())
    execute(f"SELECT {', '.join(named)} FROM {SOURCE} AS {given} WHERE {wanted}", _ROWS)  # noqa: S608 - the client's SQL
    return columns, f"SELECT * FROM {_ROWS}"  # noqa: S608 - our own name
