"""Run MERGE as one statement for each of its clauses, after the matching rows were stored in temporary tables.

local-bigquery also runs one statement per clause. But it compares all rows of source and target for each kind of
clause, even if the MERGE has no clause of this kind. A MERGE ... ON FALSE needs no comparison at all: the module
`replacing.py` runs such a MERGE.
"""

import dataclasses
from typing import Any

from local_bigquery.errors import BigQueryError
from local_bigquery.models import JobStatistics2
from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator.translation import translate

# The names of temporary tables. SOURCE holds the rows of the source with row numbers. Each row of the other tables
# holds row numbers and the number of the clause that applies. _PAIRS is for rows that match. _INSERTS is for rows of
# the source without a match. _ORPHANS is for rows of the target without a match.
SOURCE = "__merge_source"
_PAIRS, _INSERTS, _ORPHANS = "__merge_pairs", "__merge_inserts", "__merge_orphans"
_SEVERAL = f"SELECT 1 FROM temp.{_PAIRS} WHERE __clause IS NOT NULL GROUP BY __tid HAVING count(*) > 1 LIMIT 1"  # noqa: S608 - our own names
# The columns of the temporary tables: row number in the target, row number in the source, and number of the clause.
_TID, _SID, _CLAUSE = "__tid", "__sid", "__clause"


@dataclasses.dataclass(frozen=True)
class Steps:
    """Runs the steps of a MERGE in the cursor's transaction."""

    cursor: Any
    context: Context

    def run(self, tree: exp.Expr, into: str = "") -> int:
        """Run a statement, or store a query's rows in a temporary table `into`. Return the number of rows."""
        translated, bound = translate(tree, self.context)
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
    """The parts of a MERGE.

    `target` is the table to change, without its alias. `alias` is the target's name in the MERGE, and `given` is the
    source's name. `matched`, `of_target` and `of_source` are the clauses WHEN MATCHED, WHEN NOT MATCHED BY TARGET and
    WHEN NOT MATCHED BY SOURCE.
    """

    def __init__(self, merge: exp.Merge) -> None:
        target, source = merge.this, merge.args["using"]
        self.alias, self.given, self.on = target.alias_or_name, source.alias_or_name, merge.args["on"]
        self.target, self.source = _named(target, ""), _named(source, self.given)
        whens = merge.args["whens"].expressions
        self.matched = [one for one in whens if one.args.get("matched")]
        self.of_source = [one for one in whens if not one.args.get("matched") and one.args.get("source")]
        self.of_target = [one for one in whens if not one.args.get("matched") and not one.args.get("source")]

    def rows_of_target(self) -> exp.Expr:
        """Return the target with its alias, for a FROM clause, an UPDATE or a DELETE."""
        return _named(self.target, self.alias)

    def rows_of_source(self) -> exp.Table:
        """Return the temporary table with the source's rows, under the source's name."""
        return exp.table_(SOURCE, alias=self.given)

    def inserting(self, action: exp.Insert, query: exp.Select) -> exp.Insert:
        """Return the statement that inserts the rows of `query` into the columns that `action` names."""
        if columns := action.this.expressions if action.this else []:
            into: exp.Expr = exp.Schema(this=self.target.copy(), expressions=[_identifier(one) for one in columns])
        else:
            into = self.target.copy()
        return exp.Insert(this=into, expression=query)


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
        counts["insertedRowCount"] += steps.run(_inserting(parts, when, index))
    steps.forget(SOURCE, _PAIRS, _INSERTS, _ORPHANS)
    return JobStatistics2(
        numDmlAffectedRows=str(sum(counts.values())), dmlStats={name: str(count) for name, count in counts.items()}
    )


def _compare(steps: Steps, parts: Merge) -> None:
    """Fill the temporary tables before anything changes, because the clauses' conditions may read the target."""
    numbered = exp.Window(this=exp.RowNumber(), over="OVER").as_(_SID)
    steps.run(exp.select(numbered, star(parts.given)).from_(parts.source), SOURCE)
    tid, sid = exp.column("rowid", parts.alias), exp.column(_SID, parts.given)
    pairs = exp.select(tid.as_(_TID), sid.as_(_SID), _clause(parts.matched)).from_(parts.rows_of_target())
    steps.run(pairs.join(parts.rows_of_source(), on=parts.on), _PAIRS)
    if parts.matched and steps.cursor.execute(_SEVERAL).fetchone():
        raise BigQueryError("invalidQuery", "UPDATE/MERGE must match at most one source row for each target row")
    if parts.of_target:
        inserts = exp.select(exp.column(_SID), _clause(parts.of_target)).from_(parts.rows_of_source())
        steps.run(inserts.where(exp.column(_SID).isin(query=exp.select(_SID).from_(_PAIRS)).not_()), _INSERTS)
    if parts.of_source:
        orphans = exp.select(tid.as_(_TID), _clause(parts.of_source)).from_(parts.rows_of_target())
        steps.run(orphans.where(tid.isin(query=exp.select(_TID).from_(_PAIRS)).not_()), _ORPHANS)


def _clause(whens: list[exp.When]) -> exp.Expr:
    """Return a column with the number of the first clause whose condition is true."""
    cases = [exp.If(this=condition(one), true=exp.Literal.number(index)) for index, one in enumerate(whens)]
    return (exp.Case(ifs=cases) if cases else exp.null()).as_(_CLAUSE)


def _changing(parts: Merge, when: exp.When, decisions: str, index: int) -> exp.Expr:
    target, action, tid = parts.rows_of_target(), when.args["then"], exp.column("rowid", parts.alias)
    rows = exp.Where(this=tid.isin(query=_decided(_TID, decisions, index)))
    if not isinstance(action, exp.Update):
        return exp.Delete(this=target, where=rows)
    if decisions == _ORPHANS:
        return exp.Update(this=target, expressions=action.expressions, where=rows)
    source = parts.rows_of_source()
    source.set("joins", [exp.Join(this=exp.table_(_PAIRS, alias="__p"), kind="CROSS")])
    where = exp.and_(
        exp.column(_CLAUSE, "__p").eq(index),
        tid.eq(exp.column(_TID, "__p")),
        exp.column(_SID, parts.given).eq(exp.column(_SID, "__p")),
    )
    from_ = exp.From(this=source)
    return exp.Update(this=target, expressions=action.expressions, from_=from_, where=exp.Where(this=where))


def _inserting(parts: Merge, when: exp.When, index: int) -> exp.Expr:
    action = when.args["then"]
    is_row = isinstance(action.this, exp.Var)
    values = [exp.Star(except_=[exp.column(_SID)])] if is_row else action.expression.expressions
    query = exp.Select(expressions=values).from_(parts.rows_of_source())
    return parts.inserting(action, query.where(exp.column(_SID).isin(query=_decided(_SID, _INSERTS, index))))


def _decided(column: str, decisions: str, index: int) -> exp.Select:
    return exp.select(column).from_(decisions).where(exp.column(_CLAUSE).eq(index))


def star(table: str) -> exp.Column:
    """Return all columns of a table."""
    return exp.Column(this=exp.Star(), table=exp.to_identifier(table))


def condition(when: exp.When) -> exp.Expr:
    """Return the condition of a clause, or TRUE if the clause has no condition."""
    return when.args.get("condition") or exp.true()


def _identifier(column: exp.Expr) -> exp.Expr:
    """Return the name of a column. sqlglot parses some names, such as current_date, as calls of functions."""
    return column.this.copy() if isinstance(column, exp.Column) else exp.to_identifier(column.sql(BigQueryDialect))


def _named(node: exp.Expr, name: str) -> exp.Expr:
    """Return a copy of a table or subquery with another alias, or with none."""
    copy = node.copy()
    copy.set("alias", exp.TableAlias(this=exp.to_identifier(name)) if name else None)
    return copy
