"""Run MERGE ... ON FALSE, which replaces a part of a table, without a join of source and target.

local-bigquery first joins the rows of the source and the target. This takes three statements, each with its own
translation. Replacing a part takes three simple steps: read the source, delete rows, insert rows.
"""

from collections.abc import Callable
from typing import Any

import sqlglot
from local_bigquery.models import JobStatistics2
from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.translate import Context, translate
from sqlglot import exp

from deskcloud.bigquery.emulator import lake_metadata

# The temporary table with the source's rows; local-bigquery uses the same name.
_SOURCE = "__merge_source"
_ROWS = "__merge_rows"


def is_one(merge: exp.Merge) -> bool:
    """Return whether a MERGE only replaces a part of its table.

    Such a MERGE deletes rows independently of the source, and inserts rows independently of the target.
    """
    on = merge.args["on"]
    if not isinstance(on, exp.Boolean) or on.this:
        return False
    deletes, inserts = _clauses(merge)
    return (
        len(deletes) <= 1 and len(inserts) <= 1 and not any(isinstance(one.args["then"], exp.Update) for one in deletes)
    )


def run(cursor: Any, merge: exp.Merge, context: Context) -> JobStatistics2:
    """Replace the part in the cursor's transaction. Return the numbers of inserted and deleted rows."""

    def execute(text: str, into: str = "") -> int:
        """Run a statement, or store a query's rows in a temporary table `into`. Return the number of rows."""
        with lake_metadata.at_one_version():
            translated, bound = translate(sqlglot.parse_one(text, dialect=BigQueryDialect), context)
        if into:
            # CREATE TEMP TABLE also registers its table here. Otherwise the name is looked up among the permanent
            # tables.
            context.temporary.add(into)
        keep = f"CREATE OR REPLACE TEMP TABLE {into} AS " if into else ""
        return int(cursor.execute(keep + translated, bound).fetchone()[0])

    deletes, inserts = _clauses(merge)
    target, source = merge.this, merge.args["using"]
    table, alias, given = _text(_unaliased(target)), target.alias_or_name, source.alias_or_name
    execute(f"SELECT {given}.* FROM {_text(_unaliased(source))} AS {given}", _SOURCE)  # noqa: S608 - the client's
    filling = [_filling(one, given, execute) for one in inserts]
    inserted = deleted = 0
    for one in deletes:
        condition = _text(one.args.get("condition") or exp.true())
        deleted += execute(f"DELETE FROM {table} AS {alias} WHERE {condition}")  # noqa: S608 - the client's statement
    for columns, query in filling:
        inserted += execute(f"INSERT INTO {table} {columns} {query}")
    for name in (_SOURCE, _ROWS):
        cursor.execute(f"DROP TABLE IF EXISTS temp.{name}")
    counts = {"insertedRowCount": str(inserted), "updatedRowCount": "0", "deletedRowCount": str(deleted)}
    return JobStatistics2(numDmlAffectedRows=str(inserted + deleted), dmlStats=counts)


def _filling(when: exp.When, given: str, execute: Callable[[str, str], int]) -> tuple[str, str]:
    """Return the columns to insert (an empty string for all columns) and the query for the rows.

    Subqueries and conditions are evaluated now, because they may read rows that the next step deletes.
    """
    action, condition = when.args["then"], when.args.get("condition")
    is_row = isinstance(action.this, exp.Var)
    columns = "" if is_row or not action.this else _text(action.this)
    values = ["*"] if is_row else [_text(one) for one in action.expression.expressions]
    if not condition and not action.find(exp.Query):
        return columns, f"SELECT {', '.join(values)} FROM {_SOURCE} AS {given}"  # noqa: S608 - the client's statement
    named = values if is_row else [f"{value} AS _{number}" for number, value in enumerate(values)]
    wanted = _text(condition or exp.true())
    execute(f"SELECT {', '.join(named)} FROM {_SOURCE} AS {given} WHERE {wanted}", _ROWS)  # noqa: S608 - the client's
    return columns, f"SELECT * FROM {_ROWS}"  # noqa: S608 - our own name


def _clauses(merge: exp.Merge) -> tuple[list[exp.When], list[exp.When]]:
    """Return the two lists of clauses that can apply: NOT MATCHED BY SOURCE, and NOT MATCHED."""
    whens = [one for one in merge.args["whens"].expressions if not one.args.get("matched")]
    return [one for one in whens if one.args.get("source")], [one for one in whens if not one.args.get("source")]


def _unaliased(node: exp.Expr) -> exp.Expr:
    copy = node.copy()
    copy.set("alias", None)
    return copy


def _text(node: exp.Expr) -> str:
    return str(node.sql(dialect=BigQueryDialect))
