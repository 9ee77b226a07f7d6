"""Run MERGE ... ON FALSE without a join of source and target.

Such a MERGE replaces a part of a table in three simple steps: read the source, delete rows, insert rows.
"""

from typing import Any

from local_bigquery.models import JobStatistics2
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator.merging import SOURCE, Merge, Steps, condition, star

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
    """Run such a MERGE in the cursor's transaction. Return the numbers of inserted and deleted rows."""
    steps, parts = Steps(cursor, context), Merge(merge)
    steps.run(exp.select(star(parts.given)).from_(parts.source), SOURCE)
    filling = [_filling(one, parts, steps) for one in parts.of_target]
    inserted = deleted = 0
    for one in parts.of_source:
        deleted += steps.run(exp.Delete(this=parts.rows_of_target(), where=exp.Where(this=condition(one))))
    for statement in filling:
        inserted += steps.run(statement)
    steps.forget(SOURCE, _ROWS)
    counts = {"insertedRowCount": str(inserted), "updatedRowCount": "0", "deletedRowCount": str(deleted)}
    return JobStatistics2(numDmlAffectedRows=str(inserted + deleted), dmlStats=counts)


def _filling(when: exp.When, parts: Merge, steps: Steps) -> exp.Expr:
    """Return the statement that inserts the rows of a clause.

    Subqueries and conditions are evaluated now, because they may read rows that the next step deletes.
    """
    action = when.args["then"]
    is_row = isinstance(action.this, exp.Var)
    values = [exp.Star()] if is_row else action.expression.expressions
    if not when.args.get("condition") and not action.find(exp.Query):
        return parts.inserting(action, exp.Select(expressions=values).from_(parts.rows_of_source()))
    named = values if is_row else [exp.alias_(value, f"_{number}") for number, value in enumerate(values)]
    steps.run(exp.Select(expressions=named).from_(parts.rows_of_source()).where(condition(when)), _ROWS)
    return parts.inserting(action, exp.select("*").from_(_ROWS))
