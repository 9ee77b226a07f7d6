"""A WSGI app for several functions. A request for /FUNCTION/PATH goes to the function FUNCTION with the path /PATH."""

import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.util import shift_path_info

import functions_framework

from deskcloud import jsontext
from deskcloud.functions.output import Marked, printed_by

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Dispatcher:
    """Passes requests to functions. The first request of a function creates the function's app, like a cold start.

    functions-framework converts a Pub/Sub push to /FUNCTION/projects/P/topics/T into a CloudEvent whose source is the
    topic T. The CloudEvent does not contain `subscription` and `deliveryAttempt`. functions-framework answers 400 to a
    message that has attributes but no data. Pub/Sub delivers such a message again until the message becomes a dead
    letter.
    """

    def __init__(self, source: Path, names: Iterable[str]) -> None:
        self._source = source
        self._names = frozenset(names)
        self._apps: dict[str, WSGIApplication] = {}
        self._making = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Call the function that the first part of the path names. If there is no such function, answer 404."""
        name = shift_path_info(environ) or ""
        if name not in self._names:
            known = ", ".join(sorted(self._names))
            return _answer(start_response, "404 Not Found", f"there is no function {name!r}; there are {known}\n")
        environ["PATH_INFO"] = environ["PATH_INFO"] or "/"
        environ["wsgi.errors"] = sys.stderr
        with printed_by(name):
            try:
                return self._call(name, environ, start_response)
            finally:
                for stream in (sys.stdout, sys.stderr):
                    if isinstance(stream, Marked):
                        stream.finish_line()

    def _call(self, name: str, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def reporting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            if status[0] in "45":
                _print_failure(environ, status)
            return start_response(status, headers, *rest)

        try:
            app = self._app(name)
        except Exception:  # noqa: BLE001 a function's module can raise any exception
            traceback.print_exc()
            return _answer(reporting, "500 Internal Server Error", f"the function {name} cannot be loaded\n")
        return app(environ, reporting)

    def _app(self, name: str) -> "WSGIApplication":
        if name not in self._apps:
            # Only one thread at a time may create an app, because functions-framework loads the source for each app
            # again, under the same module name.
            with self._making:
                if name not in self._apps:
                    # For a function without a decorator, the signature type must be given. Otherwise, the framework
                    # would use the signature type of the function that it loaded before.
                    self._apps[name] = functions_framework.create_app(  # type: ignore[no-untyped-call]
                        target=name, source=str(self._source), signature_type="http"
                    )
        return self._apps[name]


def _answer(start_response: "StartResponse", status: str, text: str) -> list[bytes]:
    body = text.encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _print_failure(environ: "WSGIEnvironment", status: str) -> None:
    """Print a line of JSON for a failed request, as in Cloud Run's request log."""
    code = int(status[:3])
    request = {"requestMethod": environ["REQUEST_METHOD"], "requestUrl": environ["PATH_INFO"], "status": code}
    print(  # noqa: T201 standard output is the log
        jsontext.text(
            {
                "severity": "ERROR" if code >= 500 else "WARNING",
                "message": f"the function answered {status}",
                "httpRequest": request,
            }
        )
    )
