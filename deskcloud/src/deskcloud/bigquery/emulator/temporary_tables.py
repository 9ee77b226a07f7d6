"""Look up temporary tables only for the statements of a session. No other statement can have such tables at its start.

Otherwise local-bigquery would search all tables of all databases for temporary tables before each statement.
"""

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

from local_bigquery.jobs import query

from deskcloud.bigquery.emulator import patching

_REASON = "each statement looks for temporary tables among all tables"
_TEMPORARY = "SELECT table_name FROM duckdb_tables() WHERE temporary"
_NOTHING = "SELECT '' AS table_name WHERE FALSE"


def add() -> None:
    """Make `query.execute` skip the search for temporary tables outside sessions."""
    patching.change(query, "execute", _without_looking, _REASON)


def _without_looking(execute: FunctionType) -> Callable[..., Any]:
    return functools.partial(_execute, execute, patching.with_texts(execute, {_TEMPORARY: _NOTHING}, _REASON))


def _execute(in_session: Callable[..., Any], alone: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return (in_session if named.get("session") else alone)(*arguments, **named)
