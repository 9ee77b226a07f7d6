"""Run MERGE as one statement for each of its clauses, after the matching rows were stored in temporary tables.

local-bigquery does this too. But it compares all rows of source and target for each kind of clause, even if the MERGE
has no clause of this kind. A MERGE ... ON FALSE needs no comparison at all. The module `replacing.py` runs it.
"""

import dataclasses
from typing import Any

import sqlglot
from local_bigquery.errors import BigQueryError
from local_bigquery.models import JobStatistics2
from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.translate import Context, translate
from sqlglot import exp

from deskcloud.bigquery.emulator import lake_metadata

# The names of temporary tables. SOURCE holds the rows of the source with row numbers. Each row of the other tables
# holds row numbers and the number of the clause that applies. _PAIRS is for rows that match, _INSERTS for rows of the
# source without a match, and _ORPHANS for rows of the target without a match.
SOURCE = "__merge_source"
_PAIRS, _INSERTS, _ORPHANS = "__merge_pairs", "__merge_inserts", "__merge_orphans"
_SEVERAL = f"SELECT 1 FROM temp.{_PAIRS} WHERE __clause IS NOT NULL GROUP BY __tid HAVING count(*) > 1 LIMIT 1"  # noqa: S608 - our own names


@dataclasses.dataclass(frozen=True)
class Steps:
    """Runs the steps of a MERGE in the cursor's transaction."""

    cursor: Any
    context: Context

    def run(self, text: str, into: str = "") -> int:
        """Run a statement, or store a query's rows in a temporary table `into`. Return the number of rows."""
        with lake_metadata.at_one_version():
            translated, bound = translate(sqlglot.parse_one(text, dialect=BigQueryDialect), self.context)
        if into:
            # Register the table, as CREATE TEMP TABLE does. Otherwise its name would be looked up among the permanent
            # tables.
            self.context.temporary.add(into)
        keep = f"CREATE OR REPLACE TEMP TABLE {into} AS " if into else ""
        return int(self.cursor.execute(keep + translated, bound).fetchone()[0])

    def forget(self, *tables: str) -> None:
        """Delete temporary tables."""
        for name in tables:
            self.cursor.execute(f"DROP TABLE IF EXISTS temp.{name}")


class Merge:
    """The parts of a MERGE: its tables and its condition as texts, and its clauses.

    `matched` are the clauses WHEN MATCHED. `of_target` are those WHEN NOT MATCHED BY TARGET, and `of_source` those WHEN
    NOT MATCHED BY SOURCE.
    """

    def __init__(self, merge: exp.Merge) -> None:
        target, source = merge.this, merge.args["using"]
        self.table, self.alias, self.given = text_of(unaliased(target)), target.alias_or_name, source.alias_or_name
        self.source, self.on = f"{text_of(unaliased(source))} AS {self.given}", text_of(merge.args["on"])
        whens = merge.args["whens"].expressions
        self.matched = [one for one in whens if one.args.get("matched")]
        self.of_source = [one for one in whens if not one.args.get("matched") and one.args.get("source")]
        self.of_target = [one for one in whens if not one.args.get("matched") and not one.args.get("source")]


def run(cursor: Any, merge: exp.Merge, context: Context) -> JobStatistics2:
    """Run a MERGE in the cursor's transaction. Return the numbers of rows that it has inserted, updated and deleted.

    Raises:
        BigQueryError: several rows of the source would change the same row of the target.
    """
    steps, parts = Steps(cursor, context), Merge(merge)
    _compare(steps, parts)
    counts = dict.fromkeys(("insertedRowCount", "updatedRowCount", "deletedRowCount"), 0)
    for decisions, clauses in ((_PAIRS, parts.matched), (_ORPHANS, parts.of_source)):
        for index, when in enumerate(clauses):
            kind = "updatedRowCount" if isinstance(when.args["then"], exp.Update) else "deletedRowCount"
            counts[kind] += steps.run(_changing(parts, when, decisions, index))
    for index, when in enumerate(parts.of_target):
        chosen = f"__sid IN (SELECT __sid FROM {_INSERTS} WHERE __clause = {index})"  # noqa: S608 - our own names
        counts["insertedRowCount"] += steps.run(_inserting(parts, when, chosen))
    steps.forget(SOURCE, _PAIRS, _INSERTS, _ORPHANS)
    return JobStatistics2(
        numDmlAffectedRows=str(sum(counts.values())), dmlStats={name: str(count) for name, count in counts.items()}
    )


def _compare(steps: Steps, parts: Merge) -> None:
    """Fill the temporary tables before anything changes, because the clauses' conditions may read the target."""
    table, alias, given = parts.table, parts.alias, parts.given
    steps.run(f"SELECT ROW_NUMBER() OVER () AS __sid, {given}.* FROM {parts.source}", SOURCE)  # noqa: S608 - the client's SQL
    steps.run(
        f"SELECT {alias}.rowid AS __tid, {given}.__sid AS __sid, {_clause(parts.matched)} AS __clause "  # noqa: S608 - the client's SQL
        f"FROM {table} AS {alias} JOIN {SOURCE} AS {given} ON {parts.on}",
        _PAIRS,
    )
    if parts.matched and steps.cursor.execute(_SEVERAL).fetchone():
        raise BigQueryError("invalidQuery", "UPDATE/MERGE must match at most one source row for each target row")
    if parts.of_target:
        steps.run(
            f"SELECT __sid, {_clause(parts.of_target)} AS __clause FROM {SOURCE} AS {given} "  # noqa: S608 - the client's SQL
            f"WHERE __sid NOT IN (SELECT __sid FROM {_PAIRS})",
            _INSERTS,
        )
    if parts.of_source:
        steps.run(
            f"SELECT {alias}.rowid AS __tid, {_clause(parts.of_source)} AS __clause FROM {table} AS {alias} "  # noqa: S608 - the client's SQL
            f"WHERE {alias}.rowid NOT IN (SELECT __tid FROM {_PAIRS})",
            _ORPHANS,
        )


def _clause(whens: list[exp.When]) -> str:
    """Return an expression for the number of the first clause whose condition is true."""
    cases = (f"WHEN {text_of(one.args.get('condition') or exp.true())} THEN {index}" for index, one in enumerate(whens))
    return f"CASE {' '.join(cases)} END" if whens else "NULL"


def _changing(parts: Merge, when: exp.When, decisions: str, index: int) -> str:
    table, alias, given, action = parts.table, parts.alias, parts.given, when.args["then"]
    rows = f"{alias}.rowid IN (SELECT __tid FROM {decisions} WHERE __clause = {index})"  # noqa: S608 - our own names
    if not isinstance(action, exp.Update):
        return f"DELETE FROM {table} AS {alias} WHERE {rows}"  # noqa: S608 - the client's statement
    assigned = f"UPDATE {table} AS {alias} SET {', '.join(map(text_of, action.expressions))}"  # noqa: S608 - the client's SQL
    if decisions == _ORPHANS:
        return f"{assigned} WHERE {rows}"
    return (
        f"{assigned} FROM {SOURCE} AS {given}, {_PAIRS} AS __p WHERE __p.__clause = {index} "
        f"AND {alias}.rowid = __p.__tid AND {given}.__sid = __p.__sid"
    )


def _inserting(parts: Merge, when: exp.When, chosen: str) -> str:
    action = when.args["then"]
    is_row = isinstance(action.this, exp.Var)
    columns = "" if is_row or not action.this else text_of(action.this)
    values = "* EXCEPT (__sid)" if is_row else ", ".join(map(text_of, action.expression.expressions))
    return f"INSERT INTO {parts.table} {columns} SELECT {values} FROM {SOURCE} AS {parts.given} WHERE {chosen}"  # noqa: S608 - the client's SQL


def unaliased(node: exp.Expr) -> exp.Expr:
    """Return a copy of a table or subquery without its alias."""
    copy = node.copy()
    copy.set("alias", None)
    return copy


def text_of(node: exp.Expr) -> str:
    """Return an expression as GoogleSQL."""
    return str(node.sql(dialect=BigQueryDialect))
