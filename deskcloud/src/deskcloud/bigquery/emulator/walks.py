"""Search and copy a statement's tree in a fraction of the time that sqlglot needs.

A hundred rules each search the whole tree for certain kinds of nodes, and several copy the tree. With sqlglot's own
functions, searches take a third and copies a fifth of the time of a translation.
"""

# ruff: noqa: SLF001 - a copy has the private attributes of its original

from collections.abc import Iterator
from typing import Any

from sqlglot.expressions.core import Expr, Expression

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Replace sqlglot's search in trees and its copies. Call this function before the first statement is run."""
    patching.replace(Expression, "find_all", _find_all, "searches of the tree take a third of a translation")
    patching.replace(Expression, "__deepcopy__", _deepcopy, "copies of the tree take a fifth of a translation")


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


def _deepcopy(self: Expr, _: Any) -> Any:
    root = _without_children(self)
    waiting = [(self, root)]
    while waiting:
        node, copy = waiting.pop()
        for name, value in node.args.items():
            if isinstance(value, Expr):
                copy.args[name] = child = _without_children(value)
                child.parent, child.arg_key = copy, name
                waiting.append((value, child))
            elif type(value) is list:
                copy.args[name] = values = list(value)
                for index, one in enumerate(value):
                    if isinstance(one, Expr):
                        values[index] = child = _without_children(one)
                        child.parent, child.arg_key, child.index = copy, name, index
                        waiting.append((one, child))
            else:
                copy.args[name] = value
    return root


def _without_children(node: Any) -> Any:
    copy = node.__class__()
    if node.comments is not None:
        copy.comments = list(node.comments)
    if node._type is not None:
        # A type that belongs to no tree is never changed, so all copies share it. sqlglot would copy the type.
        copy._type = node._type if node._type.parent is None else node._type.copy()
    if node._meta is not None:
        copy._meta = {key: list(value) if isinstance(value, list) else value for key, value in node._meta.items()}
    return copy
