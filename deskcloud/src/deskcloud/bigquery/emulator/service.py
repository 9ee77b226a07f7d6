"""Run `local-bigquery` as long as the process that started it is alive.

Standard input is a pipe, and the parent process holds the other end. The pipe closes when the parent process ends, even
after SIGKILL. This process then ends too, so that no orphan process keeps the ports and the lock of the database.
"""

import functools
import os
import secrets
import sys
import threading
from typing import Any

import grpc
import local_bigquery
import uvicorn
from local_bigquery import cli

from deskcloud.bigquery.emulator import locations, mends, patching
from deskcloud.bigquery.emulator.place import READING_SECRET, SECRET, SECRET_HEADER
from deskcloud.web import guard, patience
from deskcloud.web.guard import Rules
from deskcloud.web.patience import Patience

_READING = "/google.cloud.bigquery.storage.v1.BigQueryRead/"


class _AsksForTheSecret(grpc.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Accept only reads with the secret. Refuse the Storage Write API, because the gateway would not see its rows."""

    def __init__(self, secret: str) -> None:
        self._asked = f"Bearer {secret}"

    def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        brought = [value for name, value in details.invocation_metadata if name == "authorization"]
        if not any(secrets.compare_digest(self._asked.encode(), one.encode()) for one in brought):
            return _refusal(
                grpc.StatusCode.PERMISSION_DENIED,
                "send the secret in env.sh as a bearer token",
            )
        if not details.method.startswith(_READING):
            message = f"{details.method}: the local BigQuery supports only the Storage Read API"
            return _refusal(grpc.StatusCode.UNIMPLEMENTED, message)
        return continuation(details)


def _refusal(code: grpc.StatusCode, message: str) -> grpc.RpcMethodHandler:
    return grpc.stream_stream_rpc_method_handler(lambda _, call: call.abort(code, message))


def _guard(secret: str, reading_secret: str) -> None:
    """Accept HTTP requests only with `secret`, which the gateway sends, and gRPC reads only with `reading_secret`."""
    local_bigquery.app.add_middleware(locations.asgi)
    local_bigquery.app.add_middleware(guard.asgi, rules=Rules(secret, header=SECRET_HEADER))
    # Do not log each request, because the log would grow without limit.
    patching.change(
        uvicorn,
        "run",
        lambda run: functools.partial(run, http=patience.protocol(Patience()), proxy_headers=False, access_log=False),
        "slow clients are never disconnected, proxies' headers are trusted, each request is logged",
    )
    patching.change(
        grpc,
        "server",
        lambda server: functools.partial(server, interceptors=[_AsksForTheSecret(reading_secret)]),
        "any client of the port can read all tables",
    )


def _end_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve requests until the parent process ends. The command line is the same as for local-bigquery."""
    mends.apply()
    _guard(os.environ.pop(SECRET), os.environ.pop(READING_SECRET))
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    cli.main(sys.argv[1:])
