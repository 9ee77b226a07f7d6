"""The routes of the page of `propensity up`. The page shows the data that the commands print with `--json`."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from cli import listing, logs, replay, report, status
from cli.errors import CommandError
from cli.page import access
from deskcloud.web import serving
from shared import jsontext
from shared.chain import run_state
from shared.chain.documents import REPORT
from shared.errors import Malformed
from shared.events import RUN_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from shared.chain.environment import Environment

FILES = {
    "/": ("index.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
HERE = Path(__file__).parent
RUNS = 30
LINES = 200
LOG_HOURS = 24


@contextmanager
def served(environment: Environment, port: int) -> Iterator[str]:
    """Yield the page's address, with its key, while the page is served on 127.0.0.1; port 0 takes a free port.

    Raises:
        CommandError: the port is taken; the message names its flag.
    """
    key = access.new_key()
    with ExitStack() as stack:
        try:
            url = stack.enter_context(serving.serve(create_app(environment, key), port, rules=None))
        except OSError as error:
            raise CommandError(f"port {port} for the page is taken: choose another with --page-port") from error
        yield f"{url}/?key={key}"


def create_app(environment: Environment, key: str) -> ASGIApp:
    """Return the page as an ASGI app that requires the key."""

    async def file(request: Request) -> Response:
        name, kind = FILES[request.url.path]
        return FileResponse(HERE / name, media_type=kind, headers=access.HEADERS)

    async def state(request: Request) -> Response:
        return await run_in_threadpool(_answer, _state, environment, request.query_params.get("run", ""))

    async def resend(request: Request) -> Response:
        return await run_in_threadpool(_answer, _resend, environment, request.path_params["letter"])

    async def written(request: Request) -> Response:
        return await run_in_threadpool(_report, environment, request.path_params["run_id"])

    routes = [
        *(Route(path, file) for path in FILES),
        Route("/state", state),
        Route("/replay/{letter}", resend, methods=["POST"]),
        Route("/reports/{run_id}", written),
    ]
    return access.Guard(Starlette(routes=routes), key)


def _answer(work: Any, environment: Environment, about: str) -> Response:
    try:
        document, code = work(environment, about), HTTPStatus.OK
    except (CommandError, Malformed) as error:
        document, code = {"error": str(error)}, HTTPStatus.CONFLICT
    return Response(jsontext.encode(document), code, access.HEADERS, "application/json")


def _state(environment: Environment, run_id: str) -> dict[str, Any]:
    """Return all data that the page shows.

    Details and log are about run `run_id`. If this run is not listed, they are about the newest run that trains, or
    else about the newest run.
    """
    now = datetime.now(UTC)
    runs = listing.listed(environment, limit=RUNS, is_failed=False)
    known = [row["run_id"] for row in runs["runs"]]
    training = [row["run_id"] for row in runs["runs"] if row.get("kind") == "training"]
    chosen = run_id if run_id in known else next(iter([*training, *known]), None)
    return {
        "status": status.read(environment, now, runs),
        **runs,
        "run": _run(environment, chosen) if chosen else None,
        "steps": run_state.STEPS,
        "log": _log(environment, chosen, now),
    }


def _run(environment: Environment, run_id: str) -> dict[str, Any]:
    run = run_state.read(environment.runs, run_id)
    return {**report.document(run), "has_ended": run.has_ended}


def _log(environment: Environment, run_id: str | None, now: datetime) -> list[dict[str, Any]]:
    """Return the last LINES lines of the run's log, the oldest first. If `run_id` is None, use the log of all runs."""
    narrower = f'jsonPayload.run_id="{run_id}"' if run_id else ""
    since = now - timedelta(hours=LOG_HOURS)
    entries = logs.newest(environment.settings.project, narrower, since, LINES)
    return [
        {"at": one.timestamp, "severity": one.severity, "message": one.payload.get("message", "")}
        for one in reversed(entries)
    ]


def _resend(environment: Environment, letter: str) -> dict[str, Any]:
    """Send a dead letter again, as `propensity replay` does."""
    originals, refused = replay.chosen(environment, [letter])
    if refused:
        raise CommandError(f"{letter} stays a dead letter: {refused[letter]}")
    return {"sent": len(replay.send(environment, originals))}


def _report(environment: Environment, run_id: str) -> Response:
    content = environment.runs.content(run_id, REPORT) if RUN_ID.fullmatch(run_id) else None
    if content is None:
        return PlainTextResponse("This run has no report.", HTTPStatus.NOT_FOUND)
    return Response(content, headers=access.HEADERS, media_type="text/html")
