"""Parse pipe syntax into nested queries. sqlglot would merge the clauses into one query, which may mean something else.

`FROM t |> LIMIT 3 |> WHERE a > 1` filters three rows. sqlglot parses it as one query, in which LIMIT is applied last.
The same problem occurs with DISTINCT, and with a whole query before the first pipe.

Here, an operator becomes a clause of the previous query if the meaning allows it. Otherwise the operator starts a new
query that reads the previous query in FROM. A range variable stays visible as long as in GoogleSQL.
"""

from collections.abc import Callable
from typing import Any

from local_bigquery.sql.dialect import BigQueryDialect
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.checks import unsupported

# GoogleSQL has these pipe operators, which are not supported here:
# https://cloud.google.com/bigquery/docs/reference/standard-sql/pipe-syntax
_UNSUPPORTED = frozenset(
    {"ASSERT", "CALL", "CREATE", "DESCRIBE", "EXPORT", "FORK", "IF", "INSERT", "LOG", "MATCH_RECOGNIZE", "RECURSIVE"}
    | {"STATIC_DESCRIBE", "TEE", "WINDOW", "WITH"}
)
_CUT = ("limit", "offset", "distinct", "sample")
_SOURCES = frozenset({"expressions", "from_", "joins", "laterals", "with_"})


def add() -> None:
    """Replace sqlglot's parser of pipe syntax by `_query`."""
    patching.replace(
        BigQueryDialect.Parser, "_parse_pipe_syntax_query", _query, "pipes become one query that ignores their order"
    )


def _query(parser: Any, query: exp.Query) -> exp.Query:
    piped = query if isinstance(query, exp.Select) and _has_only(query, _SOURCES) else _from(query)
    while parser._match(TokenType.PIPE_GT):  # noqa: SLF001
        piped = _piped(parser, piped)
    return piped


def _piped(parser: Any, query: exp.Select) -> exp.Select:
    word = parser._curr.text.upper()  # noqa: SLF001
    if operator := _OPERATORS.get(word):
        return operator(parser, query)
    if (found := parser._parse_pipe_syntax_set_operator(query)) or (found := _join(parser, query)):  # noqa: SLF001
        return found
    if word in _UNSUPPORTED:
        raise unsupported(f"The pipe operator {word}")
    parser.raise_error("Expected JOIN")
    return query


def _has_only(query: exp.Select, parts: frozenset[str]) -> bool:
    """Return whether a query is SELECT * and has only clauses in `parts`."""
    [*stars] = query.expressions
    return (
        len(stars) == 1
        and type(stars[0]) is exp.Star
        and not any(stars[0].args.values())
        and not any(value for name, value in query.args.items() if name not in parts)
    )


def _from(query: exp.Query, alias: exp.TableAlias | None = None) -> exp.Select:
    source = query if isinstance(query, exp.Subquery) and not alias else exp.Subquery(this=query, alias=alias)
    return exp.select("*").from_(source, copy=False)


def _nested(query: exp.Select) -> exp.Select:
    """Return a SELECT * that reads the query in FROM.

    If the query selects all columns of a single source, the subquery gets the source's name.
    """
    source = query.args["from_"].this
    star = query.expressions[0]
    keeps = type(star) is exp.Star and not star.args.get("replace") and not query.args.get("distinct")
    name = source.alias_or_name if keeps and not query.args.get("joins") and not query.args.get("group") else ""
    return _from(query, exp.TableAlias(this=exp.to_identifier(name, quoted=True)) if name else None)


def _open(query: exp.Select, *cuts: str) -> exp.Select:
    """Return a query to which another clause can be added: `query`, or a SELECT * that reads `query`.

    The returned query selects all columns and has none of the clauses in `_CUT` and `cuts`.
    """
    is_open = _has_only(query, frozenset(query.args) - {"expressions"} | _SOURCES)
    return _nested(query) if not is_open or any(query.args.get(one) for one in (*_CUT, *cuts)) else query


def _where(parser: Any, query: exp.Select) -> exp.Select:
    return _open(query).where(parser._parse_where(), copy=False)  # noqa: SLF001


def _order(parser: Any, query: exp.Select) -> exp.Select:
    return _open(query).order_by(parser._parse_order(), append=False, copy=False)  # noqa: SLF001


def _limit(parser: Any, query: exp.Select) -> exp.Select:
    query = _open(query)
    query.set("limit", parser._parse_limit())  # noqa: SLF001
    query.set("offset", parser._parse_offset())  # noqa: SLF001
    return query


def _as(parser: Any, query: exp.Select) -> exp.Select:
    return _from(query, parser._parse_table_alias())  # noqa: SLF001


def _distinct(parser: Any, query: exp.Select) -> exp.Select:
    parser._advance()  # noqa: SLF001
    return _open(query).distinct(copy=False)


def _select(parser: Any, query: exp.Select) -> exp.Select:
    query = _open(query, "order")
    made: exp.Select = parser._parse_select(consume_pipe=False)  # noqa: SLF001
    for name in (*_SOURCES, "where"):
        if name != "expressions":
            made.set(name, query.args.get(name))
    return made


def _columns(query: exp.Select, *columns: exp.Expr) -> exp.Select:
    return _open(query, "order").select(*columns, append=False, copy=False)


def _extend(parser: Any, query: exp.Select) -> exp.Select:
    parser._advance()  # noqa: SLF001
    return _columns(query, exp.Star(), *parser._parse_expressions())  # noqa: SLF001


def _set(parser: Any, query: exp.Select) -> exp.Select:
    parser._advance()  # noqa: SLF001
    items = parser._parse_csv(parser._parse_expression)  # noqa: SLF001
    values = [exp.alias_(one.expression, one.this.name, quoted=True) for one in items if isinstance(one, exp.EQ)]
    return _columns(query, exp.Star(replace=values))


def _drop(parser: Any, query: exp.Select) -> exp.Select:
    parser._advance()  # noqa: SLF001
    return _columns(query, exp.Star(except_=parser._parse_csv(parser._parse_id_var)))  # noqa: SLF001


def _rename(parser: Any, query: exp.Select) -> exp.Select:
    def renamed() -> exp.Expr:
        former = parser._parse_id_var()  # noqa: SLF001
        parser._match(TokenType.ALIAS)  # noqa: SLF001
        return exp.alias_(former, parser._parse_id_var().name, quoted=True)  # noqa: SLF001

    parser._advance()  # noqa: SLF001
    return _columns(query, exp.Star(rename=parser._parse_csv(renamed)))  # noqa: SLF001


def _aggregate(parser: Any, query: exp.Select) -> exp.Select:
    parser._advance()  # noqa: SLF001
    query = _open(query)
    query.set("order", None)

    def items() -> list[exp.Expr]:
        found: list[exp.Expr] = parser._parse_csv(parser._parse_pipe_syntax_aggregate_fields)  # noqa: SLF001
        return found

    is_grouped = parser._match(TokenType.GROUP_BY, advance=False)  # noqa: SLF001
    aggregates, groups = [] if is_grouped else items(), []
    is_ordered = parser._match_text_seq("GROUP", "AND") and parser._match(TokenType.ORDER_BY)  # noqa: SLF001
    if is_ordered or parser._match(TokenType.GROUP_BY):  # noqa: SLF001
        groups = items()
    made = query.select(*map(_item, [*groups, *aggregates]), append=False, copy=False)
    if groups:
        made = made.group_by(*map(_name, groups), copy=False)
    keys = [*(_ordered(one) for one in groups if is_ordered or isinstance(one, exp.Ordered))]
    keys += [_ordered(one) for one in aggregates if isinstance(one, exp.Ordered)]
    return made.order_by(*keys, copy=False) if keys else made


def _item(one: exp.Expr) -> exp.Expr:
    return one.this if isinstance(one, exp.Ordered) else one


def _name(one: exp.Expr) -> exp.Expr:
    item = _item(one)
    return exp.column(item.args["alias"].copy()) if isinstance(item, exp.Alias) else item.copy()


def _ordered(one: exp.Expr) -> exp.Expr:
    if not isinstance(one, exp.Ordered):
        return exp.Ordered(this=_name(one), nulls_first=True)
    one = one.copy()
    one.set("this", _name(one))
    return one


def _join(parser: Any, query: exp.Select) -> exp.Select | None:
    join = parser._parse_join()  # noqa: SLF001
    if not join:
        return None
    is_filtered_first = join.side in {"RIGHT", "FULL"} or not query.args.get("joins")
    query = _open(query, *(["where"] if is_filtered_first else []))
    query.set("order", None)
    return query.join(join, copy=False)


def _pivot(parser: Any, query: exp.Select) -> exp.Select:
    is_alone = _has_only(query, _SOURCES - {"joins", "laterals"}) and not query.args["from_"].this.args.get("pivots")
    query = query if is_alone else _from(query)
    query.args["from_"].this.set("pivots", parser._parse_pivots())  # noqa: SLF001
    return query


def _sample(parser: Any, query: exp.Select) -> exp.Select:
    query = query if _has_only(query, _SOURCES) else _nested(query)
    query.set("sample", parser._parse_table_sample())  # noqa: SLF001
    return query


_OPERATORS: dict[str, Callable[[Any, exp.Select], exp.Select]] = {
    "AGGREGATE": _aggregate,
    "AS": _as,
    "DISTINCT": _distinct,
    "DROP": _drop,
    "EXTEND": _extend,
    "LIMIT": _limit,
    "ORDER BY": _order,
    "PIVOT": _pivot,
    "RENAME": _rename,
    "SELECT": _select,
    "SET": _set,
    "TABLESAMPLE": _sample,
    "UNPIVOT": _pivot,
    "WHERE": _where,
}
