"""What the emulator cannot carry out is refused at once: clients repeat a request that fails with an internal error.

Whatever a statement or a configuration makes this code run into, it would again.
"""

import functools
import gzip
import logging
import sys
import types
import zlib
from collections.abc import Callable

import duckdb
from local_bigquery.app import app
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import runner
from local_bigquery.sql import script

_LOG = logging.getLogger(__name__)
_INTERNAL = "dontRetry"
# What a request's handling may run into. Its connection is closed after what no handler is registered for.
_OF_REQUESTS = (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError, duckdb.Error)


def add() -> None:
    """Have local-bigquery classify exceptions so."""
    routes = sys.modules["local_bigquery.app"]
    for module, reason in ((runner, "invalidQuery"), (routes, "invalid")):
        original = getattr(module, "from_exception")  # noqa: B009 - a module that is not typed
        setattr(module, "from_exception", functools.partial(_classified, original, reason))  # noqa: B010
    for kind in _OF_REQUESTS:
        app.add_exception_handler(kind, routes.handle_error)
    setattr(routes, "gzip", types.SimpleNamespace(decompress=_decompressed))  # noqa: B010


def _classified(original: Callable[[Exception], BigQueryError], reason: str, error: Exception) -> BigQueryError:
    found = original(error)
    if found.reason != _INTERNAL:
        return found
    match error:
        case FileNotFoundError():
            return BigQueryError("notFound", f"Not found: {error.filename or 'URI'}")
        case OSError() | MemoryError():
            return found
        case script.Break() | script.Continue():
            message = "BREAK, LEAVE, CONTINUE and ITERATE are only allowed inside of a loop"
        case RecursionError():
            message = "The statement is nested too deeply"
        case _:
            _LOG.error("what the emulator cannot carry out", exc_info=error)
            message = f"The local BigQuery cannot carry this out: {error!r}"
    return BigQueryError(reason, message)


def _decompressed(body: bytes) -> bytes:
    """The body, or where it is not compressed as it says, the body as it is: no JSON, which is refused."""
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return body
