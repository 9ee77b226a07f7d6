"""Report an unexpected exception as an error in the request, and not as an internal error.

Clients retry a request after an internal error, but the same exception would occur in every retry.
"""

import functools
import gzip
import logging
import sys
import types
import zlib
from collections.abc import Callable

import duckdb
from local_bigquery import errors
from local_bigquery.app import app
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import runner
from local_bigquery.sql import script

from deskcloud.bigquery.emulator import patching

_LOG = logging.getLogger(__name__)
_INTERNAL = "dontRetry"
# Request handlers raise these exceptions. If an exception has no registered handler, the connection is closed.
_OF_REQUESTS = (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError, duckdb.Error)


def add() -> None:
    """Report an unexpected exception as an error in the request, which clients do not retry.

    Otherwise the exception would be reported as an internal error. Call this function after `error_texts.add`.
    """
    routes = sys.modules["local_bigquery.app"]
    for module, reason in ((runner, "invalidQuery"), (routes, "invalid")):
        classified = functools.partial(_classified, reason)
        patching.wrap(
            module, "from_exception", classified, "unexpected exceptions are internal errors, which clients retry"
        )
    for kind in _OF_REQUESTS:
        app.add_exception_handler(kind, routes.handle_error)
    gzipped = types.SimpleNamespace(decompress=_decompressed)
    patching.replace(routes, "gzip", gzipped, "a body that is declared as gzip and is not is an internal error")


def _classified(reason: str, original: Callable[[Exception], BigQueryError], error: Exception) -> BigQueryError:
    match error:
        case FileNotFoundError():
            return BigQueryError("notFound", f"Not found: {error.filename or 'URI'}")
        case OSError() | MemoryError():
            found: BigQueryError = errors.from_exception(error)
            return found
        case script.Break() | script.Continue():
            return BigQueryError(reason, "BREAK, LEAVE, CONTINUE and ITERATE are only allowed inside of a loop")
        case RecursionError():
            return BigQueryError(reason, "The statement is nested too deeply")
    found = original(error)
    if found.reason != _INTERNAL:
        return found
    _LOG.error("the emulator cannot run this request", exc_info=error)
    return BigQueryError(reason, f"The local BigQuery cannot run this: {error!r}")


def _decompressed(body: bytes) -> bytes:
    """Return the decompressed body. A body that is not compressed is returned unchanged and refused later."""
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return body
