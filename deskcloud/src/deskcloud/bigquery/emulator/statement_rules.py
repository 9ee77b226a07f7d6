"""Install the rules for names, structs and wildcard tables before the rules of local-bigquery."""

from collections.abc import Callable
from typing import Any

from local_bigquery.sql import script
from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.rules import STATEMENT_RULES, arrays
from sqlglot import exp

from deskcloud.bigquery.emulator import (
    aliases,
    dml,
    json_values,
    name_resolution,
    patching,
    pipes,
    queries,
    refused_ml,
    templates,
    translation,
    wildcard_views,
    wildcards,
)


def add() -> None:
    """Put these rules before local-bigquery's, and call `add` of the modules that change how statements are parsed."""
    STATEMENT_RULES[:0] = [
        wildcard_views.expand,
        queries.open_value_tables,
        json_values.read_literals,
        templates.remember,
        name_resolution.resolve,
        aliases.prefer,
    ]
    patching.replace(
        arrays, "invalid_literals", _invalid_literals, "SET x = [1] is refused as a comparison", rules=STATEMENT_RULES
    )
    dml.add()
    spread = "an element's fields become columns"
    position = patching.position(STATEMENT_RULES, arrays, "anonymous_structs", spread)
    STATEMENT_RULES.insert(position + 1, _whole_elements)
    wildcards.add()
    wildcard_views.add()
    refused_ml.add()
    queries.add()
    pipes.add()
    fields, reason = (exp.Alias, exp.PropertyEQ), "STRUCT(a = b) is a field a, and not a comparison"
    patching.replace(BigQueryDialect.Parser, "KEY_VALUE_DEFINITIONS", fields, reason)
    patching.change(BigQueryDialect.Parser, "_parse_table", _with_offset, "WITH OFFSET is known only after UNNEST")
    # RANGE is declared a nested type. Otherwise local-bigquery would mistake RANGE<DATE> in CAST for a parameterized
    # type such as STRING(3).
    exp.DataType.NESTED_TYPES.add(exp.DType.RANGE)
    translation.add()
    patching.change(script.Interpreter, "__init__", _with_cursor, "rules do not see temporary tables and variables")


def _with_cursor(make: Callable[..., None]) -> Callable[..., None]:
    """Wrap the interpreter's constructor `make`, so that the rules get the interpreter's connection.

    Only this connection sees the temporary tables of the session.
    """

    def made(self: script.Interpreter, cursor: Any, context: Any, *arguments: Any) -> None:
        context.cursor = cursor
        make(self, cursor, context, *arguments)

    return made


def _whole_elements(tree: exp.Expr, _: Any) -> exp.Expr:
    """Undo the rule that turns an element's fields into columns, because the fields' names are already resolved."""
    for unnest in tree.find_all(exp.Unnest):
        unnest.set("explode_array", None)
    return tree


def _with_offset(parse: Callable[..., exp.Expr | None]) -> Callable[..., exp.Expr | None]:
    """Parse `FROM t, t.array WITH OFFSET AS i`. sqlglot accepts WITH OFFSET only after UNNEST."""

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
    """Accept an array in SET x = [1], which is an assignment. Only comparisons of arrays are invalid."""
    if not isinstance(tree, exp.Update):
        checked: exp.Expr = arrays.invalid_literals(tree, context)
        return checked
    for part in (*(one.expression for one in tree.expressions), tree.args.get("from_"), tree.args.get("where")):
        if part is not None:
            arrays.invalid_literals(part, context)
    return tree
