"""Find the item in a query's FROM to which a name refers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from deskcloud.bigquery.emulator import known_types as types
from deskcloud.bigquery.emulator.known_types import Columns, Type


@dataclass
class Table:
    """An item in FROM other than UNNEST. `columns` is None if the columns are unknown."""

    name: str
    columns: Columns | None
    node: exp.Expr | None = None


@dataclass
class Arguments(Table):
    """The arguments of a call that is replaced by the function's body. `values` maps parameter names to arguments."""

    values: dict[str, exp.Expr] = field(default_factory=dict)


@dataclass
class Elements:
    """An UNNEST in FROM.

    `name` is the alias of the UNNEST, or "". `column` refers to the array's element, and `type` is the element's type.
    `offset` refers to the column of WITH OFFSET, or is None.
    """

    name: str
    column: exp.Column
    type: Type
    offset: exp.Column | None
    node: exp.Expr | None = None


type Source = Table | Elements
type _Part = tuple[str, exp.Expr, Type]


@dataclass
class Scope:
    """The items in FROM that have been resolved so far, and the scope of the outer query."""

    outer: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    using: list["Using"] = field(default_factory=list)


@dataclass
class Using:
    """The columns of a join's USING, which a star lists first.

    The join covers the sources from index `first` up to, but not including, index `last`.
    """

    names: list[str]
    first: int
    last: int


def levels(scope: Scope | None) -> Iterator[Scope]:
    """Yield a scope and its outer scopes, beginning with the innermost scope."""
    while scope:
        yield scope
        scope = scope.outer


def found(scope: Scope, names: list[str]) -> tuple[Source, bool] | None:
    """Return the source that a path refers to, and whether the path begins with a column or field of this source.

    The path `names` is in lower case. A range variable hides a column with the same name. The result is None if no
    source matches.
    """
    for source in scope.sources:
        is_offset = isinstance(source, Elements) and source.offset and source.offset.name.casefold() == names[0]
        if source.name.casefold() == names[0] or is_offset:
            return source, False
    for source in scope.sources:
        columns = types.fields(source.type) if isinstance(source, Elements) else source.columns
        if any(name.casefold() == names[0] for name, _ in columns or []):
            return source, True
    unknown = [
        source
        for source in scope.sources
        if (source.columns if isinstance(source, Table) else source.type or source.name or None) is None
    ]
    # No other source can have the name. So the name is a field of the array's elements, whose type is unknown.
    return (unknown[0], True) if len(unknown) == 1 and isinstance(unknown[0], Elements) else _hidden(unknown)


def _hidden(unknown: list[Source]) -> tuple[Source, bool] | None:
    table = next((source for source in unknown if isinstance(source, Table)), None)
    return (table, True) if table else None


def type_in(table: Table, names: list[str]) -> Type:
    """Return the type of a path in a table, or None if the type is unknown."""
    if table.columns is None:
        return None
    columns = {name.casefold(): kind for name, kind in table.columns}
    if names[0] in columns:
        kind, names = columns[names[0]], names[1:]
    elif len(names) > 1:
        kind, names = columns.get(names[1]), names[2:]
    else:
        return types.struct(table.columns)
    for name in names:
        kind = types.field(kind, name)
    return kind


def starred(projection: exp.Expr, scope: Scope) -> list[exp.Expr]:
    """Expand a star that covers the fields of an array's elements. Any other expression is returned unchanged."""
    if isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
        source = next((one for one in scope.sources if one.name.casefold() == projection.table.casefold()), None)
        return _columns_of(source, projection.this) if isinstance(source, Elements) else [projection]
    if not isinstance(projection, exp.Star) or not any(isinstance(one, Elements) for one in scope.sources):
        return [projection]
    if not all(isinstance(one, Elements) or (one.name and one.columns is not None) for one in scope.sources):
        return [projection]
    return _all_columns(scope, projection)


def starred_struct(struct: exp.Expr, star: exp.Star) -> list[exp.Expr]:
    """Expand the star of a struct. Return an empty list if the struct's fields are unknown."""
    return _selected(_fields(struct), star)


def _all_columns(scope: Scope, star: exp.Star) -> list[exp.Expr]:
    parts = [_parts(one) for one in scope.sources]
    for using in scope.using:
        _merge(parts, using)
    return _selected([part for of_source in parts for part in of_source], star)


def _merge(parts: list[list[_Part]], using: Using) -> None:
    """Put the columns of USING before the other columns of the joined sources."""
    names = {name.casefold() for name in using.names}
    merged: dict[str, _Part] = {}
    for number in range(using.first, using.last):
        for name, _, kind in parts[number]:
            if name.casefold() in names:
                merged.setdefault(name.casefold(), (name, exp.column(exp.to_identifier(name, quoted=True)), kind))
        parts[number] = [one for one in parts[number] if one[0].casefold() not in names]
    first = [merged[name.casefold()] for name in using.names if name.casefold() in merged]
    parts[using.first] = [*first, *parts[using.first]]


def _columns_of(source: Source, star: exp.Star) -> list[exp.Expr]:
    return _selected(_parts(source), star)


def _parts(source: Source) -> list[_Part]:
    """Return the columns that a source contributes to a star."""
    if isinstance(source, Table):
        made: list[_Part] = [
            (name, exp.column(exp.to_identifier(name, quoted=True), source.name), kind)
            for name, kind in source.columns or []
        ]
    elif types.fields(source.type):
        made = _fields(source.column)
    else:
        made = [(source.column.name, source.column.copy(), source.type)]
    if isinstance(source, Elements) and source.offset:
        made.append((source.offset.name, source.offset.copy(), source.offset.type))
    return made


def _fields(struct: exp.Expr) -> list[_Part]:
    root = struct if isinstance(struct, exp.Column | exp.Dot) else exp.paren(struct)
    return [
        (name, exp.Dot(this=root.copy(), expression=exp.to_identifier(name, quoted=True)), kind)
        for name, kind in types.fields(struct.type)
    ]


def _selected(made: list[_Part], star: exp.Star) -> list[exp.Expr]:
    left_out = {one.name.casefold() for one in star.args.get("except_") or []}
    replaced = {one.alias.casefold(): one.this for one in star.args.get("replace") or []}
    renamed = {one.this.name.casefold(): one.alias for one in star.args.get("rename") or []}
    columns: list[exp.Expr] = []
    for name, value, kind in made:
        if name.casefold() not in left_out:
            other = replaced.get(name.casefold())
            column = exp.alias_((other or value).copy(), renamed.get(name.casefold(), name), quoted=True)
            column.type = types.infer(other) if other else kind
            columns.append(column)
    return columns


def outputs(select: exp.Select, scope: Scope) -> Columns | None:
    """Return the columns of a query with resolved names, or None if a star covers unknown columns."""
    columns: Columns = []
    for projection in select.expressions:
        if projection.is_star:
            table = projection.table.casefold() if isinstance(projection, exp.Column) else None
            star = projection.this if isinstance(projection, exp.Column) else projection
            covered = [one for one in scope.sources if table is None or one.name.casefold() == table]
            if any(isinstance(one, Table) and one.columns is None for one in covered):
                return None
            made = _all_columns(scope, star) if table is None else _columns_of(covered[0], star) if covered else []
            columns += [(one.alias, types.known(one.type)) for one in made]
        else:
            columns.append((projection.alias_or_name, types.infer(projection)))
    return columns


def renamed(columns: Columns | None, names: Sequence[str]) -> Columns | None:
    """Rename the columns to `names`, the column list of an alias. If `names` is empty, keep the columns' names."""
    if not names or columns is None:
        return columns
    return [(name, kind) for name, (_, kind) in zip(names, columns, strict=False)]


def range_variable(item: exp.Expr) -> str:
    """Return the name of an item in FROM, or an empty string."""
    pivots = item.args.get("pivots") or []
    # The rows of a wildcard table come from a subquery, which has the table's name without the star.
    return (pivots[-1].alias if pivots else "") or item.alias_or_name.rstrip("*")
