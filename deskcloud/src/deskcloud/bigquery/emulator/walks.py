"""Search a statement's tree in half of the time that sqlglot needs.

A hundred rules each search the whole tree for certain kinds of nodes. In sqlglot, these searches take a third of the
time of a translation.
"""

from collections.abc import Iterator

from sqlglot.expressions.core import Expr, Expression

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Replace sqlglot's search in trees. Call this function before the first statement is run."""
    patching.replace(Expression, "find_all", _find_all, "searches of the tree take a third of a translation")


def _find_all(self: Expr, *kinds: type[Expr], bfs: bool = True) -> Iterator[Expr]:
    if not bfs:
        yield from (node for node in self.dfs() if isinstance(node, kinds))
        return
    nodes = [self]
    # The list grows during the loop. A node's children are added after the caller has changed the node.
    for node in nodes:
        if isinstance(node, kinds):
            yield node
        for value in node.args.values():
            if isinstance(value, list):
                nodes += [one for one in value if isinstance(one, Expr)]
            elif isinstance(value, Expr):
                nodes.append(value)
