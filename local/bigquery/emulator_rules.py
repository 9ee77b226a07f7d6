"""Put our own rules for names, structs and wildcard tables before those of local-bigquery."""

import functools
from collections.abc import Callable
from typing import Any

from local_bigquery.jobs import merge
from local_bigquery.sql import script
from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.rules import STATEMENT_RULES, arrays
from sqlglot import exp

from local.bigquery import emulator_names, emulator_wildcards


def add() -> None:
    """Add the rules; before the first statement."""
    STATEMENT_RULES.insert(0, emulator_names.resolve)
    STATEMENT_RULES[STATEMENT_RULES.index(arrays.invalid_literals)] = _invalid_literals
    merge.run = functools.partial(_merge, merge.run)
    position = STATEMENT_RULES.index(arrays.anonymous_structs)
    STATEMENT_RULES.insert(position + 1, _whole_elements)
    emulator_wildcards.add()
    BigQueryDialect.Parser._parse_table = _with_offset(BigQueryDialect.Parser._parse_table)  # noqa: SLF001 - there is no public name for it
    # RANGE<DATE> in CAST is no parameterized type, such as STRING(3).
    exp.DataType.NESTED_TYPES.add(exp.DType.RANGE)
    script.Interpreter.__init__ = _with_cursor(script.Interpreter.__init__)


def _with_cursor(make: Callable[..., None]) -> Callable[..., None]:
    """Tell the rules the connection, in which alone temporary tables and variables can be seen."""

    def made(self: script.Interpreter, cursor: Any, context: Any, *arguments: Any) -> None:
        context.cursor = cursor
        make(self, cursor, context, *arguments)

    return made


def _whole_elements(tree: exp.Expr, _: Any) -> exp.Expr:
    """Undo what spreads an element's fields over columns: their names are written out by now."""
    for unnest in tree.find_all(exp.Unnest):
        unnest.set("explode_array", None)
    return tree


def _with_offset(parse: Callable[..., exp.Expr | None]) -> Callable[..., exp.Expr | None]:
    """Read `FROM t, t.array WITH OFFSET AS i`, which sqlglot knows only after UNNEST."""

    def parsed(self: Any, *arguments: Any, **named: Any) -> exp.Expr | None:
        table = parse(self, *arguments, **named)
        if not isinstance(table, exp.Table) or not table.db or not self._match_text_seq("WITH", "OFFSET"):
            return table
        self._match_text_seq("AS")
        offset = self._parse_id_var(any_token=False) or exp.to_identifier("offset")
        parts = table.parts
        alias = exp.TableAlias(columns=[exp.to_identifier(table.alias_or_name)])
        return exp.Unnest(
            expressions=[exp.Dot.build([exp.column(parts[0].copy()), *(part.copy() for part in parts[1:])])],
            alias=alias,
            offset=offset,
        )

    return parsed


def _invalid_literals(tree: exp.Expr, context: Any) -> exp.Expr:
    """An assignment is no comparison: SET x = [1] is valid."""
    if not isinstance(tree, exp.Update):
        checked: exp.Expr = arrays.invalid_literals(tree, context)
        return checked
    for part in (*(one.expression for one in tree.expressions), tree.args.get("from_"), tree.args.get("where")):
        if part is not None:
            arrays.invalid_literals(part, context)
    return tree


def _merge(run: Callable[..., Any], cursor: Any, tree: exp.Merge, context: Any) -> Any:
    """Make a query of USING UNNEST(...), and read INSERT VALUES (...) without a list of columns."""
    tree = tree.copy()
    source = tree.args["using"]
    if isinstance(source, exp.Unnest):
        given = source.args.get("alias")
        name = given.columns[0].name if given and given.columns else "_source"
        tree.set("using", exp.select("*").from_(source.copy()).subquery(name))
    for when in tree.args["whens"].expressions:
        insert = when.args["then"]
        values = (
            insert.this.expressions[0]
            if isinstance(insert, exp.Insert) and isinstance(insert.this, exp.Tuple)
            else None
        )
        if isinstance(values, exp.Anonymous) and not insert.expression:
            insert.set("this", None)
            insert.set("expression", exp.Tuple(expressions=values.expressions))
    return run(cursor, tree, context)
