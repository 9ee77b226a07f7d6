"""Run `local-bigquery` for as long as the process that started it lives.

Standard input is a pipe whose other end the parent holds. It closes however the parent ends, even by SIGKILL, and
this process goes with it: no orphan is left that keeps the ports and the database's lock.
"""

import functools
import os
import sys
import threading
from typing import Any

import grpc
import local_bigquery
import uvicorn
import uvicorn.config
from local_bigquery import cli

from local import guard, patience
from local.bigquery import emulator_mends
from local.bigquery.emulator_place import SECRET, SECRET_HEADER
from local.guard import Rules
from local.patience import Patience


class _AsksForTheSecret(grpc.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    def __init__(self, secret: str) -> None:
        self._asked = (SECRET_HEADER, secret)

    def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        if self._asked in details.invocation_metadata:
            return continuation(details)
        return grpc.unary_unary_rpc_method_handler(
            lambda _, call: call.abort(grpc.StatusCode.UNAUTHENTICATED, "only the gateway may ask the emulator")
        )


def _guard(secret: str) -> None:
    """Let nobody but the gateway ask this process."""
    local_bigquery.app.add_middleware(guard.asgi, rules=Rules(secret, header=SECRET_HEADER))
    uvicorn.run = functools.partial(uvicorn.run, http=patience.protocol(Patience()), proxy_headers=False)
    grpc.server = functools.partial(grpc.server, interceptors=[_AsksForTheSecret(secret)])


def _end_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    emulator_mends.apply()
    # A line for each request would make the log grow for ever.
    uvicorn.config.LOGGING_CONFIG["loggers"]["uvicorn.access"]["level"] = "WARNING"
    _guard(os.environ.pop(SECRET))
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    cli.main(sys.argv[1:])
