"""Give STRUCT values GoogleSQL's semantics where DuckDB's semantics differ.

names       In GoogleSQL, `STRUCT(a, t.b)` names its fields after the columns. In DuckDB, the fields have no names.
equality    GoogleSQL compares fields by position and ignores names. The result is NULL if a field is NULL.
            DuckDB also compares names, and treats NULL as a value.
supertypes  Arrays, CASE, set operations and CAST may combine structs with different field names.
            GoogleSQL matches the fields by position and uses the first struct's names.
            DuckDB merges all names into one wider struct.
"""

from collections.abc import Iterable

from sqlglot import exp

from deskcloud.bigquery.emulator import known_types as types
from deskcloud.bigquery.emulator.known_types import Type


def name_fields(tree: exp.Expr) -> None:
    """Name structs' fields after their columns. In a cast, remove the names, so that fields match by position."""
    for cast in list(tree.find_all(exp.Cast)):
        if isinstance(cast.this, exp.Struct) and any(isinstance(one, exp.DataType) for one in cast.to.expressions):
            _cast_fields(cast)
    for struct in list(tree.find_all(exp.Struct)):
        is_cast = _is_cast(struct)
        for value in struct.expressions:
            if is_cast and isinstance(value, exp.PropertyEQ):
                value.replace(value.expression.copy())
            elif not is_cast and (name := _implied_name(value)):
                value.replace(exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=value.copy()))
    for array in tree.find_all(exp.Array):
        first, *rest = array.expressions or [None]
        names = (
            [one.this if isinstance(one, exp.PropertyEQ) else None for one in first.expressions]
            if isinstance(first, exp.Struct)
            else []
        )
        for one in rest:
            if names and isinstance(one, exp.Tuple | exp.Struct) and len(one.expressions) == len(names):
                one.replace(exp.Struct(expressions=list(map(_field, names, _fields(one) or []))))


def _cast_fields(cast: exp.Cast) -> None:
    """Expand STRUCT<INT64, b STRING>(...) field by field, because DuckDB has no STRUCT type with unnamed fields."""
    made: list[exp.Expr] = []
    for (name, kind), value in zip(types.fields(cast.to), cast.this.expressions, strict=True):
        given = value.expression if isinstance(value, exp.PropertyEQ) else value.unalias()
        one = exp.cast(given.copy(), kind.copy()) if kind else given.copy()
        made.append(exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=one) if name else one)
    cast.replace(exp.Struct(expressions=made))


def _field(name: exp.Identifier | None, value: exp.Expr) -> exp.Expr:
    return exp.PropertyEQ(this=name.copy(), expression=value.copy()) if name else value.copy()


def align(tree: exp.Expr) -> None:
    """Rewrite comparisons and supertypes of structs, so that fields match by position. The types must be known."""
    for node in list(tree.find_all(exp.EQ, exp.NEQ, exp.In, exp.Case, exp.Nullif)):
        _compare(node)
    for node in list(tree.find_all(exp.Array, exp.If, exp.Case, exp.Coalesce)):
        _same_names(_alternatives(node))
    for cast in list(tree.find_all(exp.Cast)):
        if cast.to.is_type(exp.DType.STRUCT) and not isinstance(cast.this, exp.Struct):
            rename(cast.this, cast.to)
    for union in list(tree.find_all(exp.SetOperation)):
        if not union.args.get("by_name"):
            _align_columns(union)


def _is_cast(struct: exp.Struct) -> bool:
    return isinstance(struct.parent, exp.Cast) and struct.parent.to.is_type(exp.DType.STRUCT)


def _implied_name(value: exp.Expr) -> str:
    if isinstance(value, exp.Column) and not isinstance(value.this, exp.Star):
        return value.name
    if isinstance(value, exp.Dot) and isinstance(value.expression, exp.Identifier):
        return value.expression.name
    return ""


def _fields(value: exp.Expr) -> list[exp.Expr] | None:
    """Return the fields of a struct as expressions, or None if the value is not a struct with known fields."""
    value = value.unnest()
    if isinstance(value, exp.Struct | exp.Tuple):
        return [one.expression if isinstance(one, exp.PropertyEQ) else one for one in value.expressions]
    if not isinstance(value, exp.Column | exp.Dot | exp.Parameter):
        return None
    parts = types.fields(types.known(value.type))
    if not parts or not all(name for name, _ in parts):
        return None
    made: list[exp.Expr] = []
    for name, kind in parts:
        one = exp.Dot(this=value.copy(), expression=exp.to_identifier(name, quoted=True))
        one.type = kind
        made.append(one)
    return made


def _equal(left: exp.Expr, right: exp.Expr) -> exp.Expr | None:
    lefts, rights = _fields(left), _fields(right)
    if not lefts or not rights or len(lefts) != len(rights):
        return None
    return exp.paren(exp.and_(*map(_fields_equal, lefts, rights)), copy=False)


def _fields_equal(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    if isinstance(left, exp.Null) or isinstance(right, exp.Null):
        return exp.cast(exp.null(), "BOOLEAN")
    return _equal(left, right) or exp.EQ(this=left.copy(), expression=right.copy())


def _compare(node: exp.Expr) -> None:
    match node:
        case exp.In():
            _compare_all(node)
        case exp.Case():
            _compare_cases(node)
        case exp.Nullif():
            if equal := _equal(node.this, node.expression):
                is_equal = exp.If(this=equal, true=exp.null())
                node.replace(exp.Case(ifs=[is_equal], default=node.this.copy()))
        case exp.EQ() | exp.NEQ() if not isinstance(node.parent, exp.Update | exp.PropertyEQ):
            if equal := _equal(node.this, node.expression):
                node.replace(exp.Not(this=equal) if isinstance(node, exp.NEQ) else equal)


def _alternatives(node: exp.Expr) -> list[exp.Expr | None]:
    """Return the values inside an expression, such as CASE, that must have the same type."""
    match node:
        case exp.Array():
            return node.expressions
        case exp.Coalesce():
            return [node.this, *node.expressions]
        case exp.Case():
            return [*(one.args["true"] for one in node.args["ifs"]), node.args.get("default")]
    return [] if isinstance(node.parent, exp.Case) else [node.args.get("true"), node.args.get("false")]


def _compare_all(node: exp.In) -> None:
    if unnest := node.args.get("unnest"):
        kind = types.element(types.infer(unnest.expressions[0]))
        if types.fields(kind):
            rename(node.this, kind)
        return
    if query := node.args.get("query"):
        _compare_with_rows(node, query.unnest())
        return
    found = [_equal(node.this, one) for one in node.expressions]
    if found and all(found):
        node.replace(exp.paren(exp.or_(*found), copy=False))


def _compare_with_rows(node: exp.In, query: exp.Expr) -> None:
    """Compare a struct with a query's rows column by column. DuckDB then returns NULL if a column is NULL."""
    if isinstance(query, exp.Select) and len(query.expressions) == 1 and not query.args.get("kind"):
        lefts, rights = _fields(node.this), _fields(query.expressions[0].unalias())
        if lefts and rights and len(lefts) == len(rights) > 1:
            node.set("this", exp.Tuple(expressions=[one.copy() for one in lefts]))
            query.set("expressions", [one.copy() for one in rights])


def _compare_cases(case: exp.Case) -> None:
    """Rewrite `CASE struct WHEN other` as `CASE WHEN struct = other`."""
    found = [_equal(case.this, one.this) for one in case.args["ifs"]] if case.this else []
    if found and all(found):
        case.set("this", None)
        for one, equal in zip(case.args["ifs"], found, strict=True):
            one.set("this", equal)


def _same_names(values: Iterable[exp.Expr | None]) -> None:
    given = [one for one in values if one is not None]
    kinds = [types.infer(one) for one in given]
    first = next((kind for kind in kinds if types.fields(kind)), None)
    for value, kind in zip(given, kinds, strict=True):
        if first is not None and kind is not first:
            rename(value, first)


def _align_columns(union: exp.SetOperation) -> None:
    left, right = union.this.unnest(), union.expression.unnest()
    while isinstance(left, exp.SetOperation):
        left = left.this.unnest()
    if isinstance(left, exp.Select) and isinstance(right, exp.Select):
        for one, other in zip(left.expressions, right.expressions, strict=False):
            kind = None if one.is_star or other.is_star else types.infer(one)
            if types.fields(kind):
                rename(other.unalias(), kind)


def rename(value: exp.Expr, kind: Type) -> None:
    """Give a struct, or each struct in a literal array, the field names of a type with the same number of fields."""
    element = types.element(kind)
    if isinstance(value, exp.Array) and types.fields(element):
        for one in list(value.expressions):
            if isinstance(one, exp.Query):
                _rename_columns(one, element)
            else:
                rename(one, element)
        return
    names = [name for name, _ in types.fields(kind)]
    former = types.fields(types.infer(value))
    if len(former) != len(names) or _names(former) == _names(types.fields(kind)):
        return
    bare = value.unnest()
    if isinstance(bare, exp.Struct):
        for name, one in zip(names, list(bare.expressions), strict=True):
            inner = one.expression if isinstance(one, exp.PropertyEQ) else one
            one.replace(
                exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=inner.copy())
                if name
                else inner.copy()
            )
    elif (parts := _fields(bare)) and all(names):
        made = [
            exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=one)
            for name, one in zip(names, parts, strict=True)
        ]
        is_null = exp.Is(this=bare.copy(), expression=exp.null())
        value.replace(exp.If(this=is_null, true=exp.null(), false=exp.Struct(expressions=made)))


def _rename_columns(query: exp.Expr, kind: Type) -> None:
    """Give the columns of a SELECT AS STRUCT the field names of a type with the same number of fields."""
    select = query.unnest()
    names = [name for name, _ in types.fields(kind)]
    if isinstance(select, exp.Select) and select.args.get("kind") == "STRUCT" and len(names) == len(select.expressions):
        for name, one in zip(names, list(select.expressions), strict=True):
            if name and not one.is_star:
                one.replace(exp.alias_(one.unalias().copy(), name, quoted=True))


def _names(fields: Iterable[tuple[str, Type]]) -> list[str]:
    return [name.casefold() for name, _ in fields]
