"""The requests of a destination: open requests, and the outcomes of ended requests.

A request belongs to the destination, not to the run that sent it: a newer run also asks for the status of open requests
of earlier runs.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shared.destinations.documents import Ended, Request, ended
from shared.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.environment import Environment


class Requests:
    """The open and the ended requests of one destination. Every method raises google.api_core exceptions."""

    def __init__(self, destination: str, environment: Environment) -> None:
        self._bucket = environment.bucket
        self._store = Store(environment.bucket)
        self._runs = environment.runs
        self._folder = f"destinations/{destination}/open/"

    def open(self) -> list[Request]:
        """Return the open requests of all runs."""
        return [request for _, request in self._store.all(self._folder, Request)]

    def places_of(self, run_id: str) -> set[str]:
        """Return the places (KIND-NUMBER) of all requests that the run has sent, open or ended."""
        begin = f"{self._folder}{run_id}-"
        names = {blob.name.removeprefix(begin) for blob in self._bucket.list_blobs(prefix=begin)}
        names |= {uri.rpartition("/")[2] for uri in self._runs.files(run_id, "requests/")}
        return {name.removesuffix(".json") for name in names}

    def keep(self, request: Request) -> None:
        """Write the current state of an open request over its former state."""
        self._store.write(self._path(request), request)

    def end(self, request: Request, now: datetime) -> None:
        """Write the request's outcome into the folder of its run, then delete the open request."""
        how = Ended(
            kind=request.kind,
            number=request.number,
            members=request.members,
            request=request.request,
            outcome=request.outcome,
            sent_at=request.sent_at,
            ended_at=now,
            refused=Counter(request.refused.values()),
            detail=request.detail,
        )
        self._runs.write(request.run_id, ended(request.place), how)
        self._store.remove(self._path(request))

    def ended(self, run_id: str) -> list[Ended]:
        """Return the run's requests that have ended."""
        places = [uri.rpartition("/")[2].removesuffix(".json") for uri in self._runs.files(run_id, "requests/")]
        found = (self._runs.read(run_id, ended(place)) for place in places)
        return [one for one in found if one]

    def _path(self, request: Request) -> str:
        return f"{self._folder}{request.run_id}-{request.place}.json"
