"""Resolve the names of array elements that UNNEST puts in FROM, because these names mean something else in DuckDB.

In GoogleSQL, `UNNEST(array) AS h` makes `h` a range variable, whose value is an element of the array. If the element is
a STRUCT, the element's fields are columns, with or without `h.` before the field's name. `FROM t, t.array` means the
same as `FROM t, UNNEST(t.array)`.

In DuckDB, UNNEST is a table with one column, which holds the element. The rule therefore gives each UNNEST a table
alias of its own. Each name of an element, a field or an offset becomes a path that begins with this alias. Statements
without UNNEST are not changed, unless they contain a STRUCT or a call of a template (`templates.py`).
"""

import itertools
from collections.abc import Sequence

from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator import known_types as types
from deskcloud.bigquery.emulator import scope as scopes
from deskcloud.bigquery.emulator import structs, templates, wildcards
from deskcloud.bigquery.emulator.known_types import Columns
from deskcloud.bigquery.emulator.learning import Learner
from deskcloud.bigquery.emulator.scope import Arguments, Elements, Scope, Table, Using
from deskcloud.bigquery.emulator.templates import Call

_AFTER_THE_SELECT_LIST = ("group", "having", "qualify", "order", "windows")


type _Queries = dict[str, Columns | None]


def resolve(tree: exp.Expr, context: Context) -> exp.Expr:
    """Replace the names in a statement by full paths, and name the fields of its structs explicitly."""
    is_called = any(templates.calls(tree, context))
    if is_called or tree.find(exp.Unnest, exp.Struct, exp.Tuple) or _has_array_path(tree):
        structs.name_fields(tree)
        _Resolver(context).statement(tree)
        structs.align(tree)
    return tree


def _has_array_path(tree: exp.Expr) -> bool:
    """Return whether a FROM may name an array of an outer table, as in (SELECT ... FROM t.array)."""
    aliases = {table.alias_or_name.casefold() for table in tree.find_all(exp.Table)}
    return any(table.parts[0].name.casefold() in aliases for table in tree.find_all(exp.Table) if table.db)


class _Resolver:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._prefix = ""
        self._numbers = itertools.count(1)
        # Maps the text of a template's call to a number. The number becomes a part of the names that are generated in
        # the template's body. Equal calls need equal names, because GROUP BY compares the expressions.
        self._calls: dict[str, int] = {}
        self._is_argument = False
        self._learner = Learner(context, resolve)

    def statement(self, tree: exp.Expr) -> None:
        """Resolve the names in a statement of any kind."""
        if isinstance(tree, exp.Query):
            self._query(tree, None, {})
            return
        scope = self._around(tree)
        for name, value in list(tree.args.items()):
            if name not in {"this", "using", "from_", "tables"}:
                self._inside(value, scope, {})
        if isinstance(tree, exp.Insert):
            self._name_as_stored(tree)
        elif isinstance(tree, exp.Update):
            stored = dict(scope.sources[0].columns or []) if isinstance(scope.sources[0], Table) else {}
            for assignment in tree.expressions:
                structs.rename(assignment.expression, stored.get(assignment.this.name))

    def _around(self, tree: exp.Expr) -> Scope:
        """Return the scope of a statement that is not a query: the parameters of a function, or the tables of DML."""
        scope = Scope()
        if isinstance(tree, exp.Create) and isinstance(tree.this, exp.UserDefinedFunction):
            parameters = [(one.name, types.known(one.kind)) for one in tree.this.expressions]
            scope.sources.append(Table("", parameters))
        elif isinstance(tree, exp.Update | exp.Delete | exp.Merge):
            using = tree.args.get("using")
            from_ = tree.args.get("from_")
            target = tree.this or (tree.args.get("tables") or [None])[0]
            for item in (target, *([using] if isinstance(using, exp.Expr) else using or [])):
                self._item(item, scope, {})
            if from_:
                self._from(from_.this, scope, {})
        return scope

    def _name_as_stored(self, insert: exp.Insert) -> None:
        """Give inserted structs the field names of the table's struct columns. GoogleSQL matches fields by position."""
        named = insert.this.expressions if isinstance(insert.this, exp.Schema) else []
        table = insert.this.this if isinstance(insert.this, exp.Schema) else insert.this
        stored = types.of_table(table, self._context) or []
        kinds = [dict(stored).get(one.name) for one in named] if named else [kind for _, kind in stored]
        source = insert.expression
        rows = (
            source.expressions if isinstance(source, exp.Values) else [source] if isinstance(source, exp.Select) else []
        )
        for row in rows:
            for value, kind in zip(list(row.expressions), kinds, strict=False):
                structs.rename(value.unalias(), kind)

    def _query(self, query: exp.Expr, outer: Scope | None, queries: _Queries) -> Columns | None:
        """Resolve the names in a query. Return the query's columns, or None if the columns are unknown."""
        queries = queries | self._definitions(query, outer, queries)
        if isinstance(query, exp.Subquery):
            columns = self._query(query.this, outer, queries)
            self._inside([query.args.get("order"), query.args.get("limit")], Scope(outer), queries)
            return columns
        if isinstance(query, exp.SetOperation):
            columns = self._query(query.this, outer, queries)
            self._query(query.expression, outer, queries)
            return columns
        return self._select(query, outer, queries) if isinstance(query, exp.Select) else None

    def _definitions(self, query: exp.Expr, outer: Scope | None, queries: _Queries) -> _Queries:
        found: _Queries = {}
        with_ = query.args.get("with_")
        if with_ is None:
            return found
        for one in with_.expressions:
            name = one.alias.casefold()
            if with_.recursive and isinstance(one.this, exp.SetOperation):
                # In a recursive query, the part before UNION determines the columns, which the part after UNION reads.
                columns = self._query(one.this.this, outer, queries | found)
                self._query(one.this.expression, outer, queries | found | {name: columns})
            else:
                columns = self._query(one.this, outer, queries | found)
            found[name] = scopes.renamed(columns, one.alias_column_names)
        return found

    def _select(self, select: exp.Select, outer: Scope | None, queries: _Queries) -> Columns | None:
        scope = Scope(outer)
        if from_ := select.args.get("from_"):
            self._from(from_.this, scope, queries, select.args.get("joins"))
        self._inside(select.args.get("where"), scope, queries)
        aliases = {one.alias.casefold() for one in select.expressions if isinstance(one, exp.Alias)}
        self._projections(select, scope, queries)
        for name in _AFTER_THE_SELECT_LIST:
            self._inside(select.args.get(name), scope, queries, aliases)
        return scopes.outputs(select, scope)

    def _from(self, item: exp.Expr, scope: Scope, queries: _Queries, joins: Sequence[exp.Join] | None = None) -> None:
        first, inner = len(scope.sources), item.args.get("joins") or []
        self._item(item, scope, queries)
        for join in [*inner, *(joins or [])]:
            self._join(join, first, scope, queries)

    def _join(self, join: exp.Join, first: int, scope: Scope, queries: _Queries) -> None:
        self._from(join.this, scope, queries)
        self._inside(join.args.get("on"), scope, queries)
        if using := join.args.get("using"):
            scope.using.append(Using([one.name for one in using], first, len(scope.sources)))
        if join.side and not join.args.get("on") and not join.args.get("using"):
            join.set("on", exp.true())

    def _item(self, item: exp.Expr | None, scope: Scope, queries: _Queries) -> None:
        if isinstance(item, exp.Table) and (path := self._array_path(item, scope)):
            item.replace(path)
            item = path
        if isinstance(item, exp.Unnest):
            self._unnest(item, scope, queries)
        elif isinstance(item, exp.Subquery) and not _is_join(item):
            columns = self._query(item, scope.outer, queries)
            columns = None if item.args.get("pivots") else scopes.renamed(columns, item.alias_column_names)
            scope.sources.append(Table(self._range_variable(item), columns, item))
        elif isinstance(item, exp.Subquery):
            self._from(item.this, scope, queries)
        elif isinstance(item, exp.Table):
            name = item.name.casefold()
            columns = queries[name] if not item.db and name in queries else self._columns(item)
            columns = None if item.args.get("pivots") else columns
            scope.sources.append(Table(self._range_variable(item), columns, item))
        elif item is not None:
            scope.sources.append(Table(item.alias_or_name, None, item))

    def _range_variable(self, item: exp.Expr) -> str:
        """Return the name of an item in FROM. An item without a name gets a generated name."""
        if name := scopes.range_variable(item):
            return name
        name = f"{self._prefix}_q{next(self._numbers)}"
        named: exp.Expr = (item.args.get("pivots") or [item])[-1]
        named.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
        return name

    def _columns(self, table: exp.Table) -> Columns | None:
        if table.name.endswith("*"):
            return wildcards.columns(table, self._context)
        return types.of_table(table, self._context)

    def _array_path(self, table: exp.Table, scope: Scope) -> exp.Unnest | None:
        """Return the UNNEST for `FROM t.array` if `t` is a range variable. Otherwise, return None."""
        parts = table.parts
        if len(parts) < 2 or not isinstance(table.this, exp.Identifier):
            return None
        root = parts[0].name.casefold()
        if not any(one.name.casefold() == root for level in scopes.levels(scope) for one in level.sources):
            return None
        alias = table.args.get("alias")
        column = (alias and alias.this) or parts[-1]
        path = exp.Dot.build([exp.column(parts[0].copy()), *(part.copy() for part in parts[1:])])
        return exp.Unnest(
            expressions=[path], alias=exp.TableAlias(columns=[exp.to_identifier(column.name, quoted=True)])
        )

    def _unnest(self, unnest: exp.Unnest, scope: Scope, queries: _Queries) -> None:
        given = unnest.args.get("alias")
        columns = given.columns if given else []
        name = columns[0] if columns else given.this if given and given.this else None
        if name is None and "offset" not in unnest.args:
            # sqlglot parses `FROM t, t.array` as an UNNEST whose alias is the last name of the path.
            name = unnest.expressions[0].this
        self._inside(unnest.expressions, scope, queries)
        kind = types.element(self._learner.kind(unnest.expressions[0], scope, unnest))
        table = exp.to_identifier(f"{self._prefix}_u{next(self._numbers)}")
        value = exp.to_identifier(name.name if name else "f0_", quoted=True)
        offset = unnest.args.get("offset")
        offset = offset if isinstance(offset, exp.Identifier) else None
        elements = Elements(
            name.name if name else "",
            exp.column(value.copy(), table.copy()),
            kind,
            exp.column(exp.to_identifier(offset.name, quoted=True), table.copy()) if offset else None,
        )
        elements.column.type = kind
        if elements.offset:
            elements.offset.type = "INT64"
            elements.node = _with_offset(unnest, elements)
            unnest.replace(elements.node)
        else:
            unnest.set("alias", exp.TableAlias(this=table, columns=[value]))
            unnest.set("explode_array", None)
            elements.node = unnest
        scope.sources.append(elements)

    def _inside(
        self,
        node: exp.Expr | Sequence[exp.Expr | None] | object,
        scope: Scope,
        queries: _Queries,
        aliases: set[str] | frozenset[str] = frozenset(),
    ) -> None:
        """Resolve the names in an expression. Bare names in `aliases` belong to the select list and do not change."""
        if isinstance(node, list):
            for one in node:
                self._inside(one, scope, queries, aliases)
        elif isinstance(node, exp.Query):
            self._subquery(node, scope, queries)
        elif isinstance(node, exp.Column):
            if len(node.parts) > 1 or node.name.casefold() not in aliases:
                self._column(node, scope)
        elif isinstance(node, exp.Expr) and (call := templates.called(node, self._context)):
            self._call(call, scope, queries)
        elif isinstance(node, exp.Expr):
            for name, value in list(node.args.items()):
                if isinstance(value, exp.Expr | list) and not (isinstance(node, exp.Star) and name != "replace"):
                    self._inside(value, scope, queries, aliases)

    def _call(self, call: Call, scope: Scope, queries: _Queries) -> None:
        """Replace a call by the function's body. The arguments replace the parameters."""
        former = self._is_argument, self._prefix, self._numbers
        self._is_argument = True
        self._inside(call.function.expressions, scope, queries)
        templates.check(call)
        columns: Columns = []
        values: dict[str, exp.Expr] = {}
        for (name, declared), given in zip(call.template.parameters, call.function.expressions, strict=True):
            value = exp.cast(given.copy(), declared.copy()) if declared else given.copy()
            value.type = declared or self._learner.kind(given, scope, call.node)
            columns.append((name, types.known(value.type)))
            values[name] = value
        number = self._calls.setdefault(call.node.sql(), len(self._calls) + 1)
        body = exp.paren(call.template.body.copy(), copy=False)
        made = exp.cast(body, call.template.returns.copy(), copy=False) if call.template.returns else body
        call.node.replace(made)
        self._is_argument, self._prefix, self._numbers = False, f"_f{number}", itertools.count(1)
        self._inside(body, Scope(None, [Arguments("", columns, None, values)]), {})
        self._is_argument, self._prefix, self._numbers = former

    def _subquery(self, query: exp.Query, scope: Scope, queries: _Queries) -> None:
        """Resolve the names in a subquery in an expression, and set the subquery's type."""
        columns = self._query(query, scope, queries)
        select = query.unnest()
        if not columns or not isinstance(select, exp.Query):
            return
        while isinstance(select, exp.SetOperation):
            select = select.this.unnest()
        kind = types.struct(columns) if select.args.get("kind") == "STRUCT" else columns[0][1]
        if isinstance(query.parent, exp.Array):
            query.parent.type = types.array(kind)
        elif isinstance(query, exp.Subquery):
            query.type = kind

    def _column(self, column: exp.Column, scope: Scope) -> None:
        parts = column.parts
        if isinstance(parts[-1], exp.Star):
            return
        names = [part.name.casefold() for part in parts]
        for level in scopes.levels(scope):
            if (found := scopes.found(level, names)) is None:
                continue
            source, is_field = found
            if isinstance(source, Table) and source.columns is None and names[0] in self._context.variables:
                # A script variable has this name. The source's columns are unknown, e.g. those of ML.PREDICT. So assume
                # that the name refers to the variable and not to a column.
                break
            if isinstance(source, Arguments):
                _put(column, source.values[names[0]].copy(), parts[1:])
                return
            if isinstance(source, Table):
                column.type = scopes.type_in(source, names)
                is_hidden = self._is_argument or isinstance(column.find_ancestor(exp.Unnest, exp.Query), exp.Unnest)
                if is_field and source.name and is_hidden:
                    # Put the table's name before the column's name. Otherwise the column's name might refer to the
                    # element, or to a column in the function's body.
                    root = exp.column(parts[0].copy(), source.name)
                    root.type = scopes.type_in(source, names[:1])
                    _put(column, root, parts[1:])
                return
            if source.offset and not is_field and names[0] == source.offset.name.casefold():
                _put(column, source.offset.copy(), [])
            else:
                _put(column, source.column.copy(), parts if is_field else parts[1:])
            return
        if len(parts) == 1:
            column.type = types.of_variable(parts[0].name, self._context)

    def _projections(self, select: exp.Select, scope: Scope, queries: _Queries) -> None:
        for projection in list(select.expressions):
            self._inside(projection, scope, queries)
        if any(one.is_star for one in select.expressions) and any(isinstance(one, Elements) for one in scope.sources):
            self._learner.learn(scope)
        made = [column for projection in select.expressions for column in self._starred(projection, scope)]
        for number, projection in enumerate(made):
            if isinstance(projection, exp.Dot) and isinstance(projection.expression, exp.Identifier):
                made[number] = exp.alias_(projection.copy(), projection.expression.name, quoted=True)
                made[number].type = projection.type
        select.set("expressions", made)

    def _starred(self, projection: exp.Expr, scope: Scope) -> list[exp.Expr]:
        path = projection.parts[:-1] if isinstance(projection, exp.Column) and projection.is_star else []
        if not path or (
            len(path) == 1 and any(one.name.casefold() == path[0].name.casefold() for one in scope.sources)
        ):
            return scopes.starred(projection, scope)
        parts = dict(zip(("this", "table", "db", "catalog"), (part.copy() for part in reversed(path)), strict=False))
        struct = exp.paren(exp.Column(**parts), copy=False)
        self._column(struct.this, scope)
        return scopes.starred_struct(struct.this, projection.this) or [projection]


def _is_join(item: exp.Subquery) -> bool:
    """Return whether the item is a join in parentheses and not a query."""
    inner = item.this
    if isinstance(inner, exp.Subquery):
        return bool(inner.alias or inner.args.get("joins")) or _is_join(inner)
    return not isinstance(inner, exp.Query)


def _put(column: exp.Column, root: exp.Expr, path: Sequence[exp.Expr]) -> None:
    """Replace a column by `root.path`. In a select list, the column keeps its name."""
    made = exp.paren(root, copy=False) if path and not isinstance(root, exp.Column | exp.Dot) else root
    made.type = root.type
    for part in path:
        kind = types.field(made.type, part.name)
        made = exp.Dot(this=made, expression=exp.to_identifier(part.name, quoted=True))
        made.type = kind
    column.replace(made)


def _with_offset(unnest: exp.Unnest, elements: Elements) -> exp.Subquery:
    """Return the UNNEST with an offset that counts from 0. DuckDB counts from 1."""
    inner = exp.Unnest(
        expressions=unnest.expressions,
        alias=exp.TableAlias(this=exp.to_identifier("_u"), columns=[exp.to_identifier("_e"), exp.to_identifier("_i")]),
        offset=True,
    )
    assert elements.offset is not None  # noqa: S101 - the caller checks this, which mypy cannot see
    select = exp.select(
        exp.alias_(exp.column("_e", "_u"), elements.column.name, quoted=True),
        exp.alias_(exp.column("_i", "_u") - 1, elements.offset.name, quoted=True),
    ).from_(inner)
    return exp.Subquery(this=select, alias=exp.TableAlias(this=elements.column.args["table"].copy()))
